"""Customers and their payment methods, read."""

from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.tables.customer import customers, payment_methods
from billing.address import Address
from billing.locale import DEFAULT_LOCALE
from billing.value import Instant, Value

_ORDER: Final = Order(at=customers.c.created_at, id=customers.c.id)


class Customer(Value):
    """A customer as the API shows it."""

    id: str
    email: str
    name: str | None
    metadata: dict[str, str]
    currency: str | None
    locale: str = DEFAULT_LOCALE
    segment: str | None
    address: Address | None
    vat_id: str | None
    tax_exempt: bool
    test_clock_id: str | None
    stripe_customer_id: str | None
    default_payment_method_id: str | None
    net_days: int | None = None
    """Of an invoice customer (policy P22)."""
    created_at: Instant
    deleted_at: Instant | None

    @property
    def can_be_billed(self) -> bool:
        """Whether there is something to charge, or nothing is charged by itself."""
        return self.default_payment_method_id is not None or self.net_days is not None


class SavedPaymentMethod(Value):
    """What may be shown of a saved method."""

    id: str
    customer_id: str
    type: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    created_at: Instant


async def get(connection: AsyncConnection, customer_id: str) -> Customer | None:
    """One customer; deleted ones are not there any more."""
    found = await connection.execute(
        select(customers).where(customers.c.id == customer_id, customers.c.deleted_at.is_(None))
    )
    row = found.one_or_none()
    return None if row is None else as_customer(row)


async def page_of(
    connection: AsyncConnection,
    *,
    email: str | None = None,
    test_clock_id: str | None = None,
    cursor: str | None = None,
    limit: int,
) -> Page[Customer]:
    """Customers newest first, without the deleted ones."""
    query = select(customers).where(customers.c.deleted_at.is_(None))
    if email is not None:
        query = query.where(customers.c.email == email)
    if test_clock_id is not None:
        query = query.where(customers.c.test_clock_id == test_clock_id)
    return await read_page(
        connection, query, order=_ORDER, as_item=as_customer, cursor=cursor, limit=limit
    )


async def payment_method(
    connection: AsyncConnection, payment_method_id: str
) -> SavedPaymentMethod | None:
    """One method that can still be charged."""
    found = await connection.execute(
        select(payment_methods).where(
            payment_methods.c.id == payment_method_id, payment_methods.c.detached_at.is_(None)
        )
    )
    row = found.one_or_none()
    return None if row is None else as_payment_method(row)


async def payment_methods_of(
    connection: AsyncConnection, customer_id: str
) -> tuple[SavedPaymentMethod, ...]:
    """A customer's methods that can still be charged, newest first."""
    found = await connection.execute(
        select(payment_methods)
        .where(
            payment_methods.c.customer_id == customer_id,
            payment_methods.c.detached_at.is_(None),
        )
        .order_by(payment_methods.c.created_at.desc(), payment_methods.c.id.desc())
    )
    return tuple(as_payment_method(row) for row in found)


def as_customer(row: Row[Any]) -> Customer:
    """The value of a row of `customers`."""
    return Customer.model_validate(row._asdict())


def as_payment_method(row: Row[Any]) -> SavedPaymentMethod:
    """The value of a row of `payment_methods`."""
    return SavedPaymentMethod.model_validate(row._asdict())
