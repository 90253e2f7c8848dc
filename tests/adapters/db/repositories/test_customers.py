"""Customers and their payment methods, written and read back."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries import customers as queries
from adapters.db.repositories.customers import CustomerChanges, NewCustomer
from billing.errors import Conflict, NotFound
from billing.ports.gateway import PaymentMethod
from tests.adapters.db.company import START

_CARD = PaymentMethod(
    id="pm_1",
    type="card",
    gateway_customer_id="cus_s",
    brand="visa",
    last4="4242",
    exp_month=12,
    exp_year=2030,
)


@pytest.fixture(autouse=True)
async def customers(transaction: Transactions) -> None:
    async with transaction() as tx:
        for number in (1, 2):
            await tx.customers.create(
                NewCustomer(
                    id=f"cus_{number}",
                    email=f"c{number}@example.com",
                    name="Ada",
                    metadata={"plan": "a"},
                    created_at=START,
                )
            )


async def test_a_customer_is_created_once_and_read_back(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        again = await tx.customers.create(
            NewCustomer(id="cus_1", email="other@example.com", created_at=START)
        )
    async with reading(engine) as connection:
        stored = await queries.get(connection, "cus_1")
        assert await queries.get(connection, "cus_9") is None
    assert stored == again
    assert (again.email, again.name, again.metadata) == ("c1@example.com", "Ada", {"plan": "a"})


async def test_only_what_is_given_is_changed(transaction: Transactions) -> None:
    async with transaction() as tx:
        update = tx.customers.update
        unchanged = await update("cus_1", CustomerChanges())
        assert (unchanged.email, unchanged.name) == ("c1@example.com", "Ada")
        renamed = await update("cus_1", CustomerChanges(name=None, metadata={"b": "c"}))
        assert (renamed.email, renamed.name, renamed.metadata) == (
            "c1@example.com",
            None,
            {"b": "c"},
        )
        moved = await update("cus_1", CustomerChanges(email="new@example.com", currency="EUR"))
        assert (moved.email, moved.currency, moved.metadata) == (
            "new@example.com",
            "EUR",
            {"b": "c"},
        )
        with pytest.raises(NotFound):
            await update("cus_9", CustomerChanges(name="x"))


async def test_a_deleted_customer_is_gone_for_readers_and_known_to_billing(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        deleted = await tx.customers.delete("cus_1", deleted_at=START)
        again = await tx.customers.delete("cus_1", deleted_at=START + timedelta(days=1))
        assert deleted.deleted_at == again.deleted_at == START
        assert (await tx.customers.get("cus_1")).email == "c1@example.com"
        with pytest.raises(NotFound):
            await tx.customers.update("cus_1", CustomerChanges(name="x"))
    async with reading(engine) as connection:
        assert await queries.get(connection, "cus_1") is None
        assert [c.id for c in (await queries.page_of(connection, limit=9)).items] == ["cus_2"]


async def test_a_customer_has_one_identity_at_the_gateway(transaction: Transactions) -> None:
    async with transaction() as tx:
        for _ in range(2):
            await tx.customers.set_gateway_customer("cus_1", "cus_s")
        found = await tx.customers.find_by_gateway_id("cus_s")
        assert found is not None
        assert found == await tx.customers.get("cus_1")
        assert await tx.customers.find_by_gateway_id("cus_t") is None
        with pytest.raises(Conflict):
            await tx.customers.set_gateway_customer("cus_1", "cus_t")
        with pytest.raises(NotFound):
            await tx.customers.set_gateway_customer("cus_9", "cus_t")


async def test_a_method_is_saved_refreshed_and_detached(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.payment_methods.save("cus_1", _CARD)
        await tx.payment_methods.save("cus_1", _CARD.model_copy(update={"exp_year": 2031}))
        await tx.customers.set_default_payment_method("cus_1", "pm_1")
        with pytest.raises(Conflict):
            await tx.payment_methods.save("cus_2", _CARD)
    async with reading(engine) as connection:
        [saved] = await queries.payment_methods_of(connection, "cus_1")
        assert await queries.payment_method(connection, "pm_1") == saved
        assert await queries.payment_methods_of(connection, "cus_2") == ()
    assert (saved.brand, saved.last4, saved.exp_month, saved.exp_year) == ("visa", "4242", 12, 2031)
    async with transaction() as tx:
        assert await tx.payment_methods.detach("pm_1")
        assert not await tx.payment_methods.detach("pm_1")
        assert not await tx.payment_methods.detach("pm_9")
        assert (await tx.customers.get("cus_1")).default_payment_method_id is None
    async with reading(engine) as connection:
        assert await queries.payment_methods_of(connection, "cus_1") == ()
    async with transaction() as tx:
        await tx.payment_methods.save("cus_1", _CARD)
    async with reading(engine) as connection:
        assert await queries.payment_method(connection, "pm_1") is not None


async def test_a_customer_is_read_by_activities(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.customers.set_default_payment_method("cus_1", "pm_1")
        customer = await tx.customers.get("cus_1")
        with pytest.raises(NotFound):
            await tx.customers.get("cus_9")
        with pytest.raises(NotFound):
            await tx.customers.set_default_payment_method("cus_9", "pm_1")
    assert (customer.email, customer.default_payment_method_id) == ("c1@example.com", "pm_1")


async def test_every_choice_of_a_default_has_a_number_and_the_same_again_is_none(
    transaction: Transactions,
) -> None:
    numbers = []
    async with transaction() as tx:
        assert await tx.customers.default_choice("cus_1") is None
        for method in ("pm_a", "pm_a", "pm_b", "pm_a"):
            await tx.customers.set_default_payment_method("cus_1", method)
            choice = await tx.customers.default_choice("cus_1")
            assert choice is not None
            assert choice.payment_method_id == method
            numbers.append(choice.number)
    assert numbers == [1, 1, 2, 3]


async def test_a_segment_is_given_changed_and_taken_away(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.customers.create(
            NewCustomer(id="cus_3", email="c3@example.com", segment="enterprise", created_at=START)
        )
        assert (await tx.customers.get("cus_3")).segment == "enterprise"
        await tx.customers.update("cus_3", CustomerChanges(name="Bo"))
        assert (await tx.customers.get("cus_3")).segment == "enterprise"
        await tx.customers.update("cus_3", CustomerChanges(segment="students"))
        assert (await tx.customers.get("cus_3")).segment == "students"
    async with reading(engine) as connection:
        stored = await queries.get(connection, "cus_3")
    assert stored is not None
    assert stored.segment == "students"
    async with transaction() as tx:
        assert (await tx.customers.update("cus_3", CustomerChanges(segment=None))).segment is None
    with pytest.raises(DBAPIError, match="customers_segment_check"):
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE customers SET segment = 'Big Ones'"))
