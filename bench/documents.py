"""How long the PDF of an invoice takes, against an empty page set by the same compiler.

Owns the measuring. Every sheet differs from the others, so that nothing is remembered of the last.
Does not own how a sheet is set (`adapters.documents`).
"""

import time
from datetime import UTC, datetime
from typing import Final

from adapters.documents.sheet import Fact, Item, Sheet, Total, lines_of
from adapters.documents.typesetting import Typesetter
from bench.figures import Spread
from billing.value import Value

_ISSUED: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
_EMPTY: Final = Sheet(kind="", title="", seller=(), customer=(), facts=(), items=(), totals=())
_LINES: Final = 5


class Setting(Value):
    """Milliseconds per document."""

    ours: Spread
    empty: Spread
    bytes_each: int


def set_invoices(*, count: int, warm_up: int) -> Setting:
    """Invoices of a few lines and empty pages, in turns."""
    typesetter = Typesetter()
    ours: list[float] = []
    empty: list[float] = []
    size = 0
    for number in range(-warm_up, count):
        began = time.perf_counter()
        made = typesetter.pdf(_invoice(number), dated=_ISSUED)
        between = time.perf_counter()
        typesetter.pdf(_EMPTY.model_copy(update={"title": str(number)}), dated=_ISSUED)
        if number >= 0:
            ours.append((between - began) * 1_000)
            empty.append((time.perf_counter() - between) * 1_000)
            size = len(made)
    return Setting(ours=Spread.of(ours), empty=Spread.of(empty), bytes_each=size)


def _invoice(number: int) -> Sheet:
    return Sheet(
        kind="Invoice",
        title=f"Invoice PN-{number:06}",
        seller=lines_of("Perennial Tools GmbH\nHauptstraße 1\n10115 Berlin\nGermany"),
        customer=lines_of(f"Customer {number}", f"customer{number}@example.com"),
        facts=(
            Fact(name="Invoice number", value=f"PN-{number:06}"),
            Fact(name="Date of issue", value="January 31, 2026"),
            Fact(name="Purchase order", value=f"PO-{number}"),
        ),
        memo=lines_of("Cost centre 4711"),
        items=tuple(
            Item(
                description=f"Team, {number + line} seats, every month",
                period="January 31, 2026 to February 28, 2026",
                amount=f"${number + line}.00",
            )
            for line in range(_LINES)
        ),
        totals=(Total(name="Amount due at issue", value=f"${number}.00", strong=True),),
        footer=lines_of("Please quote the invoice number."),
    )
