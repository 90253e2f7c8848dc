"""What a document says, as plain text in its places: what the template `sheet.typ` is given.

Owns the shape, and that no text can break a page: long words get places to break, and what is not
printed, such as a change of the writing's direction, is left out. Does not own which facts an
invoice or a credit note has.
"""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator

from billing.value import Value

_LONGEST_WORD: Final = 24
_LONG_WORDS: Final = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")
_PIECES: Final = re.compile(rf".{{1,{_LONGEST_WORD}}}", re.DOTALL)
_MAY_BREAK: Final = "\u200b"


def _one_line(text: object) -> object:
    """On one line, with single spaces and nothing invisible."""
    if not isinstance(text, str):
        return text
    visible = "".join(letter if letter.isprintable() else " " for letter in text)
    return _LONG_WORDS.sub(
        lambda word: _MAY_BREAK.join(_PIECES.findall(word.group())), " ".join(visible.split())
    )


Printed = Annotated[str, BeforeValidator(_one_line)]


class Line(Value):
    """One line, or one paragraph, of text."""

    text: Printed


class Fact(Value):
    """Something with its name."""

    name: str
    value: Printed


class Total(Value):
    """A row below the lines."""

    name: Printed
    value: str
    strong: bool = False


class Item(Value):
    """One line of the document, with its own period."""

    description: Printed
    period: str
    amount: str


class Sheet(Value):
    """Everything that stands on a document."""

    kind: str
    title: str
    letter: bool = False
    """On US letter paper instead of A4."""
    seller: tuple[Line, ...]
    customer: tuple[Line, ...]
    facts: tuple[Fact, ...]
    memo: tuple[Line, ...] = ()
    items: tuple[Item, ...]
    totals: tuple[Total, ...]
    notes: tuple[Line, ...] = ()
    footer: tuple[Line, ...] = ()


def is_on_letter_paper(locale: str) -> bool:
    """Where the paper of offices is the US letter."""
    return locale.rpartition("-")[2] in {"US", "CA", "MX", "PH", "CL", "CO"}


def lines_of(*texts: str | None) -> tuple[Line, ...]:
    """Every line of every text that there is."""
    return tuple(
        Line(text=line) for text in texts for line in (text or "").splitlines() if line.strip()
    )
