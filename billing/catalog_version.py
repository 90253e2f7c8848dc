"""Versions of the catalog: what was published, by whom and from when.

A published version never changes; a later one replaces it (policy P33). Versions come into force in
the order of their numbers, each at its own instant, and one whose instant is still to come can be
withdrawn. Owns the version and the digests that tell contents and plans apart. Does not own what
changes from one to the next (`billing.catalog_change`) nor storage.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, Field

from billing.actor import Actor
from billing.catalog import Catalog
from billing.value import Instant, Value


class VersionStatus(StrEnum):
    """Where a version stands at a moment."""

    SCHEDULED = "scheduled"
    IN_FORCE = "in_force"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


class CatalogVersion(Value):
    """One published catalog, without its content."""

    number: Annotated[int, Field(ge=1)]
    digest: str
    """Of its content; equal contents have equal digests, however they are written."""
    actor: Actor
    reason: str | None
    published_at: Instant
    effective_at: Instant
    withdrawn_at: Instant | None = None
    withdrawn_by: Actor | None = None

    def is_scheduled(self, now: datetime) -> bool:
        """Whether it is still to come into force, and so can be withdrawn."""
        return self.withdrawn_at is None and self.effective_at > now


def content_digest(catalog: Catalog) -> str:
    """Of what is sold, whatever the order and the notation of the files.

    What has its default is left out: a version of the code that knows more rules makes no other
    digest of a catalog that does not use them. What tells kinds apart always counts.
    """
    return _digest({name: _sorted(section) for name, section in _written(catalog).items()})


def plan_digest(
    *,
    based_on: int | None,
    content: str,
    effective_at: datetime | None,
    rehearsals: Iterable[str] = (),
) -> str:
    """Of a plan: what is published, on top of which version, from when, and who is moved by it.

    `rehearsals` are the digests of the migrations that begin with it.
    """
    moved = sorted(rehearsals)
    return _digest(
        {
            "based_on": based_on,
            "content": content,
            "effective_at": None if effective_at is None else effective_at.isoformat(),
            **({"rehearsals": moved} if moved else {}),
        }
    )


def _written(value: BaseModel) -> dict[str, object]:
    """The fields that are not as they are where nothing is written."""
    return {
        name: _content(getattr(value, name))
        for name, field in type(value).model_fields.items()
        if name == "kind" or getattr(value, name) != field.get_default(call_default_factory=True)
    }


def _content(value: object) -> object:
    match value:
        case BaseModel():
            return _written(value)
        case Mapping():
            return {str(name): _content(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_content(inner) for inner in value]
        case _:
            return value


def _sorted(section: object) -> object:
    """Things with an id in the order of their ids."""
    if isinstance(section, list | tuple) and all(isinstance(each, dict) for each in section):
        return sorted(section, key=lambda each: str(each.get("id")))
    return section


def _digest(content: object) -> str:
    return sha256(json.dumps(content, sort_keys=True, default=_as_text).encode()).hexdigest()


def _as_text(value: object) -> str:
    """Numbers as what they are worth: 16, 16.0 and 1.6E1 are the same."""
    return str(Fraction(value)) if isinstance(value, Decimal | Fraction) else str(value)
