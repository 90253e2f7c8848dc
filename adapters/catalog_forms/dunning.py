"""How a product's ladder of payment attempts is written, and those of customer segments."""

import re
from dataclasses import dataclass
from typing import Final

import yaml

from adapters.yaml_forms.document import Told
from adapters.yaml_forms.form import Fields, Form, Key, Reading, Schema
from adapters.yaml_forms.kinds import Entry, OneOf, Whole, Wholes, named
from billing.dunning import (
    STANDARD_LADDER,
    DunningLadder,
    DunningPolicy,
    FinalAction,
    RetryLimit,
)
from billing.net_terms import Reminders

_SEGMENT: Final = re.compile(r"[a-z][a-z0-9_]{1,62}")

RETRY_LIMIT: Final = Form(
    what="a retry limit",
    model=RetryLimit,
    keys={
        "attempts": Key(Whole(), "So often is one card asked for one amount"),
        "days": Key(Whole(), "within so many days"),
    },
)

REMINDERS: Final = Form(
    what="a plan of reminders",
    model=Reminders,
    keys={
        "days": Key(
            Wholes(signed=True),
            "Days from the due date at which the customer is reminded; before it, below zero",
        ),
        "grace_days": Key(Whole(), "Days after the due date at which the subscription is unpaid"),
    },
)

LADDER: Final = Form(
    what="a segment's dunning",
    model=DunningLadder,
    keys={
        "retry_days": Key(Wholes(), "Days after the due time at which the invoice is tried again"),
        "final_action": Key(OneOf(FinalAction), "What happens when the last attempt is declined"),
        "retry_limit": Key(
            Entry(RETRY_LIMIT), "How often one card is asked for one amount, whoever insists"
        ),
        "reminders": Key(
            Entry(REMINDERS), "Of invoices of customers with net terms, which are not charged"
        ),
    },
)


@dataclass(frozen=True, slots=True)
class Segments:
    """Ladders by the name of a customer segment; each says what differs from the product's."""

    def read(self, node: yaml.Node, _: str, reading: Reading) -> dict[str, Fields]:
        """The fields of each: they are ladders once the product's own is known."""
        entries: dict[str, Fields] = {}
        for name, item in named(node, "segments", _SEGMENT, reading).items():
            try:
                entries[name] = LADDER.fields(item, reading)
            except Told:
                continue
        return entries

    def schema(self) -> Schema:
        """A ladder per name."""
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": f"^{_SEGMENT.pattern}$"},
            "additionalProperties": LADDER.schema(),
        }


_DUNNING: Final = Form(
    what="dunning",
    model=DunningLadder,
    says="What happens after a declined payment",
    keys={
        **LADDER.keys,
        "segments": Key(Segments(), "Customers of a segment: what differs for them"),
    },
)


@dataclass(frozen=True, slots=True)
class Dunning:
    """The ladder of a product, and those of segments."""

    def read(self, node: yaml.Node, _: str, reading: Reading) -> DunningPolicy:
        """What is left out is as in the standard ladder, or for segments as in the product's."""
        fields = _DUNNING.fields(node, reading)
        segments = fields.pop("segments", None)
        ladder = _ladder(fields, STANDARD_LADDER, reading)
        if segments is None:
            return DunningPolicy(ladder=ladder)
        ladders = {
            name: _ladder(given, ladder, reading)
            for name, given in Segments().read(segments, "segments", reading).items()
        }
        return DunningPolicy(ladder=ladder, segments=ladders)

    def schema(self) -> Schema:
        """The form of both."""
        return _DUNNING.schema()


def _ladder(fields: Fields, base: DunningLadder, reading: Reading) -> DunningLadder:
    """The base where something is wrong, which is told: no catalog comes of it."""
    try:
        return LADDER.built(
            fields, reading, lambda given: DunningLadder.model_validate(dict(base) | given)
        )
    except Told:
        return base
