"""Tax by jurisdiction, rate and category: what invoices charged in months, less what went back.

Owns the sums that a return to the authorities is made of. In all they are what the ledger's tax
account moved by: an invoice counts when it is finalised and is taken back when it is voided, a
credit note when it is issued. Does not own what is paid to the authorities, which nobody books
here.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.line_tax import without_padding
from billing.money import Money
from billing.tax import TaxCategory, TaxReason
from billing.value import Value

_BY_RATE: Final = text("""
    WITH lines AS (
        SELECT invoice.customer_id, side.sign, side.at, false AS is_credited, line.currency,
            line.amount_minor - line.discount_minor AS minor, line.tax_minor, line.tax_inclusive,
            line.tax_jurisdiction, line.tax_name, line.tax_rate, line.tax_reason,
            line.tax_category
        FROM invoice_lines AS line JOIN invoices AS invoice ON invoice.id = line.invoice_id
        CROSS JOIN LATERAL (
            VALUES (invoice.finalized_at, 1), (invoice.voided_at, -1)
        ) AS side (at, sign)
        UNION ALL
        SELECT note.customer_id, 1, note.issued_at, true, line.currency,
            line.amount_minor, line.tax_minor, line.tax_inclusive,
            line.tax_jurisdiction, line.tax_name, line.tax_rate, line.tax_reason,
            line.tax_category
        FROM credit_note_lines AS line JOIN credit_notes AS note ON note.id = line.credit_note_id
    ),
    sides AS (
        SELECT *, sign * (minor - CASE WHEN tax_inclusive THEN tax_minor ELSE 0 END) AS net_minor,
            sign * tax_minor AS signed_tax_minor
        FROM lines
        WHERE tax_rate IS NOT NULL AND at >= :begins AND at < :ends
            AND (CAST(:customers AS text[]) IS NULL OR customer_id = ANY (:customers))
    )
    SELECT tax_jurisdiction, tax_name, tax_rate, tax_reason, currency, tax_category,
        coalesce(sum(net_minor) FILTER (WHERE NOT is_credited), 0) AS invoiced_minor,
        coalesce(sum(signed_tax_minor) FILTER (WHERE NOT is_credited), 0) AS invoiced_tax_minor,
        coalesce(sum(net_minor) FILTER (WHERE is_credited), 0) AS credited_minor,
        coalesce(sum(signed_tax_minor) FILTER (WHERE is_credited), 0) AS credited_tax_minor
    FROM sides
    GROUP BY tax_jurisdiction, tax_name, tax_rate, tax_reason, currency, tax_category
    ORDER BY tax_jurisdiction, tax_name, tax_rate, tax_reason NULLS FIRST, currency,
        tax_category NULLS FIRST
""")


class TaxCharged(Value):
    """One rate of one jurisdiction for one category, in one currency.

    Amounts without tax stand beside their tax.
    """

    jurisdiction: str
    name: str
    rate: Decimal
    reason: TaxReason | None
    """Why nothing was charged."""
    category: TaxCategory | None
    """Of what was sold; None where that has none, and of lines from before they said it."""
    invoiced: Money
    """By invoices, less those that were voided."""
    invoiced_tax: Money
    credited: Money
    """Given back by credit notes; positive."""
    credited_tax: Money

    @property
    def net(self) -> Money:
        """What the tax is on."""
        return self.invoiced - self.credited

    @property
    def tax(self) -> Money:
        """What is owed to the authorities for the time; less than nothing where more went back."""
        return self.invoiced_tax - self.credited_tax


async def by_rate(
    connection: AsyncConnection,
    *,
    first: date,
    last: date,
    customer_ids: Collection[str] | None = None,
) -> tuple[TaxCharged, ...]:
    """Of the months from `first` to `last`, each given by its first day, in UTC, together.

    Of everybody, or of some customers.
    """
    found = await connection.execute(
        _BY_RATE,
        {
            "begins": _midnight(first),
            "ends": _midnight((last + timedelta(days=31)).replace(day=1)),
            "customers": None if customer_ids is None else list(customer_ids),
        },
    )
    return tuple(_as_charged(row) for row in found)


def _as_charged(row: Row[Any]) -> TaxCharged:
    def money(minor: Decimal) -> Money:
        return Money(amount_minor=int(minor), currency=row.currency)

    return TaxCharged(
        jurisdiction=row.tax_jurisdiction,
        name=row.tax_name,
        rate=without_padding(row.tax_rate),
        reason=None if row.tax_reason is None else TaxReason(row.tax_reason),
        category=row.tax_category,
        invoiced=money(row.invoiced_minor),
        invoiced_tax=money(row.invoiced_tax_minor),
        credited=money(row.credited_minor),
        credited_tax=money(row.credited_tax_minor),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
