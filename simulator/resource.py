"""What every Stripe object has in common.

Owns the base of the resource models and how they become public JSON. Does not own any fields beyond
the common ones: each resource stands in its own module with exactly the fields that Stripe returns.
"""

import secrets
import string
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from simulator.document import JsonObject

_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 24


class Fields(BaseModel):
    """A part of a resource: frozen, and closed to fields that nobody declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def changed(self, **fields: object) -> Self:
        """A validated copy with other values; ValidationError for wrong types or names."""
        current = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate(current | fields)


class Resource(Fields):
    """A Stripe object with an id. Its `simulated`, where it has one, never leaves the process."""

    KIND: ClassVar[str]
    NOUN: ClassVar[str]
    PREFIX: ClassVar[str]

    id: str
    created: int
    livemode: bool = False

    def public(self) -> JsonObject:
        """The object as Stripe's API shows it, unexpanded."""
        return self.model_dump(mode="json", exclude={"simulated"})


class Deleted(Fields):
    """Stripe's answer to a deletion."""

    id: str
    object: str
    deleted: bool = True


def new_id(prefix: str) -> str:
    """An id in the style of Stripe. Random: it names an object and keys nothing."""
    return prefix + "_" + "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))


def new_client_secret(identifier: str) -> str:
    """The client secret of an intent, which Stripe derives from its id."""
    return f"{identifier}_secret_{new_id('x')[2:]}"
