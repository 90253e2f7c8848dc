"""Customers, written."""

from typing import Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.customer import customers
from billing.errors import NotFound
from billing.ports.storage import CustomerRecord

_GET: Final = select(
    customers.c.id,
    customers.c.email,
    customers.c.name,
    customers.c.stripe_customer_id,
    customers.c.default_payment_method_id,
).where(customers.c.id == bindparam("customer_id"))


class SqlCustomers:
    """Implements `billing.ports.storage.Customers`; deleted customers are still found."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, customer_id: str) -> CustomerRecord:
        """Raises `NotFound` (`customer_not_found`)."""
        row = (await self._connection.execute(_GET, {"customer_id": customer_id})).one_or_none()
        if row is None:
            raise unknown_customer(customer_id)
        return CustomerRecord(
            id=row.id,
            email=row.email,
            name=row.name,
            gateway_customer_id=row.stripe_customer_id,
            default_payment_method_id=row.default_payment_method_id,
        )

    async def set_default_payment_method(self, customer_id: str, payment_method_id: str) -> None:
        """What later charges use. Raises `NotFound` (`customer_not_found`)."""
        changed = await self._connection.execute(
            update(customers)
            .where(customers.c.id == customer_id)
            .values(default_payment_method_id=payment_method_id)
        )
        if changed.rowcount == 0:
            raise unknown_customer(customer_id)


def unknown_customer(customer_id: str) -> NotFound:
    """What asking for a customer that does not exist is answered with."""
    return NotFound("customer_not_found", f"no customer {customer_id!r}")
