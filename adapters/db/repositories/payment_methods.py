"""Saved payment methods, written: only what may be shown of them."""

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.customer import customers, payment_methods
from billing.errors import Conflict
from billing.ports.gateway import PaymentMethod

_SHOWN = ("type", "brand", "last4", "exp_month", "exp_year")


class SqlPaymentMethods:
    """Saves methods as the gateway describes them, and forgets them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(self, customer_id: str, method: PaymentMethod) -> None:
        """Saves or refreshes a method of the customer; one that was detached is back.

        Raises `Conflict` (`payment_method_of_another_customer`).
        """
        shown = {name: getattr(method, name) for name in _SHOWN}
        saved = await self._connection.execute(
            insert(payment_methods)
            .values(id=method.id, customer_id=customer_id, **shown)
            .on_conflict_do_update(
                index_elements=[payment_methods.c.id],
                set_={**shown, "detached_at": None},
                where=payment_methods.c.customer_id == customer_id,
            )
            .returning(payment_methods.c.id)
        )
        if saved.first() is None:
            raise Conflict(
                "payment_method_of_another_customer",
                f"payment method {method.id} belongs to another customer",
            )

    async def detach(self, payment_method_id: str) -> bool:
        """It cannot be charged any more, nor be anyone's default; False where that was so."""
        detached = await self._connection.execute(
            update(payment_methods)
            .where(
                payment_methods.c.id == payment_method_id,
                payment_methods.c.detached_at.is_(None),
            )
            .values(detached_at=func.now())
        )
        cleared = await self._connection.execute(
            update(customers)
            .where(customers.c.default_payment_method_id == payment_method_id)
            .values(default_payment_method_id=None)
        )
        return detached.rowcount > 0 or cleared.rowcount > 0
