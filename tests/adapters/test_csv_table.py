"""Cells that spreadsheets read as what they are."""

from datetime import date
from decimal import Decimal

import pytest

from adapters.csv_table import Cell, csv_lines
from billing.money import Money


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("Ada", "Ada"),
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1+1", "' =1+1"),
        ("\N{FULLWIDTH EQUALS SIGN}1+1", "'\N{FULLWIDTH EQUALS SIGN}1+1"),
        ("\u3000=1+1", "'\u3000=1+1"),
        ("\t=1", "'\t=1"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        (None, ""),
        (7, "7"),
        (Decimal("8.875"), "8.875"),
        (date(2026, 1, 31), "2026-01-31"),
        (Money(amount_minor=-503, currency="USD"), "-5.03"),
        (Money(amount_minor=2715, currency="JPY"), "2715"),
        (Money(amount_minor=6173, currency="KWD"), "6.173"),
        (Money(amount_minor=10**17, currency="USD"), "1000000000000000.00"),
    ],
)
def test_a_cell_is_text_or_a_number_and_never_a_formula(cell: Cell, written: str) -> None:
    assert csv_lines([[cell, "end"]]) == f"{written},end\r\n"
