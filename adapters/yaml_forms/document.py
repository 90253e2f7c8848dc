"""One YAML document as nodes that know their file and line.

Owns the strict form: anchors, aliases, tags and deep nesting are refused before anything is built,
so that a file says what it seems to say and costs no more than its size. Does not own what the
nodes mean (`adapters.yaml_forms.form`).
"""

from dataclasses import dataclass
from io import StringIO
from typing import Final

import yaml

_MAX_DEPTH: Final = 12


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written; lines count from 1."""

    source: str
    line: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something to correct, and where."""

    place: Place
    message: str

    @property
    def line(self) -> int:
        """The line of its file."""
        return self.place.line

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Stop(Exception):
    """Reading cannot go on below this."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(place, message)


class Told(Exception):
    """Reading cannot go on below this, and why has been told already."""


class _Named(StringIO):
    """Text that the loader calls by its file's name, so that every node knows it."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def root_of(content: bytes, *, source: str) -> yaml.Node | None:
    """The one document's root; None where nothing is written. Raises `Stop`."""
    try:
        text = content.decode()
        _refuse_references(text, source)
        root: yaml.Node | None = yaml.compose(_Named(text, source), Loader=yaml.CSafeLoader)
    except UnicodeDecodeError as error:
        line = 1 + content[: error.start].count(b"\n")
        raise Stop(Place(source, line), "this is not UTF-8 text; save the file as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise Stop(Place(source, line), _not_yaml(error)) from None
    except yaml.YAMLError:
        raise Stop(
            Place(source, 1), "not YAML: the file contains control characters; remove them"
        ) from None
    return root


def _not_yaml(error: yaml.MarkedYAMLError) -> str:
    said = str(error.problem or error.context)
    if "cannot start any token" in said:
        return "not YAML: indent with spaces, not with tabs, and put special characters in quotes"
    if "another document" in said:
        return "a file is one document; remove the line --- or make two files"
    return f"not YAML: {said}"


def _refuse_references(text: str, source: str) -> None:
    """Before anything is built: no anchors, no tags of one's own, no bottomless nesting."""
    depth = 0
    for event in yaml.parse(_Named(text, source), Loader=yaml.CSafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        place = Place(source, line)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise Stop(place, "anchors and aliases (& and *) are not read; write the value out")
        if getattr(event, "tag", None) is not None:
            raise Stop(place, "tags (!) are not read; write the plain value")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise Stop(place, "nested too deeply; a catalog needs no more than five levels")


def place_of(node: yaml.Node) -> Place:
    """Where the node begins."""
    return Place(str(node.start_mark.name), int(node.start_mark.line) + 1)
