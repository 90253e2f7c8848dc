"""Payments that reached the seller outside the gateway (policy P22)."""

from typing import Any, Final

from sqlalchemy import Row, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.repositories.balances import SqlBalances
from adapters.db.tables.received_payment import received_payments
from billing.balance import BalanceCause, BalanceMovement
from billing.errors import Conflict
from billing.ids import effect_key
from billing.money import Money
from billing.received_payment import ReceivedBy, ReceivedPayment, ReportedPayment

_GET: Final = select(received_payments).where(
    received_payments.c.invoice_id == bindparam("invoice_id"),
    received_payments.c.reference == bindparam("reference"),
)
_ADD: Final = text("""
    WITH added AS (
        INSERT INTO received_payments (
            id, invoice_id, customer_id, subscription_id, command_id, currency, amount_minor,
            applied_minor, left_minor, method, reference, received_at, booked_at
        )
        SELECT :id, id, customer_id, subscription_id, :command_id, :currency, :amount_minor,
            :applied_minor, :left_minor, :method, :reference, :received_at, :booked_at
        FROM invoices
        WHERE id = :invoice_id AND status IN ('open', 'uncollectible')
            AND total_minor - balance_minor - paid_minor = :due_minor
        RETURNING *
    )
    UPDATE invoices SET
        paid_minor = paid_minor + added.applied_minor,
        status = CASE added.left_minor WHEN 0 THEN 'paid' ELSE status END,
        paid_at = CASE added.left_minor WHEN 0 THEN added.booked_at END
    FROM added WHERE invoices.id = added.invoice_id
""")


class SqlReceivedPayments:
    """Implements `billing.ports.books.ReceivedPayments`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, invoice_id: str, reference: str) -> ReceivedPayment | None:
        """The payment of an invoice with that reference."""
        return await find(self._connection, invoice_id, reference)

    async def add(self, payment: ReceivedPayment) -> None:
        """See the port: the row, what the invoice says was paid, and the balance."""
        reported = payment.reported
        added = await self._connection.execute(
            _ADD,
            {
                "id": payment.id,
                "invoice_id": payment.invoice_id,
                "command_id": payment.command_id,
                "currency": reported.amount.currency,
                "amount_minor": reported.amount.amount_minor,
                "applied_minor": payment.applied.amount_minor,
                "left_minor": payment.left.amount_minor,
                "due_minor": (payment.applied + payment.left).amount_minor,
                "method": reported.method,
                "reference": reported.reference,
                "received_at": reported.received_at,
                "booked_at": payment.booked_at,
            },
        )
        if added.rowcount == 0:
            raise Conflict(
                "invoice_not_open", f"{payment.invoice_id} is not owed, or owes another amount"
            )
        if payment.to_balance.amount_minor:
            await SqlBalances(self._connection).move(
                BalanceMovement(
                    source_key=effect_key("balance.overpaid", payment.id),
                    customer_id=payment.customer_id,
                    cause=BalanceCause.OVERPAID,
                    amount=payment.to_balance,
                    at=payment.booked_at,
                    invoice_id=payment.invoice_id,
                )
            )


async def find(
    connection: AsyncConnection, invoice_id: str, reference: str
) -> ReceivedPayment | None:
    """The payment of an invoice with that reference, if it is recorded."""
    found = await connection.execute(_GET, {"invoice_id": invoice_id, "reference": reference})
    row = found.one_or_none()
    return None if row is None else as_received_payment(row)


def as_received_payment(row: Row[Any]) -> ReceivedPayment:
    """The value of a row of `received_payments`."""

    def money(minor: int) -> Money:
        return Money(amount_minor=minor, currency=row.currency)

    return ReceivedPayment(
        id=row.id,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        command_id=row.command_id,
        reported=ReportedPayment(
            amount=money(row.amount_minor),
            received_at=row.received_at,
            method=ReceivedBy(row.method),
            reference=row.reference,
        ),
        applied=money(row.applied_minor),
        left=money(row.left_minor),
        booked_at=row.booked_at,
    )
