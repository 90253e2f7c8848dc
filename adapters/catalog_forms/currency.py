"""How the currencies of a price are written: its first one, and what it costs in others.

`currencies: {JPY: {amount: "1650"}}` says again what is an amount, and nothing else; all that is no
amount is the price's. Does not own the amounts' conversion (`adapters.catalog_forms.price_model`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from adapters.catalog_forms.price_model import MODEL_KEYS
from adapters.yaml_forms.document import Stop, place_of
from adapters.yaml_forms.form import Fields, Form, Key, Reading, Schema
from adapters.yaml_forms.kinds import DecimalText, Flag, named, text
from billing.currency import MINOR_DIGITS
from billing.value import Value

_CODE: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 code that amounts can be written in."""

    def read(self, node: yaml.Node, name: str, _: Reading) -> str:
        """Raises `Stop` for currencies that nobody can be charged in."""
        return _known(text(node, name), node)

    def schema(self) -> Schema:
        """The codes."""
        return {"type": "string", "enum": sorted(MINOR_DIGITS)}


class WrittenOption(Value):
    """What an option says besides its amounts."""

    tax_inclusive: bool | None = None


BOUND_KEYS: Final = {
    "minimum_charge": Key(
        DecimalText(), "What a whole interval costs at least", field="minimum_amount_minor"
    ),
    "maximum_charge": Key(
        DecimalText(), "What a whole interval costs at most", field="maximum_amount_minor"
    ),
}
_AMOUNTS: Final = ("amount", "tiers", "fixed_amount", "minimum", "maximum", "cells")
AMOUNT_KEYS: Final = (*_AMOUNTS, *BOUND_KEYS)
"""The keys of a price that are written in a currency: each of its currencies has the same ones."""

OPTION: Final = Form(
    what="a currency of a price",
    says="What the price costs in this currency; what is no amount is the same in all",
    model=WrittenOption,
    keys={
        **{name: MODEL_KEYS[name] for name in _AMOUNTS},
        **BOUND_KEYS,
        "tax_inclusive": Key(Flag(), "Where it is another than the price's own"),
    },
)


@dataclass(frozen=True, slots=True)
class Currencies:
    """What a price costs in more currencies, by their codes; read where the price is made."""

    def read(self, node: yaml.Node, name: str, reading: Reading) -> Mapping[str, Fields]:
        """The fields of each. Wrong keys are told."""
        entries = named(node, name, _CODE, reading)
        return {_known(code, each): OPTION.fields(each, reading) for code, each in entries.items()}

    def schema(self) -> Schema:
        """Amounts per currency."""
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"enum": sorted(MINOR_DIGITS)},
            "additionalProperties": OPTION.schema(),
        }


def _known(code: str, node: yaml.Node) -> str:
    if code not in MINOR_DIGITS:
        raise Stop(
            place_of(node),
            f"{code!r} is no supported currency; write its ISO 4217 code, such as USD",
        )
    return code
