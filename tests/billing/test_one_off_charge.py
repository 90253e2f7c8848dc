"""Charging something once: at a price of the catalog, and when a subscription takes it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import giving_up
from billing.agenda import next_action
from billing.catalog import Catalog, Product, Trial
from billing.commands import coupon_redeemed
from billing.discount import Coupon, CouponDuration
from billing.errors import Conflict, InvalidInput
from billing.invoice import InvoiceDraft, InvoiceLine, InvoiceStatus
from billing.invoice_item import InvoiceItem
from billing.money import Money
from billing.offer import Offer, terms_of
from billing.one_off_charge import charged, check_addable, sold_once
from billing.price import Price
from billing.price_model import Graduated, Tier
from billing.pricing import LARGEST_CHARGE_MINOR
from billing.rehearsal import Rehearsal
from billing.subscription import (
    ENDED_STATUSES,
    Cancellation,
    SubscriptionState,
    SubscriptionStatus,
)
from billing.tax import Taxation, TaxTreatment
from billing.upcoming import first_items
from tests.billing.beginnings import named_amount
from tests.billing.running import SOFT, Running, at, offer
from tests.billing.soundness import check_books, check_state
from tests.billing.strategies import price
from tests.billing.subscriptions import incomplete, trialing
from tests.billing.test_discount import coupon, usd
from tests.billing.test_rehearsal import running as at_price

START = at("2026-04-01")


def _once(unit: int = 25_000, *, inclusive: bool = False, category: str | None = None) -> Offer:
    product = Product(id="onboarding", name="Onboarding", family="help", tax_category=category)
    once = price(unit, also={"JPY": 40_000}).model_copy(
        update={
            "id": "onboarding_session",
            "product_id": product.id,
            "interval": None,
            "unit_name": "session",
            "tax_inclusive": inclusive,
        }
    )
    return Offer(product=product, price=once)


def _item(found: Offer, *, quantity: int = 1, currency: str = "USD") -> InvoiceItem:
    return sold_once(
        found,
        item_id="ii_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        quantity=quantity,
        currency=currency,
        now=START,
    )


def _drafts(running: Running) -> list[InvoiceDraft]:
    return [booked.draft for booked in running.books.invoices.values()]


def _tax(line: InvoiceLine) -> int:
    return 0 if line.tax is None else line.tax.amount.amount_minor


def test_an_item_is_priced_explained_and_named_by_its_price() -> None:
    tiers = (Tier(up_to=2, unit_amount_minor=Decimal(20_000)), Tier(unit_amount_minor=Decimal(100)))
    found = _once()
    tiered = found.price.model_copy(
        update={"model": Graduated(tiers=tiers), "currency_options": {}}
    )
    item = _item(found.model_copy(update={"price": tiered}), quantity=3)
    assert (item.description, str(item.amount)) == ("Onboarding, 3 sessions", "USD 401.00")
    line = item.line
    assert (line.price_id, line.price_version, line.item_id) == ("onboarding_session", 1, "ii_1")
    assert line.explanation is not None
    assert line.explanation.exact_minor == 40_100
    assert InvoiceItem.model_validate_json(item.model_dump_json()) == item


def test_it_is_sold_in_the_subscription_s_currency() -> None:
    assert str(_item(_once(), quantity=2, currency="JPY").amount) == "JPY 80,000"
    with pytest.raises(InvalidInput) as refused:
        _item(_once(), currency="EUR")
    assert refused.value.code == "currency_not_sold"


def test_what_recurs_is_not_sold_once_and_what_is_sold_once_does_not_recur() -> None:
    with pytest.raises(InvalidInput) as refused:
        _item(offer("team", 1600))
    assert refused.value.code == "price_recurring"
    with pytest.raises(InvalidInput) as refused:
        terms_of(_once(), quantity=1, trial=None, segment=None)
    assert refused.value.code == "price_not_recurring"
    effect = Rehearsal(old=price(), new=_once().price).effect_on(at_price(1))
    assert effect.before == effect.after
    assert effect.refusal is not None
    assert "sold once" in effect.refusal


def _catalog(once: Price, *, fallback: str | None = None, **replacements: str) -> Catalog:
    team = Product(id="team", name="Team", family="plan", free_fallback=fallback)
    sold = (price(), once.model_copy(update={"product_id": "team"}))
    return Catalog(products=(team,), prices=sold, replacements=replacements)


def test_nothing_falls_back_to_or_is_replaced_by_what_is_sold_once() -> None:
    once = price(0).model_copy(update={"id": "once", "interval": None})
    assert _catalog(once).prices[1].interval is None
    with pytest.raises(ValueError, match="'once' is sold once"):
        _catalog(once, fallback="once")
    with pytest.raises(ValueError, match="one is sold once and one recurs"):
        _catalog(once, team_monthly="once")


def test_what_is_bought_with_a_subscription_is_on_its_first_invoice_alone() -> None:
    item = _item(_once())
    running = Running(offer("team", 1600), start=START, quantity=5, first_items=(item,))
    running.until("2026-06-15")
    assert [str(draft.total) for draft in _drafts(running)] == [
        "USD 330.00",
        "USD 80.00",
        "USD 80.00",
    ]
    assert running.state.first_items == (item,)
    assert first_items(running.state) == ()


def test_after_a_trial_it_comes_with_the_first_period() -> None:
    team = Product(id="team", name="Team", family="plan", trial=Trial(days=14))
    running = Running(offer("team", 1600, product=team), start=START, first_items=(_item(_once()),))
    running.until("2026-04-14")
    assert (running.status, _drafts(running)) == (SubscriptionStatus.TRIALING, [])
    running.until("2026-04-15")
    assert [str(draft.total) for draft in _drafts(running)] == ["USD 266.00"]


def test_where_the_first_payment_is_refused_nothing_of_it_is_owed() -> None:
    running = Running(offer("team", 1600), start=START, first_items=(_item(_once()),))
    for outcome in (None, SOFT):
        action = next_action(running.state)
        assert action is not None
        running.perform(action, outcome)
    assert running.state.activation_refused
    running.until("2026-04-20")
    assert running.status is SubscriptionStatus.INCOMPLETE_EXPIRED
    assert running.books.cash == 0
    check_books(running)


def test_no_time_of_it_is_unused() -> None:
    running = Running(
        offer("team", 1600),
        offer("business", 2400),
        start=START,
        first_items=(_item(_once()),),
    )
    running.until("2026-04-16")
    assert running.upgrade("business") == [-800, 1200]


def test_it_is_taxed_by_its_own_category_and_inclusiveness() -> None:
    rates = {
        name: TaxTreatment(jurisdiction="DE", name="VAT", rate=Decimal(rate))
        for name, rate in (("services", "7"), ("otherwise", "19"))
    }
    taxation = Taxation(by_category={"services": rates["services"]}, otherwise=rates["otherwise"])
    item = _item(_once(10_700, inclusive=True, category="services"))
    running = Running(offer("team", 1600), start=START, taxation=taxation, first_items=(item,))
    running.until(START)
    [draft] = _drafts(running)
    assert [(line.amount.amount_minor, _tax(line)) for line in draft.lines] == [
        (1600, 304),
        (10_700, 700),
    ]
    assert draft.total == usd(1904 + 10_700)


@pytest.mark.parametrize(
    ("products", "totals"),
    [
        ((), [1280 + 20_000, 1600]),
        (("team",), [1280 + 25_000, 1600]),
        (("onboarding",), [1600 + 20_000, 1600]),
    ],
)
def test_a_coupon_discounts_it_where_it_covers_its_product(
    products: tuple[str, ...], totals: list[int]
) -> None:
    spring = coupon(percent=20, duration=CouponDuration.ONCE, products=products)
    running = Running(
        offer("team", 1600), start=START, coupons=(spring,), first_items=(_item(_once()),)
    )
    assert [*running.state.product_ids] == ["team", "onboarding"]
    running.until("2026-05-15")
    assert [*running.state.product_ids] == ["team"]
    assert [draft.total.amount_minor for draft in _drafts(running)] == totals


def _running(*coupons: Coupon) -> Running:
    running = Running(offer("team", 1600), start=START, coupons=coupons)
    running.until("2026-04-10")
    return running


def _charged(running: Running, *items: InvoiceItem) -> list[int]:
    totals = [running.charge(item).total.amount_minor for item in items]
    running.until(running.now + timedelta(hours=1))
    return totals


def _some(count: int, minor: int = 10_000) -> list[InvoiceItem]:
    now = at("2026-04-10")
    return [named_amount(minor, "USD", now=now, number=2 + number) for number in range(count)]


def test_an_invoice_of_its_own_is_discounted_as_any_other_and_counts_as_one() -> None:
    twice = coupon(percent=20, duration=CouponDuration.REPEATING, invoices=3)
    running = _running(twice)
    assert _charged(running, _item(_once()), *_some(2)) == [20_000, 8_000, 10_000]
    [discount] = running.state.discounts
    assert (discount.invoices, discount.is_used_up) == (3, True)
    running.until("2026-05-15")
    assert _drafts(running)[-1].total == usd(1600)


def test_an_amount_is_for_each_invoice_and_what_is_left_for_the_next() -> None:
    """What the period had of it is not given again, nor is it missing from the period."""
    ten = coupon("TEN", amount=usd(1000), duration=CouponDuration.FOREVER)
    running = _running(ten)
    assert _charged(running, *_some(2, 2_500)) == [1_500, 1_500]
    assert running.state.discounts[0].period_number == 0
    large = coupon("LARGE", amount=usd(13_000), carries_over=True)
    running = _running(large)
    assert _charged(running, *_some(2)) == [0, 8_600]
    assert running.state.discounts[0].is_used_up


def test_a_coupon_is_used_up_once_however_often_the_charge_is_tried() -> None:
    running = Running(offer("team", 1600), start=START)
    running.until("2026-04-10")
    half = coupon(percent=50)
    running.command(lambda s, now: coupon_redeemed(s, half.id, half, now))
    [item] = _some(1)
    draft = running.charge(item)
    assert draft.total == usd(5_000)
    record = running.books.record(draft.id)
    again = charged(running.state, record, carried=draft.carried, uses=draft.uses)
    assert again == running.state.changed()
    running.until("2026-04-19", SOFT, SOFT, None)
    assert running.books.record(draft.id).status is InvoiceStatus.PAID
    assert [discount.invoices for discount in running.state.discounts] == [1]
    running.until("2026-05-15")
    assert _drafts(running)[-1].total == usd(1600)
    check_books(running)


def test_who_has_the_free_plan_keeps_it_where_something_besides_is_never_paid() -> None:
    product = Product(id="team", name="Team", family="plan", free_fallback="free")
    running = Running(offer("free", 0, product=product), start=START)
    running.until("2026-04-10")
    before = running.state
    draft = running.charge(_some(1)[0])
    running.until("2026-04-30", SOFT)
    assert running.books.record(draft.id).status is InvoiceStatus.VOID
    after = running.state
    assert (after.status, after.open_invoices) == (SubscriptionStatus.ACTIVE, ())
    assert (after.terms, after.period, after.anchor_at) == (
        before.terms,
        before.period,
        before.anchor_at,
    )
    assert "subscription_downgraded" not in running.told()
    assert giving_up.event_of(before, after) == "subscription.active"


def test_what_is_not_discountable_or_of_another_product_costs_all_of_it() -> None:
    full = _item(_once()).model_copy(update={"discountable": False})
    team_alone = coupon("TEAM", percent=50, products=("team",), duration=CouponDuration.FOREVER)
    running = _running(team_alone)
    assert _charged(running, _item(_once()), *_some(1)) == [25_000, 10_000]
    running = Running(offer("team", 1600), start=START, coupons=(coupon(),), first_items=(full,))
    running.until("2026-04-10")
    assert [draft.total for draft in _drafts(running)] == [usd(1280 + 25_000)]
    running = _running(coupon(percent=50, duration=CouponDuration.FOREVER))
    assert _charged(running, full) == [25_000]
    assert [discount.invoices for discount in running.state.discounts] == [1]


@settings(deadline=None, max_examples=30)
@given(
    units=st.lists(st.integers(50, 50_000), min_size=1, max_size=3),
    rates=st.tuples(st.sampled_from(["0", "7", "8.875"]), st.sampled_from(["0", "19", "25.5"])),
    percent=st.none() | st.integers(1, 100),
    is_inclusive=st.booleans(),
    seconds=st.integers(0, 29 * 86_400),
)
def test_with_anything_bought_besides_the_books_balance_and_the_preview_is_the_invoice(
    units: list[int],
    rates: tuple[str, str],
    percent: int | None,
    seconds: int,
    *,
    is_inclusive: bool,
) -> None:
    """`Running` compares every invoice with its preview."""
    own, otherwise = (TaxTreatment(jurisdiction="DE", rate=Decimal(rate)) for rate in rates)
    items = tuple(
        _item(_once(unit, inclusive=is_inclusive, category="services")).model_copy(
            update={"id": f"ii_{number}"}
        )
        for number, unit in enumerate(units)
    )
    team = Product(id="team", name="Team", family="plan", trial=Trial(days=7))
    running = Running(
        offer("team", 1600, product=team),
        offer("business", 2400),
        start=START,
        coupons=() if percent is None else (coupon(percent=percent),),
        taxation=Taxation(by_category={"services": own}, otherwise=otherwise),
        first_items=items,
    )
    running.until(START + timedelta(days=7, seconds=seconds))
    [first, *_] = _drafts(running)
    assert {line.item_id for line in first.lines} - {None} == {item.id for item in items}
    running.upgrade("business")
    running.until("2026-07-01")
    check_state(running)
    check_books(running)


def _may_have(state: SubscriptionState, currency: str = "USD") -> str | None:
    try:
        check_addable(state, Money(amount_minor=100, currency=currency))
    except (Conflict, InvalidInput) as refused:
        return refused.code
    return None


def test_what_comes_together_is_no_more_than_one_charge_can_take() -> None:
    running = trialing()
    left = LARGEST_CHARGE_MINOR - running.terms.period_amount.amount_minor
    half = _item(_once(left // 2))
    check_addable(running, usd(left - left // 2), waiting=[half])
    bought = running.model_copy(update={"first_items": (half,)})
    for state, waiting in ((running, [half]), (bought, [])):
        with pytest.raises(InvalidInput) as refused:
            check_addable(state, usd(left - left // 2 + 1), waiting=waiting)
        assert refused.value.code == "amount_too_large"


def test_an_item_needs_an_invoice_that_comes() -> None:
    running = trialing()
    assert _may_have(running) is None
    assert _may_have(running, "EUR") == "currency_mismatch"
    assert _may_have(incomplete()) == "command_not_allowed"
    for status in ENDED_STATUSES:
        assert _may_have(running.model_copy(update={"status": status})) == "subscription_ended"
    for status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        assert _may_have(running.model_copy(update={"status": status})) is None
    ending = Cancellation(at=at("2026-05-01"), requested_at=START)
    assert _may_have(running.model_copy(update={"cancellation": ending})) == "no_next_invoice"
