"""What customers have in their favour and how it came about, read."""

from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.tables.balance import balance_movements, customer_balances
from billing.balance import BalanceCause, BalanceMovement
from billing.money import Money

_ORDER: Final = Order(at=balance_movements.c.at, id=balance_movements.c.id)


async def of_customer(connection: AsyncConnection, customer_id: str) -> tuple[Money, ...]:
    """The balance in every currency that it ever moved in, by currency; zero included."""
    found = await connection.execute(
        select(customer_balances)
        .where(customer_balances.c.customer_id == customer_id)
        .order_by(customer_balances.c.currency)
    )
    return tuple(Money(amount_minor=row.balance_minor, currency=row.currency) for row in found)


async def movements_of(
    connection: AsyncConnection,
    customer_id: str,
    *,
    cursor: str | None = None,
    limit: int,
) -> Page[BalanceMovement]:
    """A customer's movements in all currencies, latest first."""
    query = select(balance_movements).where(balance_movements.c.customer_id == customer_id)
    return await read_page(
        connection, query, order=_ORDER, as_item=_as_movement, cursor=cursor, limit=limit
    )


def _as_movement(row: Row[Any]) -> BalanceMovement:
    return BalanceMovement(
        source_key=row.source_key,
        customer_id=row.customer_id,
        cause=BalanceCause(row.cause),
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        at=row.at,
        invoice_id=row.invoice_id,
        credit_note_id=row.credit_note_id,
    )
