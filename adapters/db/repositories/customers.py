"""Customers, written."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.customers import Customer, as_customer
from adapters.db.repositories.test_clocks import unknown_test_clock
from adapters.db.tables.customer import customers
from adapters.db.tables.test_clock import test_clocks
from billing.address import Address
from billing.currency import CurrencyCode
from billing.dunning import Segment
from billing.errors import Conflict, NotFound
from billing.locale import DEFAULT_LOCALE
from billing.ports.customers import CustomerRecord
from billing.value import Instant, Value

RECORD: Final = (
    customers.c.email,
    customers.c.name,
    customers.c.stripe_customer_id,
    customers.c.default_payment_method_id,
    customers.c.locale,
    customers.c.segment,
    customers.c.net_days,
)
"""Columns of a `CustomerRecord`, besides the id."""
_GET: Final = select(customers.c.id, *RECORD).where(customers.c.id == bindparam("customer_id"))


class NewCustomer(Value):
    """A customer to be; time is the test clock's for one who is on a clock."""

    id: str
    email: str
    name: str | None = None
    metadata: Mapping[str, str] = {}
    currency: CurrencyCode | None = None
    locale: str = DEFAULT_LOCALE
    segment: Segment | None = None
    address: Address | None = None
    vat_id: str | None = None
    """Of a form that was checked."""
    tax_exempt: bool = False
    test_clock_id: str | None = None
    created_at: Instant


class CustomerChanges(Value):
    """What to change: only the fields that are given, `None` included."""

    email: str = ""
    name: str | None = None
    metadata: Mapping[str, str] = {}
    """Replaces the former one as a whole."""
    currency: CurrencyCode | None = None
    locale: str = DEFAULT_LOCALE
    segment: Segment | None = None
    address: Address | None = None
    vat_id: str | None = None
    tax_exempt: bool = False


class DefaultChoice(Value):
    """A default payment method and which choice of the customer's it is, counted from 1."""

    payment_method_id: str
    number: int


class SqlCustomers:
    """Implements `billing.ports.customers.Customers`, where deleted customers are still found."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, customer_id: str) -> CustomerRecord:
        """Raises `NotFound` (`customer_not_found`)."""
        row = (await self._connection.execute(_GET, {"customer_id": customer_id})).one_or_none()
        if row is None:
            raise unknown_customer(customer_id)
        return as_record(row, customer_id=row.id)

    async def find_by_gateway_id(self, gateway_customer_id: str) -> CustomerRecord | None:
        """The customer that the gateway knows by this id, if it is one of ours."""
        found: str | None = await self._connection.scalar(
            select(customers.c.id).where(customers.c.stripe_customer_id == gateway_customer_id)
        )
        return None if found is None else await self.get(found)

    async def create(self, customer: NewCustomer) -> Customer:
        """Stores the customer; the same id again is the customer stored first.

        Raises `NotFound` (`test_clock_not_found`).
        """
        if customer.test_clock_id is not None:
            await self._require_clock(customer.test_clock_id)
        await self._connection.execute(
            insert(customers)
            .values(customer.model_dump())
            .on_conflict_do_nothing(index_elements=[customers.c.id])
        )
        stored = await self._connection.execute(
            select(customers).where(customers.c.id == customer.id)
        )
        return as_customer(stored.one())

    async def update(self, customer_id: str, changes: CustomerChanges) -> Customer:
        """Changes the fields given. Raises `NotFound` (`customer_not_found`)."""
        return await self._change(customer_id, changes.model_dump(include=changes.model_fields_set))

    async def set_net_terms(self, customer_id: str, net_days: int | None) -> Customer:
        """What is finalised from now on is sent and due so many days later; None is charged.

        Raises `NotFound` (`customer_not_found`).
        """
        return await self._change(customer_id, {"net_days": net_days})

    async def delete(self, customer_id: str, *, deleted_at: datetime) -> Customer:
        """Gone for readers; documents stay. Raises `NotFound` (`customer_not_found`)."""
        return await self._change(customer_id, {"deleted_at": deleted_at})

    async def set_default_payment_method(self, customer_id: str, payment_method_id: str) -> None:
        """What later charges use; the present one again is no new choice.

        Raises `NotFound` (`customer_not_found`).
        """
        changed = await self._connection.execute(
            update(customers)
            .where(customers.c.id == customer_id)
            .values(
                default_payment_method_id=payment_method_id,
                default_choices=customers.c.default_choices
                + case(
                    (customers.c.default_payment_method_id == payment_method_id, 0),
                    else_=1,
                ),
            )
        )
        if changed.rowcount == 0:
            raise unknown_customer(customer_id)

    async def default_choice(self, customer_id: str) -> DefaultChoice | None:
        """What later charges use. Raises `NotFound` (`customer_not_found`)."""
        found = await self._connection.execute(
            select(customers.c.default_payment_method_id, customers.c.default_choices).where(
                customers.c.id == customer_id
            )
        )
        row = found.one_or_none()
        if row is None:
            raise unknown_customer(customer_id)
        if row.default_payment_method_id is None:
            return None
        return DefaultChoice(
            payment_method_id=row.default_payment_method_id, number=row.default_choices
        )

    async def set_gateway_customer(self, customer_id: str, gateway_customer_id: str) -> None:
        """Records the gateway's id of the customer; recording the same one again is fine.

        Raises `NotFound` (`customer_not_found`) and `Conflict` (`gateway_customer_differs`).
        """
        changed = await self._connection.execute(
            update(customers)
            .where(
                customers.c.id == customer_id,
                customers.c.stripe_customer_id.is_(None)
                | (customers.c.stripe_customer_id == gateway_customer_id),
            )
            .values(stripe_customer_id=gateway_customer_id)
        )
        if changed.rowcount == 0:
            await self.get(customer_id)
            raise Conflict(
                "gateway_customer_differs", f"{customer_id} is another customer at the gateway"
            )

    async def _change(self, customer_id: str, values: dict[str, Any]) -> Customer:
        still_there = (customers.c.id == customer_id) & customers.c.deleted_at.is_(None)
        if values:
            await self._connection.execute(update(customers).where(still_there).values(**values))
        found = await self._connection.execute(
            select(customers).where(customers.c.id == customer_id)
        )
        row = found.one_or_none()
        if row is None or (row.deleted_at is not None and "deleted_at" not in values):
            raise unknown_customer(customer_id)
        return as_customer(row)

    async def _require_clock(self, test_clock_id: str) -> None:
        """Locked, so that the clock is not deleted between the look and the customer."""
        found = await self._connection.scalar(
            select(test_clocks.c.id)
            .where(test_clocks.c.id == test_clock_id, test_clocks.c.deleted_at.is_(None))
            .with_for_update(read=True)
        )
        if found is None:
            raise unknown_test_clock(test_clock_id)


def as_record(row: Row[*tuple[Any, ...]], *, customer_id: str) -> CustomerRecord:
    """The value of a row that has `RECORD`."""
    return CustomerRecord(
        id=customer_id,
        email=row.email,
        name=row.name,
        gateway_customer_id=row.stripe_customer_id,
        default_payment_method_id=row.default_payment_method_id,
        locale=row.locale,
        segment=row.segment,
        net_days=row.net_days,
    )


def unknown_customer(customer_id: str) -> NotFound:
    """What asking for a customer that does not exist is answered with."""
    return NotFound("customer_not_found", f"no customer {customer_id!r}")
