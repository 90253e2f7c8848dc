"""Tables as CSV (RFC 4180), safe to be opened in a spreadsheet.

Owns how cells are written: amounts as plain decimals in the currency's major unit, and text so that
no spreadsheet takes it for a formula (OWASP, CSV injection). Does not own what a table holds.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from billing.currency import minor_digits
from billing.money import Money

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # noqa: RUF001 - wide ones are formulas, too
_AS_TEXT: Final = "'"

Cell = str | int | Money | Decimal | date | datetime | None


def csv_lines(rows: Iterable[Sequence[Cell]]) -> str:
    """Each row on a line of its own, ended by CRLF."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return lines.getvalue()


def _written(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return (
                _AS_TEXT + cell if cell.lstrip(" \xa0\u3000").startswith(_FORMULA_BEGINS) else cell
            )
        case Money():
            digits = minor_digits(cell.currency)
            return f"{Decimal(cell.amount_minor).scaleb(-digits):.{digits}f}"
        case date():
            return cell.isoformat()
        case int() | Decimal():
            return str(cell)
