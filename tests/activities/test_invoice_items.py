"""One-off charges meet the invoice: taken once, by one, or by none."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from activities.coupons import Coupons, RedemptionRefused, RedemptionTaken, TakeRedemption
from activities.one_off_charge import ChargeItem, ItemCharged, OneOffCharges
from activities.period_billing import Billed, BillPeriod
from adapters.db.engine import transactions, unit_of_work
from adapters.db.queries import catalog_versions
from adapters.db.tables.invoice import invoice_lines
from adapters.db.tables.invoice_item import invoice_items
from adapters.db.tables.operator_task import operator_tasks
from billing.catalog import Product
from billing.commands import cancel_now
from billing.discount import Coupon, CouponDuration, RedeemedDiscount, redeemed
from billing.errors import Conflict
from billing.invoice_item import InvoiceItem, SoldOnce, moment
from billing.money import Money
from billing.one_off_charge import charged
from billing.period import Period
from billing.pricing import charge_for
from billing.subscription import SubscriptionStatus
from tests.activities.till import DUE_AT, Till
from tests.adapters.db.company import START, TEAM, subscribe, subscription


def _item(number: int = 1, *, period: Period | None = None) -> InvoiceItem:
    return InvoiceItem(
        id=f"ii_{number}",
        customer_id="cus_1",
        subscription_id="sub_1",
        description="Migration",
        quantity=1,
        amount=Money(amount_minor=2500, currency="USD"),
        period=period or moment(START),
        created_at=START + timedelta(seconds=number),
    )


@pytest.fixture(autouse=True)
async def running(till: Till) -> None:
    await subscribe(till.engine)


async def _add(till: Till, *items: InvoiceItem) -> None:
    async with transactions(till.engine)() as tx:
        for item in items:
            await tx.items.add(item)


async def _statuses(till: Till) -> dict[str, str]:
    async with till.engine.connect() as connection:
        found = await connection.execute(select(invoice_items.c.id, invoice_items.c.status))
        return {row.id: row.status for row in found}


async def test_the_next_invoice_takes_what_is_pending_and_a_repetition_no_more(till: Till) -> None:
    await _add(till, _item(2), _item(1))
    request = BillPeriod(state=subscription(), now=DUE_AT)
    first = await till.billing.bill_period(request)
    await _add(till, _item(3))
    assert await till.billing.bill_period(request) == first

    assert isinstance(first, Billed)
    assert first.amount_due.amount_minor == 8000 + 2 * 2500
    async with till.engine.connect() as connection:
        found = await connection.scalars(
            select(invoice_lines.c.item_id).order_by(invoice_lines.c.position)
        )
        assert list(found) == [None, "ii_1", "ii_2"]
    assert await _statuses(till) == {"ii_1": "invoiced", "ii_2": "invoiced", "ii_3": "pending"}


async def test_what_was_charged_once_has_no_unused_time(till: Till) -> None:
    whole_year = Period(start=START, end=START + timedelta(days=365))
    await _add(till, _item(1, period=whole_year))
    owing = await till.owing()
    await till.collect(owing)
    async with transactions(till.engine)() as tx:
        [debit] = await tx.invoices.debits("sub_1", ending_after=DUE_AT)
        refundable = await tx.invoices.debits_of(debit.ref.invoice_id)
    assert debit.price_id == "team_monthly"
    assert [each.amount.amount_minor for each in refundable] == [8000, 2500]


async def test_a_cancellation_in_the_instant_of_the_invoice_comes_before_or_after_it(
    till: Till,
) -> None:
    await _add(till, *(_item(number) for number in range(1, 7)))

    async def cancel(number: int) -> bool:
        try:
            async with transactions(till.engine)() as tx:
                await tx.items.cancel("cus_1", f"ii_{number}", at=DUE_AT)
        except Conflict:
            return False
        return True

    billed, *canceled = await asyncio.gather(
        till.billing.bill_period(BillPeriod(state=subscription(), now=DUE_AT)),
        *(cancel(number) for number in range(1, 7)),
    )
    assert isinstance(billed, Billed)
    kept = canceled.count(False)
    assert billed.amount_due.amount_minor == 8000 + kept * 2500
    assert sorted((await _statuses(till)).values()) == sorted(
        ["invoiced"] * kept + ["canceled"] * (6 - kept)
    )


async def test_what_no_invoice_takes_is_an_operators_to_decide(till: Till) -> None:
    await _add(till, _item(1), _item(2))
    ended = cancel_now(subscription(), DUE_AT)
    async with transactions(till.engine)() as tx:
        await tx.items.cancel("cus_1", "ii_2", at=DUE_AT)
        await tx.subscriptions.save(ended)
        await tx.subscriptions.save(ended.model_copy(update={"revision": 9}))
    assert await _statuses(till) == {"ii_1": "lapsed", "ii_2": "canceled"}
    async with till.engine.connect() as connection:
        found = await connection.execute(select(operator_tasks.c.kind, operator_tasks.c.subject))
        assert [tuple(row) for row in found] == [("items_lapsed", "ii_1")]


async def test_what_was_bought_with_a_subscription_is_its_first_invoice_s_once(till: Till) -> None:
    bought = (_sold(8), _sold(7))
    new = subscription().model_copy(
        update={
            "status": SubscriptionStatus.INCOMPLETE,
            "period_number": None,
            "period": None,
            "anchor_at": None,
            "first_items": bought,
            "checkout_completed_at": DUE_AT,
        }
    )
    await _add(till, _item(1))
    request = BillPeriod(state=new, now=DUE_AT)
    first = await till.billing.bill_period(request)
    assert await till.billing.bill_period(request) == first

    assert isinstance(first, Billed)
    assert first.amount_due.amount_minor == 8000 + 3 * 2500
    async with till.engine.connect() as connection:
        found = await connection.execute(
            select(invoice_lines.c.item_id, invoice_lines.c.price_id).order_by(
                invoice_lines.c.position
            )
        )
        assert [tuple(row) for row in found] == [
            (None, "team_monthly"),
            ("ii_8", "team_monthly"),
            ("ii_7", "team_monthly"),
            ("ii_1", None),
        ]
    async with transactions(till.engine)() as tx:
        stored = await tx.items.get("cus_1", "ii_8")
    assert (stored.sold, stored.invoice_id) == (bought[0].sold, first.invoice_id)


async def test_what_costs_nothing_is_a_line_and_no_obstacle(till: Till) -> None:
    free = {"amount": Money.zero("USD")}
    bought, named = _sold(7).model_copy(update=free), _sold(8).model_copy(update=free)
    await _add(till, bought)
    state = await till.billed(subscription())
    assert state.open_invoices[0].amount.amount_minor == 8000
    charges = OneOffCharges(open_transaction=unit_of_work(till.engine))
    outcome = await charges.charge_item(ChargeItem(state=state, item=named, now=DUE_AT))
    assert isinstance(outcome, ItemCharged)
    assert (outcome.invoice.total.amount_minor, outcome.invoice.status) == (0, "paid")
    assert await _statuses(till) == {"ii_7": "invoiced", "ii_8": "invoiced"}


async def test_a_coupon_is_used_by_an_item_s_own_invoice_once(till: Till) -> None:
    three = Coupon(
        id="THREE",
        name="Three times half",
        percent=Decimal(50),
        duration=CouponDuration.REPEATING,
        invoices=3,
    )
    held = subscription().model_copy(
        update={"discounts": (RedeemedDiscount(coupon=three, redeemed_at=START),)}
    )
    await _publish(till, three)
    charges = OneOffCharges(open_transaction=unit_of_work(till.engine))
    request = ChargeItem(state=held, item=_item(1), now=DUE_AT)
    first = await charges.charge_item(request)
    assert await charges.charge_item(request) == first
    assert isinstance(first, ItemCharged)
    assert (first.invoice.total.amount_minor, len(first.uses)) == (1250, 1)
    after = charged(held, first.invoice, carried=first.carried, uses=first.uses)

    # A run that was reset before the command was recorded has taken up what the invoice led to.
    again = await charges.charge_item(ChargeItem(state=after, item=_item(1), now=DUE_AT))
    assert isinstance(again, ItemCharged)
    assert again.invoice == first.invoice
    same = charged(after, again.invoice, carried=again.carried, uses=again.uses)
    assert [discount.invoices for discount in same.discounts] == [1]
    async with transactions(till.engine)() as tx:
        recorded = await tx.subscriptions.recorded("sub_1")
    assert recorded is not None
    assert (recorded.discounts, len(recorded.open_invoices)) == (after.discounts, 1)


async def test_what_is_not_discountable_waits_as_such(till: Till) -> None:
    await _add(till, _item(1), _item(2).model_copy(update={"discountable": False}))
    half = Coupon(id="HALF", name="Half", percent=Decimal(50), duration=CouponDuration.FOREVER)
    held = subscription().model_copy(
        update={"discounts": (RedeemedDiscount(coupon=half, redeemed_at=START),)}
    )
    await _publish(till, half)
    billed = await till.billing.bill_period(BillPeriod(state=held, now=DUE_AT))
    assert isinstance(billed, Billed)
    assert billed.amount_due.amount_minor == 4000 + 1250 + 2500


async def test_a_coupon_for_what_waits_alone_can_be_redeemed_while_it_waits(till: Till) -> None:
    help_ = Coupon(
        id="HELP",
        name="Help",
        percent=Decimal(50),
        duration=CouponDuration.ONCE,
        products=("help",),
    )
    await _publish(till, help_, Product(id="help", name="Help", family="help"))
    coupons = Coupons(open_transaction=unit_of_work(till.engine))
    asked = TakeRedemption(state=subscription(), coupon_id="HELP", now=DUE_AT)
    refused = await coupons.take_redemption(asked)
    assert isinstance(refused, RedemptionRefused)
    assert refused.code == "coupon_not_applicable"

    item = _sold(1)
    assert item.sold is not None
    sold = item.sold.model_copy(update={"product_id": "help"})
    await _add(till, item.model_copy(update={"sold": sold}))
    taken = await coupons.take_redemption(asked)
    assert isinstance(taken, RedemptionTaken)
    held = redeemed((), taken.coupon, DUE_AT)
    state = subscription().model_copy(update={"discounts": held})
    billed = await till.billing.bill_period(BillPeriod(state=state, now=DUE_AT))
    assert isinstance(billed, Billed)
    assert billed.amount_due.amount_minor == 8000 + 1250


async def _publish(till: Till, coupon: Coupon, *products: Product) -> None:
    async with transactions(till.engine)() as tx:
        head = await catalog_versions.head(tx.connection)
        assert head is not None
        present = await catalog_versions.catalog_of(tx.connection, head.number)
        more = {"coupons": (coupon,), "products": (*present.products, *products)}
        await tx.catalog.put_on_sale(present.model_copy(update=more))


def _sold(number: int) -> InvoiceItem:
    """At a price that is in the database, whatever it is sold as there."""
    sold = SoldOnce(
        price_id="team_monthly",
        price_version=1,
        product_id="team",
        tax_category="services",
        explanation=charge_for(TEAM, 1),
    )
    return _item(number).model_copy(update={"sold": sold})
