"""What was charged by invoices' lines and what was given back of it (policy P13, P31).

Owns the reading behind `Invoices.debits`, `debits_of` and `settled`. What gives back is the view
`line_credits`: credit lines of invoices that are not void, and lines of credit notes.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.line_tax import as_line_tax
from billing.credit_note import Settled
from billing.currency import minimum_charges_minor
from billing.errors import NotFound
from billing.money import Money
from billing.period import Period
from billing.proration import Debit, LineRef

DEBITS: Final = """
    SELECT line.*, CAST(line.tax_rate AS text) AS tax_rate_text,
        given.credited_minor, given.tax_credited_minor,
        coalesce(given.period_end >= line.period_end, false) AS is_closed,
        EXISTS (
            SELECT FROM disputes
            WHERE disputes.invoice_id = line.invoice_id AND disputes.state IN ('open', 'lost')
        ) AS is_disputed
    FROM invoices JOIN invoice_lines AS line ON line.invoice_id = invoices.id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(credit.amount_minor), 0)::bigint AS credited_minor,
            coalesce(sum(credit.tax_minor), 0)::bigint AS tax_credited_minor,
            max(credit.period_end) AS period_end
        FROM line_credits AS credit
        WHERE credit.invoice_id = line.invoice_id AND credit.position = line.position
    ) AS given
    WHERE line.amount_minor > line.discount_minor AND {which}
    ORDER BY invoices.sequence, line.position
"""
"""SQL of the debits in question; `{which}` is a condition on `invoices` and `line`."""
SENT: Final = "invoices.status = 'open' AND invoices.net_days IS NOT NULL"
"""SQL that an invoice is owed on net terms: a change gives back of it too (policy P22)."""
_MINIMUM: Final = " ".join(
    f"WHEN '{currency}' THEN {minor}" for currency, minor in sorted(minimum_charges_minor().items())
)
AS_GOOD_AS_PAID: Final = f"""(
    invoices.status = 'paid' OR (
        invoices.status = 'open' AND invoices.paid_minor > 0
        AND (invoices.change_id IS NULL OR invoices.net_days IS NOT NULL)
        AND invoices.total_minor - invoices.balance_minor - invoices.paid_minor
            < CASE invoices.currency {_MINIMUM} ELSE 1 END
    )
)"""
"""SQL that an invoice is paid, but for what a transfer left and is too little to charge (P5)."""
_OF_SUBSCRIPTION: Final = text(
    DEBITS.format(
        which=f"invoices.subscription_id = :subscription_id"
        f" AND ({AS_GOOD_AS_PAID} OR :with_sent AND {SENT})"
        " AND line.period_end > :ending_after AND line.item_id IS NULL"
    )
)
_OF_INVOICE: Final = text(DEBITS.format(which="invoices.id = :invoice_id"))

_LOCK: Final = text("SELECT id FROM invoices WHERE id = :invoice_id FOR NO KEY UPDATE")

_GIVES_BACK_OF_A_DEBT: Final = f"""EXISTS (
    WITH RECURSIVE behind(id) AS (
        SELECT line.credits_invoice_id
        UNION
        SELECT earlier.credits_invoice_id
        FROM behind JOIN invoice_lines AS earlier ON earlier.invoice_id = behind.id
        WHERE earlier.credits_invoice_id IS NOT NULL
    )
    SELECT FROM behind JOIN invoices ON invoices.id = behind.id
    WHERE invoices.net_days IS NOT NULL AND invoices.status <> 'void' AND NOT {AS_GOOD_AS_PAID}
)"""  # noqa: S608 - made of constants
"""SQL that a credit `line` gives back of what was sent and is not paid, through any chain of
changes: so far it has paid nothing (policy P13, P22)."""

# Its credit lines paid a part of what an invoice charges, as the balance did: with money that the
# customer had paid before. What came outside the gateway goes back as balance too: no card has it.
# What a failed refund could not bring to the card went to the balance.
_SETTLED: Final = text(f"""
    SELECT invoices.currency, invoices.paid_minor - received.minor AS card_minor,
        payment.payment_id,
        invoices.balance_minor + received.minor
            + greatest(credited.minor + least(invoices.total_minor, 0), 0) AS balance_minor,
        noted.to_card_minor - failed.minor AS card_returned_minor,
        noted.to_balance_minor + failed.minor AS balance_returned_minor,
        EXISTS (
            SELECT FROM disputes
            WHERE disputes.payment_id = payment.payment_id AND state IN ('open', 'lost')
        ) AS is_disputed
    FROM invoices
    LEFT JOIN LATERAL (
        SELECT payment_id FROM payment_attempts
        WHERE invoice_id = invoices.id AND outcome_kind = 'paid' ORDER BY number DESC LIMIT 1
    ) AS payment ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(applied_minor), 0)::bigint AS minor
        FROM received_payments WHERE invoice_id = invoices.id
    ) AS received
    CROSS JOIN LATERAL (
        SELECT coalesce(
            -sum(amount_minor + CASE WHEN tax_inclusive THEN 0 ELSE tax_minor END), 0
        )::bigint AS minor
        FROM invoice_lines AS line
        WHERE line.invoice_id = invoices.id AND credits_invoice_id IS NOT NULL
            AND NOT {_GIVES_BACK_OF_A_DEBT}
    ) AS credited
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(to_card_minor), 0)::bigint AS to_card_minor,
            coalesce(sum(to_balance_minor), 0)::bigint AS to_balance_minor
        FROM credit_notes WHERE invoice_id = invoices.id
    ) AS noted
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_minor), 0)::bigint AS minor
        FROM refunds WHERE invoice_id = invoices.id AND state = 'failed'
    ) AS failed
    WHERE invoices.id = :invoice_id
""")  # noqa: S608 - made of constants


async def of_subscription(
    connection: AsyncConnection,
    subscription_id: str,
    *,
    ending_after: datetime,
    with_sent: bool = False,
) -> tuple[Debit, ...]:
    """The positive lines of paid invoices whose period ends later, by number and position.

    Also of those that a transfer paid but for too little to charge, and, where they are asked for,
    of open ones that were sent.
    """
    given = {
        "subscription_id": subscription_id,
        "ending_after": ending_after,
        "with_sent": with_sent,
    }
    found = await connection.execute(_OF_SUBSCRIPTION, given)
    return tuple(as_debit(row._asdict()) for row in found)


async def of_invoice(connection: AsyncConnection, invoice_id: str) -> tuple[Debit, ...]:
    """All positive lines of one invoice, by position."""
    found = await connection.execute(_OF_INVOICE, {"invoice_id": invoice_id})
    return tuple(as_debit(row._asdict()) for row in found)


async def lock_invoice(connection: AsyncConnection, invoice_id: str) -> None:
    """Until the transaction ends. Raises `NotFound` (`invoice_not_found`)."""
    if await connection.scalar(_LOCK, {"invoice_id": invoice_id}) is None:
        raise NotFound("invoice_not_found", f"no invoice {invoice_id!r}")


async def settled(connection: AsyncConnection, invoice_id: str) -> Settled:
    """How an invoice was paid and what of it went back, as of after its locking."""
    await lock_invoice(connection, invoice_id)
    row = (await connection.execute(_SETTLED, {"invoice_id": invoice_id})).one()

    def money(minor: int) -> Money:
        return Money(amount_minor=minor, currency=row.currency)

    return Settled(
        invoice_id=invoice_id,
        payment_id=row.payment_id,
        by_card=money(row.card_minor),
        by_balance=money(row.balance_minor),
        card_returned=money(row.card_returned_minor),
        balance_returned=money(row.balance_returned_minor),
        is_disputed=row.is_disputed,
    )


def as_debit(line: Mapping[str, Any]) -> Debit:
    """The value of a row of `DEBITS`, or of such a row as JSON."""
    tax = as_line_tax({**line, "tax_rate": line["tax_rate_text"]})
    return Debit(
        ref=LineRef(invoice_id=line["invoice_id"], position=line["position"]),
        description=line["description"],
        price_id=line["price_id"],
        price_version=line["price_version"],
        quantity=line["quantity"],
        period=Period(start=line["period_start"], end=line["period_end"]),
        amount=Money(
            amount_minor=line["amount_minor"] - line["discount_minor"], currency=line["currency"]
        ),
        credited=Money(amount_minor=line["credited_minor"], currency=line["currency"]),
        tax=tax,
        tax_credited_minor=line["tax_credited_minor"],
        is_closed=line["is_closed"],
        is_disputed=line["is_disputed"],
    )
