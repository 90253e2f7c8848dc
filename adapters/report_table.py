"""Reports as CSV tables.

Owns their columns, which accountants' programs rely on: columns are added at the end alone. Does
not own the figures (`adapters.db.queries`) nor how a cell is written (`adapters.csv_table`).
"""

from collections.abc import AsyncIterator, Iterable, Iterator

from adapters.csv_table import csv_lines
from adapters.db.queries.receivables import Receivable
from adapters.db.queries.revenue import RevenueOfMonth
from adapters.db.queries.tax_charged import TaxCharged

_RECEIVABLES = (
    "customer", "name", "email", "currency", "not_due", "days_0_to_30", "days_31_to_60",
    "days_61_to_90", "days_over_90", "total",
)  # fmt: skip
_TAX = (
    "jurisdiction", "name", "rate", "reason", "currency", "invoiced", "invoiced_tax", "credited",
    "credited_tax", "net", "tax", "category",
)  # fmt: skip
_REVENUE = ("month", "currency", "invoiced", "recognised", "deferred", "accrued")


async def receivables_csv(rows: AsyncIterator[Receivable]) -> AsyncIterator[str]:
    """A line per customer and currency."""
    yield csv_lines([_RECEIVABLES])
    async for row in rows:
        cells = (
            row.customer_id,
            row.name,
            row.email,
            row.total.currency,
            row.not_due,
            row.days_0_to_30,
            row.days_31_to_60,
            row.days_61_to_90,
            row.days_over_90,
            row.total,
        )
        yield csv_lines([cells])


def revenue_csv(rows: Iterable[RevenueOfMonth]) -> Iterator[str]:
    """A line per month and currency."""
    yield csv_lines([_REVENUE])
    for row in rows:
        month = f"{row.month:%Y-%m}"
        cells = (
            month,
            row.invoiced.currency,
            row.invoiced,
            row.recognised,
            row.deferred,
            row.accrued,
        )
        yield csv_lines([cells])


def tax_csv(rows: Iterable[TaxCharged]) -> Iterator[str]:
    """A line per jurisdiction, rate, currency and tax category."""
    yield csv_lines([_TAX])
    for row in rows:
        cells = (
            row.jurisdiction,
            row.name,
            f"{row.rate:f}",
            row.reason,
            row.net.currency,
            row.invoiced,
            row.invoiced_tax,
            row.credited,
            row.credited_tax,
            row.net,
            row.tax,
            row.category,
        )
        yield csv_lines([cells])
