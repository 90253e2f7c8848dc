"""The next invoice before it is made: what will be billed, or that nothing will.

That previews are what is billed is asserted at every boundary of `tests.billing.running`.
"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.catalog import Trial, WithoutPaymentMethod
from billing.interval import Interval, IntervalUnit
from billing.money import Money
from billing.price import Price
from billing.price_model import PerUnit
from billing.upcoming import upcoming_invoice, upcoming_period
from tests.billing.subscriptions import trialing
from tests.workflows.situations import SITUATIONS, decreasing, past_due

PRICE = Price(
    id="team_monthly",
    product_id="team",
    currency="USD",
    model=PerUnit(unit_amount_minor=Decimal(1600)),
    interval=Interval(unit=IntervalUnit.MONTH),
    unit_name="seat",
)
NOTHING_COMES = {
    "incomplete",
    "refused at the checkout",
    "expired",
    "trial to be canceled",
    "trial paused",
    "to be canceled",
    "unpaid",
    "unpaid, to be canceled",
    "paused",
    "canceled",
    "ended in arrears, owing",
    "purchase called off",
    "purchase completed",
    "purchase past due",
}


@pytest.mark.parametrize("situation", sorted(SITUATIONS))
def test_an_invoice_comes_by_itself_wherever_the_subscription_goes_on(situation: str) -> None:
    following = upcoming_period(SITUATIONS[situation](), has_method=True)
    assert (following is None) == (situation in NOTHING_COMES)


def test_it_is_of_what_waits_for_the_boundary_and_takes_what_the_balance_has() -> None:
    state = decreasing()
    following = upcoming_period(state, has_method=True)
    assert following is not None
    balance = Money(amount_minor=1_000, currency="USD")
    upcoming = upcoming_invoice(state, following, price=PRICE, balance=balance)
    assert upcoming.draft.total.amount_minor == 4_800
    assert (upcoming.from_balance, upcoming.amount_due.amount_minor) == (balance, 3_800)
    assert upcoming.draft.due_at == datetime(2026, 3, 17, 9, 30, tzinfo=UTC)


def test_it_comes_also_while_something_else_is_owed() -> None:
    following = upcoming_period(past_due(), has_method=True)
    assert following is not None
    assert following.period.start == past_due().running_period.end


@pytest.mark.parametrize(
    ("rule", "comes"),
    [
        (WithoutPaymentMethod.CANCEL, False),
        (WithoutPaymentMethod.PAUSE, False),
        (WithoutPaymentMethod.INVOICE, True),
    ],
)
def test_a_trial_without_a_payment_method_leads_to_what_its_product_says(
    rule: WithoutPaymentMethod, *, comes: bool
) -> None:
    state = trialing()
    trial = Trial(days=14, without_payment_method=rule)
    state = state.model_copy(update={"terms": state.terms.model_copy(update={"trial": trial})})
    assert (upcoming_period(state, has_method=False) is not None) == comes
    assert upcoming_period(state, has_method=True) is not None
