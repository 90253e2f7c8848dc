"""Billing in arrears in the database: none at the start, one per boundary, and the last one."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from activities.change import BeginChange, ChangeBegun, ChangeRefused, Changing
from activities.period_billing import Billed, BillPeriod, after_billing
from adapters.db.engine import transactions, unit_of_work
from adapters.db.recorded_subscriptions import SqlRecordedSubscriptions
from adapters.db.repositories.catalog import SqlCatalog
from adapters.db.tables.invoice import invoices
from adapters.db.tables.invoice_item import invoice_items
from adapters.db.tables.ledger import journal_entries
from billing import commands, lifecycle
from billing.billing_mode import BillingMode
from billing.catalog import Catalog, Product
from billing.change import ChangeRequest
from billing.invoice_item import InvoiceItem, moment
from billing.lineage import Lineage
from billing.money import Money
from billing.offer import Offer, terms_of
from billing.price_model import Graduated, PerUnit, Tier
from billing.subscription import SubscriptionState
from tests.activities.till import Till
from tests.adapters.db.company import START, TEAM, subscribe

CLOUD = TEAM.model_copy(
    update={
        "id": "cloud_monthly",
        "billing": BillingMode.IN_ARREARS,
        "model": PerUnit(unit_amount_minor=Decimal(1600)),
    }
)
PRODUCT = Product(id="team", name="Team", family="plan")
BOUNDARY = datetime(2026, 2, 28, 9, 30, tzinfo=UTC)
HALF = datetime(2026, 2, 14, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def on_sale(till: Till) -> None:
    async with till.engine.begin() as connection:
        await SqlCatalog(connection).put_on_sale(Catalog(products=(PRODUCT,), prices=(TEAM, CLOUD)))


def ready() -> SubscriptionState:
    """At the checkout, five seats in arrears."""
    sold = terms_of(Offer(product=PRODUCT, price=CLOUD), quantity=5, trial=None, segment=None)
    waiting = SubscriptionState(
        subscription_id="sub_1",
        customer_id="cus_1",
        terms=sold,
        revision=1,
        created_at=START,
        checkout_expires_at=BOUNDARY,
    )
    return lifecycle.checkout_completed(waiting, START)


async def bill(till: Till, state: SubscriptionState, now: datetime) -> SubscriptionState:
    """Billed twice, as a retry would: the answer is the same."""
    request = BillPeriod(state=state, now=now)
    billed = await till.billing.bill_period(request)
    assert billed == await till.billing.bill_period(request)
    assert isinstance(billed, Billed)
    return after_billing(state, billed)


async def totals(till: Till) -> list[int]:
    async with till.engine.connect() as connection:
        query = select(invoices.c.total_minor).order_by(invoices.c.sequence)
        return list(await connection.scalars(query))


async def test_it_begins_without_an_invoice_and_the_boundary_makes_the_first(till: Till) -> None:
    active = await bill(till, ready(), START)
    assert (active.status, active.last_invoice_id, active.accrues_from) == ("active", None, START)
    assert await till.count(invoices) == await till.count(journal_entries) == 0
    assert await till.event_types() == ["subscription.activated"]

    renewed = await bill(till, active, BOUNDARY)
    assert await totals(till) == [8000]
    [owed] = renewed.open_invoices
    assert (owed.due_at, owed.stays_owed) == (BOUNDARY, True)
    assert sorted(await till.event_types()) == [
        "invoice.finalized",
        "subscription.activated",
        "subscription.renewed",
    ]


async def test_the_last_invoice_takes_what_was_pending_and_nothing_lapses(till: Till) -> None:
    active = await bill(till, ready(), START)
    await subscribe(till.engine, active)
    item = InvoiceItem(
        id="ii_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        description="Migration",
        quantity=1,
        amount=Money(amount_minor=2500, currency="USD"),
        period=moment(START),
        created_at=START,
    )
    async with transactions(till.engine)() as tx:
        await tx.items.add(item)
    ended = commands.cancel_now(active, HALF)
    await subscribe(till.engine, ended)
    assert await item_statuses(till) == ["pending"]
    [unfinished] = [page async for page in SqlRecordedSubscriptions(till.engine).unfinished()]
    assert [state.subscription_id for state in unfinished] == ["sub_1"]

    over = await bill(till, ended, HALF)
    assert await totals(till) == [4000 + 2500]
    assert await item_statuses(till) == ["invoiced"]
    assert (over.accrued, over.is_finished) == ((), False)


async def item_statuses(till: Till) -> list[str]:
    async with till.engine.connect() as connection:
        return list(await connection.scalars(select(invoice_items.c.status)))


async def test_a_method_that_is_saved_after_the_end_matters_while_something_is_owed(
    till: Till,
) -> None:
    active = await bill(till, ready(), START)
    over = await bill(till, commands.cancel_now(active, HALF), HALF)
    await subscribe(till.engine, over)
    async with transactions(till.engine)() as tx:
        await tx.subscriptions.release("sub_1")
        assert await tx.subscriptions.charged_to("cus_1") == ("sub_1",)
        paid = over.model_copy(update={"open_invoices": (), "revision": over.revision + 1})
        await tx.subscriptions.save(paid)
        assert await tx.subscriptions.charged_to("cus_1") == ()


async def test_more_of_what_was_free_so_far_needs_a_payment_method_as_well(till: Till) -> None:
    tiers = (Tier(up_to=5, unit_amount_minor=0), Tier(up_to=None, unit_amount_minor=1600))
    price = CLOUD.model_copy(update={"id": "cloud_tiers", "model": Graduated(tiers=tiers)})
    async with till.engine.begin() as connection:
        catalog = Catalog(products=(PRODUCT,), prices=(TEAM, CLOUD, price))
        await SqlCatalog(connection).put_on_sale(catalog)
    sold = terms_of(Offer(product=PRODUCT, price=price), quantity=5, trial=None, segment=None)
    active = await bill(till, ready().model_copy(update={"terms": sold}), START)
    changing = Changing(open_transaction=unit_of_work(till.engine))
    more = ChangeRequest(quantity=6)
    request = BeginChange(state=active, change_id="chg_1", request=more, quote=None, now=HALF)
    refused = await changing.begin_change(request)
    assert isinstance(refused, ChangeRefused)
    assert refused.code == "payment_method_required"
    await till.save_card("pm_card_visa")
    assert isinstance(await changing.begin_change(request), ChangeBegun)


@pytest.mark.parametrize(("price_minor", "result"), [(2400, "applied"), (800, "scheduled")])
async def test_a_change_that_is_begun_twice_is_not_refused_for_what_came_in_between(
    till: Till, price_minor: int, result: str
) -> None:
    model = PerUnit(unit_amount_minor=Decimal(price_minor))
    other = CLOUD.model_copy(update={"id": "cloud_other", "model": model})
    async with till.engine.begin() as connection:
        catalog = Catalog(products=(PRODUCT,), prices=(TEAM, CLOUD, other))
        await SqlCatalog(connection).put_on_sale(catalog)
    active = await bill(till, ready(), START)
    lineage = Lineage(run_id="first", recorded_revision=active.revision)
    signed = active.model_copy(update={"lineage": lineage})
    changing = Changing(open_transaction=unit_of_work(till.engine))
    wanted = ChangeRequest(price_id="cloud_other", quantity=4)
    request = BeginChange(state=signed, change_id="chg_1", request=wanted, quote=None, now=HALF)
    await till.save_card("pm_card_visa")
    begun = await changing.begin_change(request)
    assert isinstance(begun, ChangeBegun)
    assert begun.result == result

    async with till.engine.begin() as connection:
        catalog = Catalog(products=(PRODUCT,), prices=(TEAM, CLOUD))
        await SqlCatalog(connection).put_on_sale(catalog)
    assert await changing.begin_change(request) == begun
    another = request.model_copy(update={"change_id": "chg_2"})
    assert isinstance(await changing.begin_change(another), ChangeRefused)
