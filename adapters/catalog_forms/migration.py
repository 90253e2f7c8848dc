"""How it is written that those who have what is no longer sold are moved, from when and how."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import yaml

from adapters.yaml_forms.document import Stop, place_of
from adapters.yaml_forms.form import Form, Key, Reading, Schema
from adapters.yaml_forms.kinds import Day, Entry, Whole
from billing.migration import Canary, MigrationRule

_MOST_HOURS: Final = 8_760


@dataclass(frozen=True, slots=True)
class Hours:
    """A length of time in whole hours."""

    def read(self, node: yaml.Node, name: str, reading: Reading) -> timedelta:
        """Up to a year."""
        hours = Whole().read(node, name, reading)
        if not 1 <= hours <= _MOST_HOURS:
            raise Stop(place_of(node), f"{name} is a number of hours, 1 to {_MOST_HOURS}")
        return timedelta(hours=hours)

    def schema(self) -> Schema:
        """A whole number."""
        return {"type": "integer", "minimum": 1, "maximum": _MOST_HOURS}


CANARY: Final = Form(
    what="a canary",
    says="Who is told first: so many, or so many of a hundred",
    model=Canary,
    keys={
        "count": Key(Whole(), "So many"),
        "percent": Key(Whole(), "So many of a hundred"),
        "wait_hours": Key(
            Hours(),
            "How long the others wait; without it until somebody continues the migration",
            field="wait",
        ),
    },
)
MIGRATION: Final = Form(
    what="a migration",
    says="Each customer is told, and moves at a renewal after the notice",
    model=MigrationRule,
    keys={
        "from": Key(
            Day(), "No renewal before this day moves anybody", required=True, field="migrates_at"
        ),
        "notice_days": Key(Whole(), "A customer is told so long before, at least"),
        "canary": Key(Entry(CANARY), "Who is told first; without it, everybody"),
        "per_minute": Key(Whole(), "How many customers are told in a minute, at most"),
    },
)
