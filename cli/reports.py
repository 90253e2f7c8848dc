"""`perennial reports`: what the books say, for accountants, from the database.

Owns the command's words. The figures and columns are the API's (`api.reports`).
"""

import json
import sys
from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reporting
from adapters.db.queries import receivables, revenue, tax_charged
from adapters.report_table import receivables_csv, revenue_csv, tax_csv
from billing.errors import InvalidInput
from cli.database import run


def show_revenue(database_url: str, *, first: str, last: str, as_json: bool) -> None:
    """Recognised and deferred revenue of each month.

    Raises `InvalidInput` (`month_malformed`, `date_out_of_range`).
    """
    begins, ends = _first_day(first), _first_day(last)
    revenue.check_months(begins, ends)

    async def read(engine: AsyncEngine) -> tuple[revenue.RevenueOfMonth, ...]:
        async with reporting(engine) as connection:
            return await revenue.by_month(connection, first=begins, last=ends)

    months = run(database_url, read)
    if as_json:
        _print([month.model_dump_json() for month in months])
        return
    for line in revenue_csv(months):
        sys.stdout.write(line)


def show_tax(database_url: str, *, first: str, last: str, as_json: bool) -> None:
    """What was charged of each tax in the months together.

    Raises `InvalidInput` (`month_malformed`, `date_out_of_range`).
    """
    begins, ends = _first_day(first), _first_day(last)
    revenue.check_months(begins, ends)

    async def read(engine: AsyncEngine) -> tuple[tax_charged.TaxCharged, ...]:
        async with reporting(engine) as connection:
            return await tax_charged.by_rate(connection, first=begins, last=ends)

    rows = run(database_url, read)
    if as_json:
        _print([row.model_dump_json() for row in rows])
        return
    for line in tax_csv(rows):
        sys.stdout.write(line)


def show_receivables(database_url: str, *, as_of: datetime | None, as_json: bool) -> None:
    """Who owes what since when; row by row, however many there are."""
    at = as_of or datetime.now(UTC)

    async def show(engine: AsyncEngine) -> None:
        async with reporting(engine) as connection:
            rows = receivables.by_customer(connection, as_of=at)
            if as_json:
                _print([row.model_dump_json() async for row in rows])
                return
            async for line in receivables_csv(rows):
                sys.stdout.write(line)

    run(database_url, show)


def _first_day(month: str) -> date:
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError:
        raise InvalidInput("month_malformed", "write a month as 2026-01") from None


def _print(rows: list[str]) -> None:
    sys.stdout.write(json.dumps([json.loads(row) for row in rows], indent=2) + "\n")
