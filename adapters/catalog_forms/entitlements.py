"""How a product's entitlements are written: a line each.

`single_sign_on: true` is a feature that is there; `users: {limit: 5, unit: user}` is one with a
limit. Does not own what entitlements mean (`billing.entitlement`).
"""

import re
from dataclasses import dataclass
from typing import Final

import yaml

from adapters.yaml_forms.document import Stop, place_of
from adapters.yaml_forms.form import Form, Key, Reading, Schema
from adapters.yaml_forms.kinds import Flag, OneOf, Text, Whole, named
from billing.entitlement import Combine, Entitlement, Limit

_FEATURE: Final = re.compile(r"[a-z][a-z0-9_]{1,62}")
_UNLIMITED: Final = "unlimited"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a feature; None for what is unlimited."""

    def read(self, node: yaml.Node, name: str, reading: Reading) -> int | None:
        """Not negative."""
        if isinstance(node, yaml.ScalarNode) and node.value == _UNLIMITED:
            return None
        try:
            return Whole().read(node, name, reading)
        except Stop:
            raise Stop(
                place_of(node), f"{name} is a whole number without quotes, or {_UNLIMITED}"
            ) from None

    def schema(self) -> Schema:
        """A number or the word."""
        return {"anyOf": [{"type": "integer", "minimum": 0}, {"const": _UNLIMITED}]}


LIMIT: Final = Form(
    what="a limit",
    model=Limit,
    keys={
        "limit": Key(Amount(), "How much, or unlimited", required=True, field="amount"),
        "unit": Key(Text(), "What the limit counts, in the singular", required=True),
        "per_unit": Key(Flag(), "true: each unit of the quantity, such as a seat, gives so much"),
        "combine": Key(
            OneOf(Combine),
            "Of several limits of one feature the highest holds; those that sum come on top",
        ),
    },
)


@dataclass(frozen=True, slots=True)
class Entitlements:
    """Features by their ids."""

    def read(self, node: yaml.Node, name: str, reading: Reading) -> tuple[Entitlement, ...]:
        """In the order in which they are written; what is wrong with the others is told."""
        entries = named(node, name, _FEATURE, reading)
        features = iter(entries)
        return reading.each(
            entries.values(), lambda item: _entitlement(next(features), item, reading)
        )

    def schema(self) -> Schema:
        """True or a limit per feature."""
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": f"^{_FEATURE.pattern}$"},
            "additionalProperties": {"anyOf": [{"const": True}, LIMIT.schema()]},
        }


def _entitlement(feature: str, node: yaml.Node, reading: Reading) -> Entitlement:
    if isinstance(node, yaml.MappingNode):
        return Entitlement(feature=feature, limit=LIMIT.read(node, reading))
    if not isinstance(node, yaml.ScalarNode) or node.value != "true":
        raise Stop(
            place_of(node),
            f"{feature} is true, or a limit such as {{limit: 5, unit: user}};"
            " leave out what is not included",
        )
    return Entitlement(feature=feature)
