"""What customers have in their favour, moved.

A movement is all that is written: the balance follows from it by a trigger
(`adapters/db/migrations/versions/0006_guards_of_credits.py`).
"""

from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.balance import balance_movements, customer_balances
from billing.balance import BalanceMovement
from billing.money import Money

_COLUMNS: Final = (
    "source_key",
    "customer_id",
    "cause",
    "amount_minor",
    "currency",
    "at",
    "invoice_id",
    "credit_note_id",
)
_MOVE: Final = (
    insert(balance_movements)
    .values({name: bindparam(name) for name in _COLUMNS})
    .on_conflict_do_nothing(index_elements=[balance_movements.c.source_key])
)
_OF: Final = select(customer_balances.c.balance_minor).where(
    customer_balances.c.customer_id == bindparam("customer_id"),
    customer_balances.c.currency == bindparam("currency"),
)


class SqlBalances:
    """Implements `billing.ports.storage.Balances`."""

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
