"""Sheets as PDF: the same bytes for the same facts, whatever text is in them."""

import re
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.documents.sheet import Fact, Item, Sheet, Total, lines_of
from adapters.documents.typesetting import Typesetter

ISSUED = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
TYPESETTER = Typesetter()
HOSTILE = (
    '#panic("now")',
    '#include "/etc/passwd" $x^2$ *bold* _it_ `raw` @ref <label> \\ // /* */ ]] }} ))',
    "\u202eevil\u202c \u2066isolate\u2069",
    "שלום עולם (123) ab",
    "مرحبا بالعالم 42",
    "山田太郎 株式会社",
    "😀👩‍👩‍👧‍👦🏳️‍🌈",
    "w" * 5_000,
    "word " * 2_000,
    "'\";--<script>&amp;",
    "=1+1\t\x00\x07\u0085",
)  # fmt: skip


def sheet(text: str = "Team, 5 seats, every month", *, items: int = 1) -> Sheet:
    """A sheet with the text in every place."""
    return Sheet(
        kind="Invoice",
        title="Invoice PN-000001",
        seller=lines_of("Perennial Tools GmbH\nHauptstr. 1", text),
        customer=lines_of(text, "ada@example.com"),
        facts=(Fact(name="Purchase order", value=text),),
        memo=lines_of(text),
        items=(Item(description=text, period="January", amount="$80.00"),) * items,
        totals=(Total(name="Total", value="$80.00", strong=True),),
        notes=lines_of(text),
        footer=lines_of(text),
    )


def made(what: Sheet) -> bytes:
    return TYPESETTER.pdf(what, dated=ISSUED)


def test_the_same_sheet_is_the_same_bytes_in_every_process() -> None:
    first, again = made(sheet()), Typesetter().pdf(sheet(), dated=ISSUED)
    assert first.startswith(b"%PDF-")
    assert sha256(first).hexdigest() == sha256(again).hexdigest()
    assert made(sheet("Pro")) != first


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_is_read_as_markup_or_breaks_the_sheet(text: str) -> None:
    assert made(sheet(text)).startswith(b"%PDF-")


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_set(text: str) -> None:
    assert made(sheet(text)).startswith(b"%PDF-")


def test_a_sheet_may_have_little_to_say() -> None:
    """As of an invoice from before there were sellers, and without lines."""
    bare = Sheet(
        kind="Invoice", title="PN-1", seller=(), customer=(), facts=(), items=(), totals=()
    )
    assert made(bare).startswith(b"%PDF-")


def test_a_moment_between_two_seconds_is_dated_by_the_first() -> None:
    assert TYPESETTER.pdf(sheet(), dated=ISSUED.replace(microsecond=972_500)) == made(sheet())


def test_only_fonts_that_are_brought_along_are_used() -> None:
    fonts = set(re.findall(rb"/BaseFont\s*/[A-Z]{6}\+([A-Za-z0-9]+)", made(sheet("שלום مرحبا"))))
    assert fonts <= {b"LibertinusSerif", b"DejaVuSansMono", b"NewCM10"}


def test_a_long_invoice_goes_on_on_the_next_page() -> None:
    assert _pages(made(sheet(items=1))) == 1
    assert _pages(made(sheet(items=200))) > 1


def _pages(pdf: bytes) -> int:
    return max(int(count) for count in re.findall(rb"/Count (\d+)", pdf))


def test_long_words_get_places_to_break_and_invisible_letters_go() -> None:
    [line] = lines_of("a\u202eb\x00c " + "w" * 60)
    assert line.text.startswith("a b c w")
    assert max(len(part) for part in re.split("[ \u200b]", line.text)) == 24
