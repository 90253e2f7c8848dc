"""YAML that people write, read field by field, with every mistake told by its line.

Owns the strict form and the kinds of fields. Anchors, aliases, tags and repeated keys are refused:
a file says what it seems to say. Does not own what the fields mean (`adapters.catalog_file`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

_MAX_DEPTH: Final = 12
_DECIMAL: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,12})?")
_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_INT_TAG: Final = "tag:yaml.org,2002:int"
_FLAGS: Final = {"true": True, "false": False}

ValueT = TypeVar("ValueT")
ModelT = TypeVar("ModelT", bound=BaseModel)
Fields = dict[str, yaml.Node]
Reader = Callable[[yaml.Node, str], object]
"""Reads the node of a field of that name; raises `Stop`."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something to correct, and where; lines count from 1."""

    line: int
    message: str


class Stop(Exception):
    """Reading cannot go on below this."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, message)


def root_of(content: bytes, *, max_bytes: int) -> yaml.Node | None:
    """The one document's root; None where nothing is written. Raises `Stop`."""
    if len(content) > max_bytes:
        raise Stop(1, f"the file is larger than {max_bytes} bytes")
    try:
        text = content.decode()
        _refuse_references(text)
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise Stop(1, "the file is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise Stop(line, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError:
        raise Stop(1, "not YAML: the file contains control characters") from None
    return root


def _refuse_references(text: str) -> None:
    """Before anything is built: no anchors, no tags of one's own, no bottomless nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise Stop(line, "anchors and aliases (& and *) are not read; write the value out")
        if getattr(event, "tag", None) is not None:
            raise Stop(line, "tags (!) are not read; write the plain value")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise Stop(line, "nested too deeply")


class Mistakes:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self, names_in_file: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._names_in_file = names_in_file

    def tell(self, node: yaml.Node, message: str) -> None:
        """Something about this node must be corrected."""
        self.problems.append(Problem(line_of(node), message))

    def fields(
        self, node: yaml.Node, what: str, known: tuple[str, ...], *, required: tuple[str, ...] = ()
    ) -> Fields | None:
        """The fields of a mapping; None where required ones are missing. Wrong keys are told."""
        if not isinstance(node, yaml.MappingNode):
            self.tell(node, f"{what} is written as `key: value` lines: {', '.join(known)}")
            return None
        fields: Fields = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name not in known:
                self.tell(key, _unknown_key(name, what, known))
            elif name in fields:
                self.tell(key, f"{name!r} is written twice; keep one")
            else:
                fields[name] = value
        missing = [name for name in required if name not in fields]
        if missing:
            self.tell(node, f"{what} needs {', '.join(missing)}")
        return None if missing else fields

    def named(self, node: yaml.Node, what: str, pattern: re.Pattern[str]) -> Fields:
        """The entries of a mapping whose keys are the writer's own names. Wrong ones are told."""
        if not isinstance(node, yaml.MappingNode) or not node.value:
            self.tell(node, f"{what} are written as `name: value` lines")
            return {}
        entries: Fields = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or not pattern.fullmatch(name):
                self.tell(key, f"the names of {what} match {pattern.pattern}")
            elif name in entries:
                self.tell(key, f"{name!r} is written twice; keep one")
            else:
                entries[name] = value
        return entries

    def items(self, fields: Fields | None, name: str) -> list[yaml.Node]:
        """The items of a list with at least one."""
        if fields is None:
            return []
        node = fields[name]
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.tell(node, f"{name} is a list; begin each of its items with `- `")
            return []
        return list(node.value)

    def value(
        self,
        node: yaml.Node,
        what: str,
        form: Mapping[str, Reader],
        model: type[ModelT],
        *,
        required: tuple[str, ...] = (),
    ) -> ModelT | None:
        """The value that a mapping is; None where something is wrong with it, which is told."""
        fields = self.fields(node, what, tuple(form), required=required)
        return None if fields is None else self.built(fields, form, model.model_validate)

    def built(
        self,
        fields: Fields,
        form: Mapping[str, Reader],
        build: Callable[[dict[str, object]], ValueT],
    ) -> ValueT | None:
        """What `build` makes of the fields that are given, each read as `form` says.

        What cannot be read, and what `build` complains of, is told with the lines of the fields.
        """
        values: dict[str, object] = {}
        for name, node in fields.items():
            try:
                values[name] = form[name](node, name)
            except Stop as stop:
                self.problems.append(stop.problem)
        if len(values) < len(fields):
            return None
        try:
            return build(values)
        except Stop as stop:
            self.problems.append(stop.problem)
        except ValidationError as error:
            self._tell_complaints(error, fields)
        return None

    def _tell_complaints(self, error: ValidationError, fields: Fields) -> None:
        lines = [line_of(node) for node in fields.values()]
        for complaint in error.errors(include_url=False):
            name = str(complaint["loc"][0]) if complaint["loc"] else ""
            name = self._names_in_file.get(name, name)
            line = line_of(fields[name]) if name in fields else min(lines, default=1)
            message = complaint["msg"].removeprefix("Value error, ")
            self.problems.append(Problem(line, f"{name}: {message}" if name else message))


def text(node: yaml.Node, name: str) -> str:
    """Text."""
    if not isinstance(node, yaml.ScalarNode) or node.tag != _TEXT_TAG:
        raise Stop(line_of(node), f"{name} is text; put it in quotes")
    return str(node.value)


def as_written(node: yaml.Node, _: str) -> yaml.Node:
    """The node itself, where reading it is somebody else's."""
    return node


def whole(node: yaml.Node, name: str) -> int:
    """A whole number in decimal digits."""
    number = _number(node)
    if number is None:
        raise Stop(line_of(node), f"{name} is a whole number without quotes, such as 14")
    return number


def wholes(node: yaml.Node, name: str) -> tuple[int, ...]:
    """A list of whole numbers."""
    items = node.value if isinstance(node, yaml.SequenceNode) else [None]
    numbers = tuple(number for item in items if (number := _number(item)) is not None)
    if len(numbers) < len(items):
        raise Stop(line_of(node), f"{name} is a list of whole numbers, such as [3, 8, 15]")
    return numbers


def decimal(node: yaml.Node, name: str) -> Decimal:
    """A decimal that is not negative, written as text: nothing is rounded on the way."""
    if not isinstance(node, yaml.ScalarNode) or node.tag != _TEXT_TAG:
        raise Stop(line_of(node), f'{name} is a decimal in quotes, such as "16.00"')
    if not _DECIMAL.fullmatch(node.value):
        raise Stop(
            line_of(node),
            f'{node.value!r} is no {name}; write digits and one point, such as "16.00"',
        )
    return Decimal(node.value)


def flag(node: yaml.Node, name: str) -> bool:
    """True or false, in these words alone."""
    value = node.value if isinstance(node, yaml.ScalarNode) and node.tag != _TEXT_TAG else None
    if value not in _FLAGS:
        raise Stop(line_of(node), f"{name} is true or false, without quotes")
    return _FLAGS[value]


def one_of(among: type[StrEnum]) -> Reader:
    """Reads one of the words of an enumeration."""

    def read(node: yaml.Node, name: str) -> StrEnum:
        written = text(node, name)
        try:
            return among(written)
        except ValueError:
            known = ", ".join(str(value) for value in among)
            raise Stop(line_of(node), f"{name} is one of {known}, not {written!r}") from None

    return read


def line_of(node: yaml.Node) -> int:
    """Where the node begins; lines count from 1."""
    return int(node.start_mark.line) + 1


def _number(node: yaml.Node | None) -> int | None:
    is_whole = isinstance(node, yaml.ScalarNode) and node.tag == _INT_TAG
    return int(node.value) if node and is_whole and _WHOLE.fullmatch(node.value) else None


def _unknown_key(name: str | None, what: str, known: tuple[str, ...]) -> str:
    if name is None:
        return f"the keys of {what} are plain words: {', '.join(known)}"
    close = get_close_matches(name, known, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
    return f"{what} has no {name!r}; {advice}"
