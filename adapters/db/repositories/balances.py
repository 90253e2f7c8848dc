"""What customers have in their favour, moved.

A movement is all that is written: the balance follows from it by a trigger (migration 0006).
Whoever moves a customer's balance, or numbers a document that may move it, takes the customer's
lock first: invoices, then the customer, then numbers, so that nobody waits in a circle. A lock of
the balance's row alone would not do, as the first movement makes that row.
"""

from typing import Final

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.statement import Statement
from adapters.db.tables.balance import customer_balances
from billing.balance import BalanceMovement
from billing.money import Money

_LOCK: Final = Statement("""
    SELECT pg_advisory_xact_lock(hashtextextended(:customer_id, 0)), (
        SELECT balance_minor FROM customer_balances
        WHERE customer_id = :customer_id AND currency = :currency FOR NO KEY UPDATE
    ) AS balance_minor
""")
_MOVE: Final = text("""
    WITH locked AS MATERIALIZED (
        SELECT pg_advisory_xact_lock(hashtextextended(:customer_id, 0))
    )
    INSERT INTO balance_movements (
        source_key, customer_id, cause, amount_minor, currency, at, invoice_id, credit_note_id
    )
    SELECT :source_key, :customer_id, :cause, :amount_minor, :currency, :at, :invoice_id,
        :credit_note_id
    FROM locked
    ON CONFLICT (source_key) DO NOTHING
""")
_OF: Final = select(customer_balances.c.balance_minor).where(
    customer_balances.c.customer_id == bindparam("customer_id"),
    customer_balances.c.currency == bindparam("currency"),
)


async def lock_balance(connection: AsyncConnection, customer_id: str, currency: str) -> Money:
    """The balance, which nobody else moves until the transaction ends.

    One that another transaction has just begun by its first movement may still be seen as zero.
    """
    found = await _LOCK.row(connection, {"customer_id": customer_id, "currency": currency})
    known = None if found is None else found.balance_minor
    return Money(amount_minor=known or 0, currency=currency)


class SqlBalances:
    """Implements `billing.ports.books.Balances`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def move(self, movement: BalanceMovement) -> None:
        """Once per source key. Raises `BooksBroken` (`balance_negative`)."""
        await self._connection.execute(
            _MOVE,
            {
                "source_key": movement.source_key,
                "customer_id": movement.customer_id,
                "cause": movement.cause,
                "amount_minor": movement.amount.amount_minor,
                "currency": movement.amount.currency,
                "at": movement.at,
                "invoice_id": movement.invoice_id,
                "credit_note_id": movement.credit_note_id,
            },
        )

    async def of(self, customer_id: str, currency: str) -> Money:
        """The balance now; zero where there never was one."""
        found: int | None = await self._connection.scalar(
            _OF, {"customer_id": customer_id, "currency": currency}
        )
        return Money(amount_minor=found or 0, currency=currency)
