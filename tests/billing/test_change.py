"""Changes: the figures to the cent, what is refused, and what holds for every change."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billing.catalog import Product, ProrationMode
from billing.change import (
    ChangeKind,
    ChangeRequest,
    PlannedChange,
    classify,
    plan_change,
)
from billing.credit_note import UnusedPart
from billing.errors import Conflict, InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.invoice import InvoiceLine
from billing.money import Money, round_half_away
from billing.period import Period
from billing.price import Price
from billing.price_model import Tier, Volume
from billing.pricing import price_of
from billing.proration import Debit, LineRef
from billing.subscription import (
    Cancellation,
    ChangeResult,
    PendingChange,
    SubscriptionState,
    SubscriptionStatus,
    Terms,
)
from tests.billing.price_models import priced, stair_steps, tiers
from tests.billing.running import Running, offer
from tests.billing.soundness import check_books
from tests.billing.strategies import price

MONTH, YEAR = Interval(unit=IntervalUnit.MONTH), Interval(unit=IntervalUnit.YEAR)
TEAM = price(1600)
BUSINESS = price(2400).model_copy(update={"id": "business_monthly"})
PRO = price(1100).model_copy(update={"id": "pro_monthly"})
PRO_ANNUAL = price(10800, interval=YEAR).model_copy(update={"id": "pro_annual"})
BUSINESS_ANNUAL = price(28800, interval=YEAR).model_copy(update={"id": "business_annual"})
FREE = price(0).model_copy(update={"id": "free"})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


APRIL = Period(start=at("2026-04-01"), end=at("2026-05-01"))


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def terms(sold: Price, quantity: int, mode: ProrationMode = ProrationMode.BY_SECOND) -> Terms:
    return Terms(
        product_id="team",
        product_name="Team",
        family="plan",
        price_id=sold.id,
        price_version=sold.version,
        currency=sold.currency,
        interval=sold.interval,
        quantity=quantity,
        period_amount=price_of(sold, quantity),
        proration=mode,
    )


def active(sold: Terms, period: Period = APRIL) -> SubscriptionState:
    return SubscriptionState(
        subscription_id="sub_1",
        customer_id="cus_1",
        terms=sold,
        status=SubscriptionStatus.ACTIVE,
        created_at=period.start,
        checkout_expires_at=period.start,
        anchor_at=period.start,
        period_number=0,
        period=period,
    )


def debit(minor: int, period: Period = APRIL, *, position: int = 1, credited: int = 0) -> Debit:
    return Debit(
        ref=LineRef(invoice_id="in_1", position=position),
        description="Team",
        price_id="team_monthly",
        price_version=1,
        quantity=10,
        period=period,
        amount=usd(minor),
        credited=usd(credited),
    )


def planned(
    state: SubscriptionState,
    *debits: Debit,
    to: Price,
    quantity: int,
    now: str,
    current: Price = TEAM,
) -> PlannedChange:
    target = terms(to, quantity, state.terms.proration)
    return plan_change(
        state,
        target=target,
        current_price=current,
        target_price=to,
        debits=debits,
        at=at(now),
    )


def test_an_upgrade_waits_for_the_bank_while_what_it_gives_back_is_disputed() -> None:
    """Otherwise a dispute that is won leaves the time paid twice."""
    state = active(terms(TEAM, 10)).changed(open_disputes=("du_1",))
    disputed = debit(16_000).model_copy(update={"is_disputed": True})
    with pytest.raises(Conflict) as refused:
        planned(state, disputed, to=BUSINESS, quantity=10, now="2026-04-16")
    assert refused.value.code == "charge_disputed"
    more = planned(state, disputed, to=TEAM, quantity=12, now="2026-04-16")
    assert [line.amount.amount_minor for line in more.lines] == [1_600]


def test_a_payment_that_was_lost_to_a_dispute_is_given_back_by_no_upgrade() -> None:
    state = active(terms(TEAM, 10))
    disputed = debit(16_000).model_copy(update={"is_disputed": True})
    plan = planned(state, disputed, to=BUSINESS, quantity=10, now="2026-04-16")
    assert [line.amount.amount_minor for line in plan.lines] == [12_000]


def amounts(plan: PlannedChange) -> list[int]:
    return [line.amount.amount_minor for line in plan.lines]


def test_an_upgrade_at_exactly_mid_period_gives_back_half_and_costs_half() -> None:
    plan = planned(
        active(terms(TEAM, 10)), debit(16000), to=BUSINESS, quantity=10, now="2026-04-16"
    )
    assert amounts(plan) == [-8000, 12000]
    assert plan.kind is ChangeKind.UPGRADE
    assert plan.period == APRIL
    assert not plan.starts_period


def test_an_upgrade_is_prorated_by_the_second() -> None:
    state = active(terms(TEAM, 10))
    plan = planned(state, debit(16000), to=BUSINESS, quantity=10, now="2026-04-16T13:37:11")
    assert amounts(plan) == [-7697, 11546]


def test_seats_added_cost_what_is_left_of_the_period() -> None:
    first = planned(active(terms(TEAM, 10)), debit(16000), to=TEAM, quantity=12, now="2026-04-11")
    second = planned(active(terms(TEAM, 12)), debit(16000), to=TEAM, quantity=15, now="2026-04-21")
    assert (amounts(first), amounts(second)) == ([2133], [1600])
    assert first.kind is second.kind is ChangeKind.INCREASE


BULK = price().model_copy(
    update={
        "id": "bulk_monthly",
        "model": Volume(
            tiers=(
                Tier(up_to=10, unit_amount_minor=Decimal(1600)),
                Tier(unit_amount_minor=Decimal(1000)),
            )
        ),
    }
)
"""Up to 10 at $16.00 each, from 11 at $10.00 each."""


def test_seats_that_make_all_cheaper_give_back_what_was_paid_and_are_charged_anew() -> None:
    state = active(terms(BULK, 10))
    plan = planned(state, debit(16000), current=BULK, to=BULK, quantity=11, now="2026-04-16")
    assert amounts(plan) == [-8000, 5500]
    assert plan.kind is ChangeKind.INCREASE
    assert [line.credits for line in plan.lines] == [debit(16000).ref, None]
    unpaid = planned(state, current=BULK, to=BULK, quantity=11, now="2026-04-16")
    assert amounts(unpaid) == [5500]


def test_seats_within_a_tier_of_a_volume_price_are_one_line() -> None:
    state = active(terms(BULK, 11))
    plan = planned(state, debit(11000), current=BULK, to=BULK, quantity=13, now="2026-04-16")
    assert amounts(plan) == [1000]


def test_seats_that_were_made_cheaper_and_are_refunded_give_back_what_was_paid_once() -> None:
    life = Running(offer("bulk", 1600, bounds=(5,)), start=APRIL.start, quantity=5)
    life.until("2026-04-01")
    assert life.upgrade(quantity=6) == [-8000, 7680]
    assert life.books.balance == 320
    assert life.cancel_now(UnusedPart.REFUND) == 7680
    check_books(life)
    assert life.books.cash == life.books.balance


@given(st.data())
def test_more_of_any_price_never_takes_money_from_no_debit(data: st.DataObject) -> None:
    model = data.draw(st.one_of(tiers().map(lambda t: Volume(tiers=t)), stair_steps()))
    sold = priced(model)
    held = data.draw(st.integers(1, 2000))
    wanted = data.draw(st.integers(held + 1, 3000))
    now = data.draw(instants)
    paid = price_of(sold, held).amount_minor
    left = Fraction((APRIL.end - now) // timedelta(seconds=1), 30 * 24 * 3600)
    plan = planned(
        active(terms(sold, held)),
        *([debit(paid)] if paid else []),
        current=sold,
        to=sold,
        quantity=wanted,
        now=f"{now:%Y-%m-%dT%H:%M:%S}",
    )
    given_back, _ = _by_sign(plan.lines)
    assert -given_back == -sum(
        line.amount.amount_minor for line in plan.lines if line.credits is not None
    )
    assert -given_back <= round_half_away(paid * left)
    if plan.starts_period:  # it cost nothing before
        left = Fraction(1)
    more = price_of(sold, wanted).amount_minor - paid
    assert abs(plan.total.amount_minor - more * left) <= 2


TEAM_ANNUAL = price(18000, interval=YEAR).model_copy(update={"id": "team_annual"})


def sold_as(product_id: str, sold: Price, quantity: int) -> Terms:
    return terms(sold, quantity).model_copy(update={"product_id": product_id})


@pytest.mark.parametrize(
    ("current", "target", "kind"),
    [
        (sold_as("team", TEAM, 10), sold_as("team", TEAM_ANNUAL, 10), ChangeKind.UPGRADE),
        (sold_as("team", TEAM, 10), sold_as("team", TEAM_ANNUAL, 11), ChangeKind.UPGRADE),
        (sold_as("team", TEAM, 10), sold_as("team", TEAM_ANNUAL, 9), ChangeKind.DECREASE),
        (sold_as("business", BUSINESS, 10), sold_as("team", TEAM_ANNUAL, 10), ChangeKind.DECREASE),
        (sold_as("business", BUSINESS, 100), sold_as("team", TEAM_ANNUAL, 1), ChangeKind.DECREASE),
        (sold_as("business", BUSINESS, 5), sold_as("team", TEAM_ANNUAL, 8), ChangeKind.UPGRADE),
        (sold_as("team", TEAM, 1), sold_as("business", BUSINESS_ANNUAL, 1), ChangeKind.UPGRADE),
        (sold_as("team", TEAM, 10), sold_as("pro", PRO_ANNUAL, 1), ChangeKind.DECREASE),
        (sold_as("team", TEAM, 10), sold_as("team", FREE, 10), ChangeKind.DECREASE),
    ],
)
def test_a_longer_interval_is_more_only_for_as_much_of_the_same_or_for_what_costs_as_much(
    current: Terms, target: Terms, kind: ChangeKind
) -> None:
    assert classify(current, target) is kind


def test_a_smaller_plan_for_a_year_waits_for_the_months_end_and_gives_nothing_back() -> None:
    """Otherwise a longer interval would be the way around policy P12."""
    big = Product(id="business", name="Business", family="plan")
    small = offer("team_annual", 18000, interval=YEAR)
    life = Running(offer("business", 2400, product=big), small, start=APRIL.start, quantity=100)
    life.until("2026-04-16")
    assert life.change("team_annual", quantity=1) is ChangeResult.SCHEDULED
    assert (life.state.terms.quantity, life.books.balance) == (100, 0)
    life.until("2026-05-01")
    assert life.state.period == Period(start=at("2026-05-01"), end=at("2027-05-01"))
    assert life.books.cash == 240000 + 18000
    check_books(life)


@given(st.data())
def test_what_takes_effect_at_once_pays_nothing_out_at_list_prices(data: st.DataObject) -> None:
    """But where more units of a price cost less: that credit is policy P13's."""
    plans = {"small": (700, 7_000), "middle": (1_600, 18_000), "large": (2_400, 30_000)}
    drawn = st.tuples(st.sampled_from(sorted(plans)), st.booleans(), st.integers(1, 200))
    (product, yearly, seats), (other, other_yearly, other_seats) = data.draw(
        st.tuples(drawn, drawn)
    )

    def of(plan: str, *, a_year: bool) -> Price:
        interval = YEAR if a_year else MONTH
        sold = price(plans[plan][a_year], interval=interval)
        return sold.model_copy(update={"id": f"{plan}_{interval.unit}"})

    sold, wanted = of(product, a_year=yearly), of(other, a_year=other_yearly)
    assume((sold.id, seats) != (wanted.id, other_seats))
    period = Period(start=APRIL.start, end=at("2027-04-01")) if yearly else APRIL
    state = active(sold_as(product, sold, seats).model_copy(update={"shorter_interval": True}))
    plan = plan_change(
        state.model_copy(update={"period": period}),
        target=sold_as(other, wanted, other_seats),
        current_price=sold,
        target_price=wanted,
        debits=[debit(price_of(sold, seats).amount_minor, period)],
        at=data.draw(instants),
    )
    assert plan.total.amount_minor >= 0
    is_smaller = (product, yearly) == (other, other_yearly) and other_seats < seats
    is_cheaper = price_of(wanted, other_seats).amount_minor * (1 if other_yearly else 12) < (
        price_of(sold, seats).amount_minor * (1 if yearly else 12)
    )
    is_same_for_a_year = other_yearly and not yearly and product == other and other_seats >= seats
    assert plan.is_deferred == (
        is_smaller or (is_cheaper and not is_same_for_a_year) or (yearly and not other_yearly)
    )
    assert plan.lines == () or not plan.is_deferred


def test_an_upgrade_and_then_two_seats() -> None:
    upgrade = planned(
        active(terms(TEAM, 10)), debit(16000), to=BUSINESS, quantity=10, now="2026-04-11"
    )
    seats = planned(
        active(terms(BUSINESS, 10)),
        debit(16000, Period(start=at("2026-04-11"), end=APRIL.end)),
        current=BUSINESS,
        to=BUSINESS,
        quantity=12,
        now="2026-04-21",
    )
    assert (upgrade.total, seats.total) == (usd(5333), usd(1600))
    assert seats.target.period_amount == usd(28800)


def test_monthly_to_annual_starts_a_year_at_once() -> None:
    march = Period(start=at("2026-03-01"), end=at("2026-04-01"))
    plan = planned(
        active(terms(PRO, 1), march),
        debit(1100, march),
        current=PRO,
        to=PRO_ANNUAL,
        quantity=1,
        now="2026-03-15",
    )
    assert plan.total == usd(10197)
    assert plan.starts_period
    assert plan.period == Period(start=at("2026-03-15"), end=at("2027-03-15"))


@pytest.mark.parametrize(("year", "minor"), [(2026, 146367), (2028, 145967)])
def test_seats_of_a_year_cost_what_is_left_of_it_also_in_a_leap_year(year: int, minor: int) -> None:
    whole = Period(start=at(f"{year}-01-01"), end=at(f"{year + 1}-01-01"))
    plan = planned(
        active(terms(BUSINESS_ANNUAL, 50), whole),
        debit(1440000, whole),
        current=BUSINESS_ANNUAL,
        to=BUSINESS_ANNUAL,
        quantity=57,
        now=f"{year}-04-11",
    )
    assert plan.total == usd(minor)


def test_seats_removed_cost_and_give_back_nothing_and_wait_for_the_periods_end() -> None:
    plan = planned(active(terms(TEAM, 10)), debit(16000), to=TEAM, quantity=8, now="2026-04-16")
    assert plan.lines == ()
    assert (plan.kind, plan.at, plan.is_deferred) == (ChangeKind.DECREASE, APRIL.end, True)


def test_the_day_of_a_change_counts_whole_where_the_product_says_so() -> None:
    state = active(terms(TEAM, 10, ProrationMode.DAY_INCLUSIVE))
    plan = planned(state, debit(16000), to=BUSINESS, quantity=10, now="2026-04-16T23:59:59")
    assert amounts(plan) == [-8000, 12000]


def test_what_costs_nothing_now_is_replaced_by_a_whole_period() -> None:
    plan = planned(active(terms(FREE, 1)), current=FREE, to=TEAM, quantity=3, now="2026-04-16")
    assert amounts(plan) == [4800]
    assert plan.period == Period(start=at("2026-04-16"), end=at("2026-05-16"))


def test_a_credit_never_exceeds_what_is_left_of_its_debit() -> None:
    plan = planned(
        active(terms(TEAM, 10)),
        debit(16000, credited=12000),
        to=BUSINESS,
        quantity=10,
        now="2026-04-16",
    )
    assert amounts(plan) == [-4000, 12000]


def test_a_change_during_the_trial_is_free_and_immediate() -> None:
    trial = active(terms(TEAM, 10)).model_copy(update={"status": SubscriptionStatus.TRIALING})
    for to, quantity in ((BUSINESS, 10), (TEAM, 12), (TEAM, 2)):
        plan = planned(trial, to=to, quantity=quantity, now="2026-04-05")
        assert (plan.lines, plan.at, plan.period) == ((), at("2026-04-05"), APRIL)


def test_what_is_too_little_to_collect_is_carried_to_the_next_invoice() -> None:
    plan = planned(
        active(terms(TEAM, 10)), debit(16000), to=TEAM, quantity=11, now="2026-04-30T12:00"
    )
    assert plan.total == usd(27)
    assert [line.amount for line in plan.carried] == [usd(27)]


def _pending(state: SubscriptionState) -> SubscriptionState:
    pending = PendingChange(
        change_id="chg_1", target=terms(TEAM, 8), at=APRIL.end, requested_at=APRIL.start
    )
    return state.model_copy(update={"pending_change": pending})


def _canceling(state: SubscriptionState) -> SubscriptionState:
    cancellation = Cancellation(at=APRIL.end, requested_at=APRIL.start)
    return state.model_copy(update={"cancellation": cancellation})


@pytest.mark.parametrize("waiting", [_pending, _canceling])
def test_seats_are_not_added_while_a_change_is_pending_but_a_plan_is_upgraded(
    waiting: object,
) -> None:
    assert callable(waiting)
    state = waiting(active(terms(TEAM, 10)))
    for quantity in (12, 7):
        with pytest.raises(Conflict) as refused:
            planned(state, debit(16000), to=TEAM, quantity=quantity, now="2026-04-16")
        assert refused.value.code == "pending_change_exists"
    assert planned(state, debit(16000), to=BUSINESS, quantity=10, now="2026-04-16").total == usd(
        4000
    )


def test_increases_are_refused_while_past_due_and_decreases_are_not() -> None:
    owing = active(terms(TEAM, 10)).model_copy(update={"status": SubscriptionStatus.PAST_DUE})
    with pytest.raises(Conflict) as refused:
        planned(owing, to=TEAM, quantity=11, now="2026-04-16")
    assert refused.value.code == "past_due"
    assert planned(owing, to=TEAM, quantity=9, now="2026-04-16").is_deferred


def test_annual_to_monthly_needs_the_products_consent() -> None:
    year = Period(start=at("2026-01-01"), end=at("2027-01-01"))
    state = active(terms(PRO_ANNUAL, 1), year)
    with pytest.raises(Conflict) as refused:
        planned(state, current=PRO_ANNUAL, to=PRO, quantity=1, now="2026-04-16")
    assert refused.value.code == "interval_downgrade_not_allowed"
    consenting = active(terms(PRO_ANNUAL, 1).model_copy(update={"shorter_interval": True}), year)
    plan = planned(consenting, current=PRO_ANNUAL, to=PRO, quantity=1, now="2026-04-16")
    assert plan.at == year.end


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"currency": "EUR", "price_id": "other"}, "currency_mismatch"),
        ({"family": "other"}, "different_family"),
        ({}, "nothing_changes"),
    ],
)
def test_what_is_no_change_of_this_subscription_is_refused(
    change: dict[str, str], code: str
) -> None:
    state = active(terms(TEAM, 10))
    with pytest.raises(InvalidInput) as refused:
        plan_change(
            state,
            target=state.terms.model_copy(update=change),
            current_price=TEAM,
            target_price=TEAM,
            debits=(),
            at=at("2026-04-16"),
        )
    assert refused.value.code == code


def test_a_quantity_is_absolute_or_relative_and_not_both() -> None:
    assert ChangeRequest(quantity_change=-2).quantity_from(10) == 8
    assert ChangeRequest(quantity=12).quantity_from(10) == 12
    assert ChangeRequest(price_id="business").quantity_from(10) == 10
    with pytest.raises(InvalidInput) as refused:
        ChangeRequest(quantity=1, quantity_change=1).quantity_from(10)
    assert refused.value.code == "quantity_given_twice"


instants = st.integers(0, 30 * 24 * 3600 - 1).map(lambda s: APRIL.start + timedelta(seconds=s))


@given(instants, st.integers(1, 500), st.integers(50, 5000))
def test_every_amount_of_an_upgrade_is_its_exact_share_rounded_once(
    now: datetime, quantity: int, unit_minor: int
) -> None:
    sold, better = price(unit_minor), price(unit_minor + 7).model_copy(update={"id": "better"})
    paid = debit(unit_minor * quantity)
    state = active(terms(sold, quantity))
    plan = plan_change(
        state,
        target=terms(better, quantity),
        current_price=sold,
        target_price=better,
        debits=(paid,),
        at=now,
    )
    left = Fraction((APRIL.end - now) // timedelta(seconds=1), 30 * 24 * 3600)
    given_back, charged = _by_sign(plan.lines)
    assert given_back == -round_half_away(unit_minor * quantity * left)
    assert charged == round_half_away((unit_minor + 7) * quantity * left)
    assert plan.total.amount_minor >= 0


def _by_sign(lines: tuple[InvoiceLine, ...]) -> tuple[int, int]:
    minors = [line.amount.amount_minor for line in lines]
    return sum(m for m in minors if m < 0), sum(m for m in minors if m > 0)
