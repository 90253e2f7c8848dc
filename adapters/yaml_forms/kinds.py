"""The kinds of values that people write: text, numbers, choices, lists and mappings.

Each reads a node exactly and describes itself as JSON Schema. What a value may be beyond its kind
is the model's to say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import yaml

from adapters.yaml_forms.document import Stop, place_of
from adapters.yaml_forms.form import Fields, Form, Reading, Schema

_DECIMAL: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,12})?")
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_SIGNED: Final = re.compile(r"0|-?[1-9][0-9]{0,8}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_INT_TAG: Final = "tag:yaml.org,2002:int"
_FLAGS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Text:
    """Text."""

    def read(self, node: yaml.Node, name: str, _: Reading) -> str:
        """As written."""
        return text(node, name)

    def schema(self) -> Schema:
        """Any text."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of texts."""

    def read(self, node: yaml.Node, name: str, _: Reading) -> tuple[str, ...]:
        """As written."""
        if not isinstance(node, yaml.SequenceNode):
            raise Stop(place_of(node), f"{name} is a list of texts, such as [eu, us]")
        return tuple(text(item, name) for item in node.value)

    def schema(self) -> Schema:
        """Of any texts."""
        return {"type": "array", "items": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and with it the instant at which it begins in UTC."""

    def read(self, node: yaml.Node, name: str, _: Reading) -> datetime:
        """With or without quotes."""
        written = node.value if isinstance(node, yaml.ScalarNode) else ""
        try:
            day = date.fromisoformat(written) if _DAY.fullmatch(written) else None
        except ValueError:
            day = None
        if day is None:
            raise Stop(place_of(node), f"{name} is a day, such as 2026-01-31")
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    def schema(self) -> Schema:
        """Year, month and day."""
        return {"type": "string", "format": "date", "examples": ["2026-01-31"]}


@dataclass(frozen=True, slots=True)
class NewId:
    """The id of something of that kind; used once over all files."""

    of: str

    def read(self, node: yaml.Node, name: str, reading: Reading) -> str:
        """Raises `Stop` where it is used already."""
        identifier = text(node, name)
        reading.claim(self.of, identifier, node)
        return identifier

    def schema(self) -> Schema:
        """Its pattern is the model's."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in decimal digits."""

    def read(self, node: yaml.Node, name: str, _: Reading) -> int:
        """Not negative."""
        number = _number(node)
        if number is None:
            raise Stop(place_of(node), f"{name} is a whole number without quotes, such as 14")
        return number

    def schema(self) -> Schema:
        """Its bounds are the model's."""
        return {"type": "integer"}


@dataclass(frozen=True, slots=True)
class Wholes:
    """A list of whole numbers; `signed` ones may be below zero."""

    signed: bool = False

    def read(self, node: yaml.Node, name: str, _: Reading) -> tuple[int, ...]:
        """None of them negative, unless that is said."""
        items = node.value if isinstance(node, yaml.SequenceNode) else [None]
        whole, such_as = (_SIGNED, "[-10, 0, 15]") if self.signed else (_WHOLE, "[3, 8, 15]")
        numbers = tuple(number for item in items if (number := _number(item, whole)) is not None)
        if len(numbers) < len(items):
            raise Stop(place_of(node), f"{name} is a list of whole numbers, such as {such_as}")
        return numbers

    def schema(self) -> Schema:
        """Their bounds are the model's."""
        return {"type": "array", "items": {"type": "integer"}}


@dataclass(frozen=True, slots=True)
class DecimalText:
    """A decimal that is not negative, written as text: nothing is rounded on the way."""

    def read(self, node: yaml.Node, name: str, _: Reading) -> Decimal:
        """Exactly what is written."""
        if not isinstance(node, yaml.ScalarNode) or node.tag != _TEXT_TAG:
            raise Stop(place_of(node), f'{name} is a decimal in quotes, such as "16.00"')
        if not _DECIMAL.fullmatch(node.value):
            raise Stop(
                place_of(node),
                f'{node.value!r} is no {name}; write digits and one point, such as "16.00"',
            )
        return Decimal(node.value)

    def schema(self) -> Schema:
        """Digits and one point."""
        return {"type": "string", "pattern": f"^{_DECIMAL.pattern}$", "examples": ["16.00"]}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false, in these words alone."""

    def read(self, node: yaml.Node, name: str, _: Reading) -> bool:
        """YAML's `yes` and `on` are none."""
        value = node.value if isinstance(node, yaml.ScalarNode) and node.tag != _TEXT_TAG else None
        if value not in _FLAGS:
            raise Stop(place_of(node), f"{name} is true or false, without quotes")
        return _FLAGS[value]

    def schema(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of the words of an enumeration."""

    among: type[StrEnum]

    def read(self, node: yaml.Node, name: str, _: Reading) -> StrEnum:
        """The enumeration's value."""
        written = text(node, name)
        try:
            return self.among(written)
        except ValueError:
            known = ", ".join(str(value) for value in self.among)
            raise Stop(place_of(node), f"{name} is one of {known}, not {written!r}") from None

    def schema(self) -> Schema:
        """The words."""
        return {"type": "string", "enum": [str(value) for value in self.among]}


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping with a form of its own."""

    form: Form[Any]  # any model: the key's owner knows which

    def read(self, node: yaml.Node, _: str, reading: Reading) -> object:
        """The form's value."""
        return self.form.read(node, reading)

    def schema(self) -> Schema:
        """The form's schema."""
        return self.form.schema()


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of mappings, with one at least."""

    form: Form[Any]  # any model: the key's owner knows which

    def read(self, node: yaml.Node, name: str, reading: Reading) -> tuple[object, ...]:
        """Those that can be read; what is wrong with the others is told."""
        return reading.each(items(node, name), lambda item: self.form.read(item, reading))

    def schema(self) -> Schema:
        """Of one item at least."""
        return {"type": "array", "minItems": 1, "items": self.form.schema()}


def text(node: yaml.Node, name: str) -> str:
    """The text of a node. Raises `Stop` for anything else."""
    if not isinstance(node, yaml.ScalarNode) or node.tag != _TEXT_TAG:
        raise Stop(place_of(node), f"{name} is text; put it in quotes")
    written = str(node.value)
    if not written.isprintable():
        raise Stop(place_of(node), f"{name} has a character that nobody sees; {_unseen(written)}")
    return written


def _unseen(written: str) -> str:
    first = next(letter for letter in written if not letter.isprintable())
    return f"write it without {first!a}"


def items(node: yaml.Node, name: str) -> list[yaml.Node]:
    """The items of a list with at least one. Raises `Stop`."""
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise Stop(place_of(node), f"{name} is a list; begin each of its items with `- `")
    return list(node.value)


def named(node: yaml.Node, what: str, pattern: re.Pattern[str], reading: Reading) -> Fields:
    """The entries of a mapping whose keys are the writer's own names. Wrong ones are told."""
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise Stop(place_of(node), f"{what} are written as `name: value` lines")
    entries: Fields = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else None
        if name is None or not pattern.fullmatch(name):
            reading.tell(key, f"the names of {what} match {pattern.pattern}")
        elif name in entries:
            reading.tell(key, f"{name!r} is written twice; keep one")
        else:
            entries[name] = value
    return entries


def written_as(node: yaml.Node, words: Mapping[str, str]) -> list[yaml.Node]:
    """Wherever below the node one of the keys is written with that word as its value."""
    if isinstance(node, yaml.SequenceNode):
        return [found for item in node.value for found in written_as(item, words)]
    if not isinstance(node, yaml.MappingNode):
        return []
    return [
        found
        for key, value in node.value
        for found in (
            [value]
            if isinstance(key, yaml.ScalarNode)
            and isinstance(value, yaml.ScalarNode)
            and words.get(key.value) == value.value
            else written_as(value, words)
        )
    ]


def _number(node: yaml.Node | None, whole: re.Pattern[str] = _WHOLE) -> int | None:
    is_whole = isinstance(node, yaml.ScalarNode) and node.tag == _INT_TAG
    return int(node.value) if node and is_whole and whole.fullmatch(node.value) else None
