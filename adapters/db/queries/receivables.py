"""What customers owe, by how long it has been due.

Owns the buckets and the SQL. As of any moment: an invoice is owed from its finalisation until it is
paid, voided or written off (also where it was paid after that), less what was received of it by
then. Rows come as a stream, however many customers owe something.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.money import Money
from billing.value import Value

# Whoever owes most comes first; a total per currency needs no order.
_BY_CUSTOMER: Final = text("""
    WITH owed AS (
        SELECT customer_id, currency,
            total_minor - balance_minor - CASE WHEN paid_minor = 0 THEN 0 ELSE (
                SELECT coalesce(sum(applied_minor), 0) FROM received_payments
                WHERE invoice_id = invoices.id AND booked_at <= :as_of
            ) END AS minor,
            floor(extract(epoch FROM :as_of - due_at) / 86400) AS days,
            due_at <= :as_of AS is_due
        FROM invoices
        WHERE finalized_at <= CAST(:as_of AS timestamptz)
            AND (status = 'open' OR least(paid_at, voided_at, uncollectible_at) > :as_of)
            AND (CAST(:customers AS text[]) IS NULL OR customer_id = ANY (:customers))
    )
    SELECT customer_id, customers.name, customers.email, owed.currency,
        sum(minor) FILTER (WHERE NOT is_due) AS not_due,
        sum(minor) FILTER (WHERE is_due AND days <= 30) AS to_30,
        sum(minor) FILTER (WHERE is_due AND days > 30 AND days <= 60) AS to_60,
        sum(minor) FILTER (WHERE is_due AND days > 60 AND days <= 90) AS to_90,
        sum(minor) FILTER (WHERE is_due AND days > 90) AS beyond_90,
        sum(minor) AS total
    FROM owed JOIN customers ON customers.id = customer_id
    WHERE minor > 0
    GROUP BY customer_id, customers.name, customers.email, owed.currency
    ORDER BY total DESC, customer_id, owed.currency
    LIMIT CAST(:most AS bigint)
""")


class Receivable(Value):
    """What one customer owes in one currency, by days since it was due."""

    customer_id: str
    name: str | None
    email: str
    not_due: Money
    days_0_to_30: Money
    days_31_to_60: Money
    days_61_to_90: Money
    days_over_90: Money
    total: Money


async def by_customer(
    connection: AsyncConnection,
    *,
    as_of: datetime,
    customer_ids: list[str] | None = None,
    limit: int | None = None,
) -> AsyncIterator[Receivable]:
    """Whoever owed something at that moment; who owes most comes first."""
    parameters = {"as_of": as_of, "customers": customer_ids, "most": limit}
    async with connection.stream(_BY_CUSTOMER, parameters) as found:
        async for row in found:
            yield _as_receivable(row)


def _as_receivable(row: Row[Any]) -> Receivable:
    def money(minor: Decimal | None) -> Money:
        return Money(amount_minor=int(minor or 0), currency=row.currency)

    return Receivable(
        customer_id=row.customer_id,
        name=row.name,
        email=row.email,
        not_due=money(row.not_due),
        days_0_to_30=money(row.to_30),
        days_31_to_60=money(row.to_60),
        days_61_to_90=money(row.to_90),
        days_over_90=money(row.beyond_90),
        total=money(row.total),
    )
