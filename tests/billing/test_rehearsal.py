"""What another price would do: exact per month, added up without loss."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.interval import Interval, IntervalUnit
from billing.money import Money
from billing.rehearsal import Rehearsal, Running, Tally, monthly, months
from billing.subscription import SubscriptionStatus
from tests.billing.strategies import price

_RENEWS_AT = datetime(2026, 2, 1, tzinfo=UTC)
_YEAR = Interval(unit=IntervalUnit.YEAR)


def running(
    quantity: int = 5,
    *,
    currency: str = "USD",
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE,
    next_invoice_at: datetime | None = _RENEWS_AT,
) -> Running:
    return Running(
        subscription_id="sub_1",
        customer_id="cus_1",
        status=status,
        price_id="team_monthly",
        price_version=1,
        currency=currency,
        quantity=quantity,
        next_invoice_at=next_invoice_at,
    )


def test_the_next_invoice_and_the_month_are_told_before_and_after() -> None:
    effect = Rehearsal(old=price(1600), new=price(2000)).effect_on(running(5))
    assert (effect.before.amount_minor, effect.after.amount_minor) == (8000, 10000)
    assert effect.monthly_before == Fraction(8000)
    assert effect.monthly_change == 2000


def test_a_year_counts_a_twelfth_per_month_and_is_not_rounded() -> None:
    effect = Rehearsal(old=price(1000), new=price(10_000, interval=_YEAR)).effect_on(running(1))
    assert effect.monthly_after == Fraction(10_000, 12)
    assert effect.monthly_change == Fraction(-500, 3)


@pytest.mark.parametrize(
    ("unit", "count", "length"),
    [
        (IntervalUnit.MONTH, 3, Fraction(3)),
        (IntervalUnit.YEAR, 2, Fraction(24)),
        (IntervalUnit.DAY, 146_097, Fraction(4_800)),
        (IntervalUnit.WEEK, 20_871, Fraction(4_800)),
    ],
)
def test_400_years_have_4800_months(unit: IntervalUnit, count: int, length: Fraction) -> None:
    assert months(Interval(unit=unit)) * count == length
    amount = Money(amount_minor=count, currency="USD")
    assert monthly(amount, Interval(unit=unit)) == count * count / length


@pytest.mark.parametrize(
    "status", [s for s in SubscriptionStatus if s not in {"active", "past_due"}]
)
def test_what_earns_nothing_yet_changes_no_revenue(status: SubscriptionStatus) -> None:
    effect = Rehearsal(old=price(1600), new=price(2000)).effect_on(running(status=status))
    assert not effect.monthly_before
    assert not effect.monthly_after
    assert effect.after.amount_minor == 10_000


def test_a_quantity_that_is_not_sold_any_more_stays_as_it_is_and_is_told() -> None:
    from_ten = price(1600).model_copy(update={"minimum_quantity": 10})
    effect = Rehearsal(old=price(1600), new=from_ten).effect_on(running(5))
    assert effect.refusal is not None
    assert "from 10" in effect.refusal
    assert effect.after == effect.before
    assert effect.monthly_change == Fraction(0)


def test_each_is_compared_in_its_own_currency_and_stays_where_that_is_not_sold() -> None:
    old = price(1600, also={"EUR": 1500, "JPY": 2400})
    rehearsal = Rehearsal(old=old, new=price(2000, also={"EUR": 1900}))
    euros, yen = (rehearsal.effect_on(running(2, currency=code)) for code in ("EUR", "JPY"))
    assert (str(euros.before), str(euros.after)) == ("EUR 30.00", "EUR 38.00")
    assert (yen.before, yen.monthly_change) == (yen.after, Fraction(0))
    assert yen.refusal == "team_monthly is sold in USD, EUR, not in JPY"


@given(
    quantities=st.lists(st.tuples(st.integers(1, 500), st.booleans()), max_size=30),
    old=st.integers(100, 10_000),
    new=st.integers(100, 10_000),
    interval=st.builds(Interval, unit=st.sampled_from(IntervalUnit), count=st.integers(1, 24)),
)
def test_the_total_is_the_sum_of_all(
    quantities: list[tuple[int, bool]], old: int, new: int, interval: Interval
) -> None:
    rehearsal = Rehearsal(old=price(old, interval=interval), new=price(new, interval=interval))
    effects = [
        rehearsal.effect_on(running(quantity, next_invoice_at=_RENEWS_AT if renews else None))
        for quantity, renews in quantities
    ]
    tally = Tally()
    for effect in effects:
        tally.add(effect)
    if not effects:
        assert tally.totals == ()
        return
    [total] = tally.totals
    assert total.subscriptions == len(effects)
    assert total.monthly_change == sum(effect.monthly_change for effect in effects)
    assert total.monthly_change == (new - old) * sum(q for q, _ in quantities) / months(interval)
    renewing = [effect for effect in effects if effect.subscription.next_invoice_at]
    assert total.next_invoices_before_minor == sum(e.before.amount_minor for e in renewing)
    assert total.next_invoices_after_minor == sum(e.after.amount_minor for e in renewing)
    assert total.dearer == (len(effects) if new > old else 0)
    assert total.cheaper == (len(effects) if new < old else 0)


def test_totals_are_kept_apart_by_currency() -> None:
    tally = Tally()
    for currency in ("USD", "EUR"):
        both = [price(amount, currency=currency) for amount in (1600, "1700.5")]
        tally.add(Rehearsal(old=both[0], new=both[1]).effect_on(running(1, currency=currency)))
    assert [(t.currency, t.monthly_change) for t in tally.totals] == [
        ("EUR", Fraction(101)),
        ("USD", Fraction(101)),
    ]
