"""Revenue by month: what was invoiced, what of it is earned, and what is still to be delivered.

Owns the SQL that does for all lines of all documents what `billing.recognition` says of one. A
credit note is a negative line; a void invoice earns nothing. Every month: deferred at its beginning
less accrued at its beginning plus invoiced less recognised is deferred less accrued at its end.
Accrued is what was had in arrears and is invoiced later; of what is not invoiced yet, the states
tell (`adapters.db.queries.unbilled`). Taxes are nobody's revenue, and discounts take it off the
lines that they were on.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import unbilled
from billing.errors import InvalidInput
from billing.money import Money
from billing.recognition import EarnedLine
from billing.value import Value

# Dates are UTC days, whatever the session's time zone.
_BY_MONTH: Final = text("""
    WITH documents AS (
        SELECT invoice.customer_id, line.currency,
            line.amount_minor - line.discount_minor
            - CASE WHEN line.tax_inclusive THEN line.tax_minor ELSE 0 END AS minor,
            (line.period_start AT TIME ZONE 'UTC')::date AS first_day,
            (line.period_end AT TIME ZONE 'UTC')::date AS end_day,
            (invoice.finalized_at AT TIME ZONE 'UTC')::date AS issued_on,
            (invoice.voided_at AT TIME ZONE 'UTC')::date AS voided_on,
            coalesce(price.billing = 'in_arrears', false) AS in_arrears
        FROM invoice_lines AS line JOIN invoices AS invoice ON invoice.id = line.invoice_id
        LEFT JOIN prices AS price
            ON price.id = line.price_id AND price.version = line.price_version
        UNION ALL
        SELECT note.customer_id, line.currency,
            CASE WHEN line.tax_inclusive THEN line.tax_minor ELSE 0 END - line.amount_minor,
            (line.period_start AT TIME ZONE 'UTC')::date,
            (line.period_end AT TIME ZONE 'UTC')::date,
            (note.issued_at AT TIME ZONE 'UTC')::date,
            NULL, false
        FROM credit_note_lines AS line JOIN credit_notes AS note ON note.id = line.credit_note_id
    ),
    lines AS (
        SELECT currency, minor, first_day, issued_on, voided_on,
            CASE WHEN in_arrears THEN least(first_day, issued_on) ELSE issued_on END AS known_on,
            greatest(end_day, first_day + 1) - first_day AS days,
            greatest(end_day, first_day + 1, issued_on, voided_on) AS last_day
        FROM documents
        WHERE CAST(:customers AS text[]) IS NULL OR customer_id = ANY (:customers)
    ),
    parts AS (
        SELECT lines.*, month::date AS month, (month + interval '1 month')::date AS next_month
        FROM lines CROSS JOIN LATERAL generate_series(
            date_trunc('month', greatest(known_on, CAST(:first AS date))::timestamp),
            date_trunc('month', least(last_day, CAST(:last AS date))::timestamp),
            interval '1 month'
        ) AS month
        WHERE known_on < CAST(:last AS date) + interval '1 month' AND last_day >= :first
    ),
    sums AS (
        SELECT *,
            CASE WHEN month <= known_on OR voided_on < month THEN 0
            ELSE round(minor * least(greatest(month - first_day, 0), days)::numeric / days)
            END AS earned_before,
            CASE WHEN next_month <= known_on OR voided_on < next_month THEN 0
            ELSE round(minor * least(greatest(next_month - first_day, 0), days)::numeric / days)
            END AS earned_after,
            issued_on >= month AND issued_on < next_month AS is_issued,
            next_month <= issued_on AS is_unbilled,
            coalesce(voided_on >= month AND voided_on < next_month, false) AS is_voided,
            coalesce(voided_on < next_month, false) AS is_over
        FROM parts
    )
    SELECT month, currency,
        sum(CASE WHEN is_issued THEN minor ELSE 0 END - CASE WHEN is_voided THEN minor ELSE 0 END)
            AS invoiced,
        sum(earned_after - earned_before) AS recognised,
        sum(CASE WHEN is_over OR is_unbilled THEN 0 ELSE minor - earned_after END) AS deferred,
        sum(CASE WHEN is_unbilled THEN earned_after ELSE 0 END) AS accrued
    FROM sums
    GROUP BY month, currency
    ORDER BY month, currency
""")


_MOST_MONTHS: Final = 120


def check_months(first: date, last: date) -> None:
    """Raises `InvalidInput` (`date_out_of_range`) for more than ten years, or backwards."""
    months = (last.year - first.year) * 12 + last.month - first.month
    if not 0 <= months < _MOST_MONTHS:
        raise InvalidInput(
            "date_out_of_range", f"a report is of 1 to {_MOST_MONTHS} months, the first one first"
        )


class RevenueOfMonth(Value):
    """One month in one currency."""

    month: date
    """Its first day."""
    invoiced: Money
    """Less what was credited or voided in it."""
    recognised: Money
    deferred: Money
    """At the month's end: invoiced, and not earned yet."""
    accrued: Money
    """At the month's end: earned, and not invoiced yet."""


@dataclass(slots=True)
class _Sums:
    """Of one month in one currency, in minor units."""

    invoiced: int = 0
    recognised: int = 0
    deferred: int = 0
    accrued: int = 0


async def by_month(
    connection: AsyncConnection,
    *,
    first: date,
    last: date,
    customer_ids: Collection[str] | None = None,
) -> tuple[RevenueOfMonth, ...]:
    """The months from `first` to `last`, each given by its first day; without those with nothing.

    Of everybody, or of some customers. What accrues is told as of each month's end, if the running
    period goes on until then. Within one transaction at one moment both sources are the same books.
    """
    found = await connection.execute(
        _BY_MONTH,
        {
            "first": first,
            "last": last,
            "customers": None if customer_ids is None else list(customer_ids),
        },
    )
    sums = {
        (row.month, row.currency): _Sums(
            int(row.invoiced), int(row.recognised), int(row.deferred), int(row.accrued)
        )
        for row in found
    }
    had: Counter[tuple[date, str]] = Counter()
    async for line in unbilled.lines(connection, customer_ids=customer_ids):
        had[_next_month(line.last_day), line.amount.currency] += line.amount.amount_minor
        _add(sums, line, first=first, last=last)
    for (since, currency), minor in had.items():
        for month, other in sums:
            if other == currency and since <= month:
                sums[month, currency].accrued += minor
    return tuple(
        _as_revenue(month, currency, sums[month, currency]) for month, currency in sorted(sums)
    )


def _add(sums: dict[tuple[date, str], _Sums], line: EarnedLine, *, first: date, last: date) -> None:
    """Each month in which it is earned; it stays accrued in later ones."""
    month = max(first, line.first_day.replace(day=1))
    while month <= min(last, line.last_day):
        following = _next_month(month)
        of_month = sums.setdefault((month, line.amount.currency), _Sums())
        of_month.recognised += line.recognised_in(month, following).amount_minor
        of_month.accrued += line.accrued_before(following).amount_minor
        month = following


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _as_revenue(month: date, currency: str, sums: _Sums) -> RevenueOfMonth:
    return RevenueOfMonth(
        month=month,
        invoiced=Money(amount_minor=sums.invoiced, currency=currency),
        recognised=Money(amount_minor=sums.recognised, currency=currency),
        deferred=Money(amount_minor=sums.deferred, currency=currency),
        accrued=Money(amount_minor=sums.accrued, currency=currency),
    )
