"""What accrued and is not invoiced: as revenue the same before and after its invoice."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.catalog import PauseMode
from billing.discount import CouponDuration
from billing.dunning import FinalAction
from billing.money import Money
from billing.recognition import EarnedLine
from billing.tax import Taxation, TaxTreatment
from billing.unbilled import unbilled_lines
from tests.billing.running import SOFT, Running, at
from tests.billing.test_arrears import START, april, catalog, cloud
from tests.billing.test_discount import coupon, usd


def _unbilled(running: Running) -> tuple[EarnedLine, ...]:
    return unbilled_lines(running.state, price_of=running.price_of)


def _earned(lines: tuple[EarnedLine, ...], day: date) -> int:
    return sum(line.recognised_before(day).amount_minor for line in lines)


def _billed(running: Running) -> tuple[EarnedLine, ...]:
    """The lines of all invoices; nothing is paid in advance."""
    return tuple(
        EarnedLine.over(
            line.net, line.period, issued_on=booked.draft.finalized_at.date(), in_arrears=True
        )
        for booked in running.books.invoices.values()
        for line in booked.draft.lines
    )


def test_half_of_a_month_is_earned_in_half_of_it_whoever_has_the_invoice() -> None:
    running = april()
    [line] = _unbilled(running)
    assert (line.amount, line.issued_on) == (usd(8_000), None)
    assert line.recognised_before(date(2026, 4, 16)) == line.accrued_before(date(2026, 4, 16))
    assert line.accrued_before(date(2026, 4, 16)) == usd(4_000)
    running.until("2026-05-01")
    [billed] = _billed(running)
    assert billed == line.model_copy(update={"issued_on": date(2026, 5, 1)})
    [may] = _unbilled(running)
    assert may.first_day == date(2026, 5, 1)


def test_what_a_coupon_takes_off_is_not_earned() -> None:
    half = coupon(percent=50, duration=CouponDuration.FOREVER)
    running = Running(*catalog(cloud()), start=at(START), quantity=5, coupons=(half,))
    running.until("2026-04-10")
    assert [line.amount for line in _unbilled(running)] == [usd(4_000)]


def test_tax_that_a_price_includes_is_nobodys_revenue() -> None:
    offers = tuple(
        each.model_copy(update={"price": each.price.model_copy(update={"tax_inclusive": True})})
        for each in catalog(cloud())
    )
    vat = TaxTreatment(jurisdiction="DE", name="VAT", rate=Decimal(19))
    taxation = Taxation(otherwise=vat)
    running = Running(*offers, start=at(START), quantity=5, taxation=taxation)
    running.until("2026-04-10")
    [line] = unbilled_lines(running.state, price_of=running.price_of, taxation=taxation)
    assert line.amount == usd(6_723)
    running.until("2026-05-01")
    [booked] = running.books.invoices.values()
    assert booked.draft.total - booked.draft.tax == line.amount


def test_a_rest_earns_nothing_and_what_was_had_before_stays_accrued() -> None:
    running = april(cloud(pause=PauseMode.KEEP_ANCHOR))
    running.until("2026-04-11")
    running.pause(at("2026-05-20"))
    running.until("2026-05-10")
    [line] = _unbilled(running)
    assert (line.amount, line.end_day) == (
        Money(amount_minor=2667, currency="USD"),
        date(2026, 4, 11),
    )
    assert line.accrued_before(date(2026, 5, 10)) == line.amount


def test_what_waits_in_a_rest_is_discounted_as_its_invoice_will_be() -> None:
    half = coupon(percent=50, duration=CouponDuration.ONCE)
    offers = catalog(cloud(pause=PauseMode.KEEP_ANCHOR))
    running = Running(*offers, start=at(START), quantity=5, coupons=(half,))
    running.until("2026-04-11")
    running.pause(at("2026-05-20"))
    running.until("2026-05-10")
    [resting] = _unbilled(running)
    assert resting.amount == usd(1_333)  # half of 80.00 * 10 / 30
    running.until("2026-06-02")
    [first, _] = _billed(running)
    assert first.amount == usd(1_333)


def test_what_nobody_pays_and_is_not_billed_is_not_accrued_any_more() -> None:
    running = april(cloud(final_action=FinalAction.CANCEL))
    running.until("2026-05-10", SOFT)
    assert _unbilled(running)
    running.until("2026-05-20", SOFT)
    assert (running.state.has_ended, _unbilled(running)) == (True, ())


@settings(deadline=None, max_examples=25)
@given(
    changes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), max_size=4),
    seen=st.integers(1, 120),
)
def test_what_a_day_has_earned_is_the_same_before_and_after_it_is_invoiced(
    changes: list[tuple[int, int]], seen: int
) -> None:
    """Whole days: what changes at midnight is known to the report in the same days as later."""
    running = april()
    for days, seats in changes:
        running.until(running.now + timedelta(days=days))
        if seats != running.state.terms.quantity and running.state.pending_change is None:
            running.change(quantity=seats)
    day = running.now.date()
    before = _earned((*_billed(running), *_unbilled(running)), day)
    running.until(running.now + timedelta(days=seen))
    after = _earned((*_billed(running), *_unbilled(running)), day)
    assert after == before
    every = (*_billed(running), *_unbilled(running))
    days_seen = [date(2026, 4, 1) + timedelta(days=number) for number in range(60)]
    for first, second in pairwise(days_seen):
        assert _earned(every, first) <= _earned(every, second)
