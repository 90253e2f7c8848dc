"""What a preview follows from: the same as the change reads, in one statement."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.queries import change_basis, tax_standing
from adapters.db.queries.change_basis import ChangeableSubscription
from billing.balance import BalanceCause, BalanceMovement
from billing.catalog import Catalog, Product, ProrationMode
from billing.invoice_item import InvoiceItem, SoldOnce, moment
from billing.migration import MigrationProgress
from billing.period import Period
from billing.price_model import PerUnit
from billing.pricing import charge_for, price_of
from billing.received_payment import ReceivedBy, ReceivedPayment, ReportedPayment
from billing.subscription import PlannedMigration
from billing.tax import Taxpayer
from tests.adapters.db.company import (
    PERIOD,
    START,
    TEAM,
    bill,
    draft,
    open_shop,
    sell,
    subscribe,
    subscription,
)
from tests.adapters.db.reversals import debit, give_back, note, usd, with_credit
from tests.adapters.db.statements import noted

_BUSINESS = TEAM.model_copy(update={"id": "business_monthly", "product_id": "business"})
_REST = Period(start=START + timedelta(days=10, microseconds=1), end=PERIOD.end)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=2)
    await subscribe(engine, subscription(1), subscription(2, customer_number=2))


async def _read(engine: AsyncEngine, *, price_id: str | None = None) -> ChangeableSubscription:
    found = await change_basis.get(engine, "sub_1", price_id=price_id)
    assert found is not None
    return found


async def test_the_debits_are_those_that_the_change_reads(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        for number in range(4):
            await sell(tx, draft(number))
        await bill(tx, draft(7))
        await sell(tx, draft(0, 2))
        await bill(tx, with_credit(draft(5), of=debit(draft(0)), minor=1234, period=_REST))
        await give_back(tx, note(draft(1), 777, to_card=700))
        given_back_early = Period(start=START, end=_REST.start)
        await give_back(tx, note(draft(2), 500, period=given_back_early))
        read_by_change = await tx.invoices.debits("sub_1", ending_after=PERIOD.start)
    found = await _read(engine)
    assert tuple(found.basis.debits) == read_by_change
    assert len(read_by_change) == 4
    assert [d.credited for d in read_by_change] == [usd(1234), usd(777), usd(500), usd(0)]


async def test_what_is_paid_but_for_too_little_to_charge_counts_as_paid(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        for number, left in enumerate((49, 50)):
            await bill(tx, draft(number))
            record = await tx.invoices.get(draft(number).id)
            assert record is not None
            reported = ReportedPayment(
                amount=usd(8000 - left), received_at=START, method=ReceivedBy.CHECK, reference="R"
            )
            payment = ReceivedPayment.on(record, reported, command_id="cmd_1", now=START)
            await tx.received.add(payment)
        [nearly] = await tx.invoices.debits("sub_1", ending_after=PERIOD.start)
    assert nearly.ref.invoice_id == draft(0).id
    assert (await _read(engine)).basis.debits == (nearly,)


async def test_a_subscription_that_was_never_billed_has_none(engine: AsyncEngine) -> None:
    found = await _read(engine)
    assert (found.state, found.clock, found.balance) == (subscription(1), None, usd(0))
    assert (found.basis.debits, found.basis.offer, found.basis.current_price) == ((), None, TEAM)


async def test_an_offer_is_what_is_on_sale_under_the_price(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    business = Product(
        id="business", name="Business", family="plan", proration=ProrationMode.DAY_INCLUSIVE
    )
    dearer = _BUSINESS.model_copy(
        update={"version": 2, "model": PerUnit(unit_amount_minor=Decimal("1600.000000000001"))}
    )
    team = Product(id="team", name="Team", family="plan")
    for price in (_BUSINESS, dearer):
        async with transaction() as tx:
            await tx.catalog.put_on_sale(Catalog(products=(team, business), prices=(TEAM, price)))
    offer = (await _read(engine, price_id="business_monthly")).basis.offer
    assert offer is not None
    assert (offer.product, offer.price) == (business, dearer)
    assert price_of(offer.price, 5) == usd(8000)
    assert (await _read(engine, price_id="unknown")).basis.offer is None
    async with transaction() as tx:
        await tx.catalog.put_on_sale(Catalog(products=(business,), prices=(dearer,)))
    withdrawn = await _read(engine, price_id=TEAM.id)
    assert (withdrawn.basis.offer, withdrawn.basis.current_price) == (None, TEAM)


async def test_the_clock_and_the_balance_are_the_customers(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        clock = await tx.test_clocks.create(
            test_clock_id="clock_1", name=None, frozen_at=_REST.start, created_at=START
        )
        await tx.balances.move(
            BalanceMovement(
                source_key="test",
                customer_id="cus_1",
                cause=BalanceCause.REFUND_FAILED,
                amount=usd(292),
                at=START,
            )
        )
    async with engine.begin() as connection:
        for table in ("customers", "subscriptions"):
            column = "id" if table == "customers" else "customer_id"
            await connection.exec_driver_sql(
                f"UPDATE {table} SET test_clock_id = 'clock_1' WHERE {column} = 'cus_1'"  # noqa: S608 - constants
            )
    found = await _read(engine)
    assert (found.clock, found.balance) == (clock, usd(292))


async def test_the_tax_follows_from_what_whoever_knows_the_rates_would_read(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql(
            """UPDATE customers SET address = '{"country": "US", "region": "NY"}'
            WHERE id = 'cus_1'"""
        )
    found = await _read(engine)
    assert found.tax_standing is not None
    assert found.tax_standing.taxpayer == Taxpayer(country="US", region="NY")
    assert found.tax_standing == await tax_standing.read(engine, "cus_1", START)
    async with transaction() as tx:
        await tx.catalog.put_on_sale(
            Catalog(products=(Product(id="solo", name="Solo", family="solo"),), prices=())
        )
    later = (await _read(engine)).tax_standing
    assert later is not None
    assert later.catalog_number == found.tax_standing.catalog_number + 1


async def test_all_of_it_is_one_statement_once_the_prices_are_known(engine: AsyncEngine) -> None:
    await _read(engine, price_id=TEAM.id)
    async with noted(engine) as statements:
        await _read(engine, price_id=TEAM.id)
    assert len(statements) == 1


async def test_nothing_is_found_under_an_unknown_id(engine: AsyncEngine) -> None:
    assert await change_basis.get(engine, "sub_unknown", price_id=None) is None


async def test_what_the_next_invoice_will_have_is_read_with_it(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    items = [_item(number) for number in (2, 1, 3)]
    target = subscription().terms.model_copy(update={"price_id": TEAM.id, "price_version": 2})
    dearer = TEAM.model_copy(update={"version": 2, "model": PerUnit(unit_amount_minor=Decimal(99))})
    plan = PlannedMigration(
        migration_id="mig_1", target=target, not_before=PERIOD.end, planned_at=START
    )
    async with transaction() as tx:
        team = Product(id="team", name="Team", family="plan")
        await tx.catalog.put_on_sale(Catalog(products=(team,), prices=(dearer,)))
        for item in items:
            await tx.items.add(item)
        await tx.items.cancel("cus_1", "ii_3", at=START)
        await tx.subscriptions.save(subscription().changed(migration=plan))
    basis = (await _read(engine)).basis
    assert [item.id for item in basis.items] == ["ii_1", "ii_2"]
    assert basis.items[0] == items[1]
    assert basis.migration_price == dearer
    settled = plan.model_copy(update={"progress": MigrationProgress.ROLLED_BACK})
    async with transaction() as tx:
        await tx.subscriptions.save(subscription().changed().changed(migration=settled))
    assert (await _read(engine)).basis.migration_price is None


def _item(number: int) -> InvoiceItem:
    sold = SoldOnce(
        price_id="session", price_version=1, product_id="help", explanation=charge_for(TEAM, 1)
    )
    return InvoiceItem(
        id=f"ii_{number}",
        customer_id="cus_1",
        subscription_id="sub_1",
        description="Setup",
        quantity=1,
        amount=usd(1600),
        period=moment(START),
        created_at=START + timedelta(seconds=number),
        sold=sold if number == 1 else None,
    )
