"""Requests for a change: the terms that they lead to, and when they can be planned at all."""

from datetime import datetime, timedelta

import pytest

from billing.catalog import Product, ProrationMode
from billing.change import ChangeRequest, PlannedChange
from billing.dunning import DunningLadder, DunningPolicy, FinalAction
from billing.errors import Conflict, InvalidInput
from billing.offer import Offer
from billing.requested_change import ChangeBasis, plan_request
from billing.subscription import SubscriptionState, SubscriptionStatus
from tests.billing.strategies import price
from tests.billing.subscriptions import CREATED, billed, incomplete, terms

_TEAM = price(1600)
_UNPAID = DunningLadder(final_action=FinalAction.UNPAID)
_BUSINESS = Offer(
    product=Product(
        id="business",
        name="Business",
        family="team",
        proration=ProrationMode.DAY_INCLUSIVE,
        dunning=DunningPolicy(segments={"enterprise": _UNPAID}),
    ),
    price=price(2400).model_copy(update={"id": "business_monthly", "maximum_quantity": 10}),
)
_NOON = CREATED + timedelta(days=3)


def _active() -> SubscriptionState:
    """Five seats."""
    sold = terms().model_copy(update={"price_id": _TEAM.id})
    return billed(incomplete(sold), CREATED).model_copy(
        update={"status": SubscriptionStatus.ACTIVE, "open_invoices": ()}
    )


def _plan(
    request: ChangeRequest,
    *,
    state: SubscriptionState | None = None,
    offer: Offer | None = None,
    at: datetime = _NOON,
) -> PlannedChange:
    basis = ChangeBasis(current_price=_TEAM, offer=offer, segment="enterprise", debits=())
    return plan_request(state or _active(), request, basis, at=at)


def test_another_price_is_sold_by_its_products_rules_to_the_customers_segment() -> None:
    target = _plan(ChangeRequest(price_id="business_monthly"), offer=_BUSINESS).target
    assert (target.price_id, target.product_name, target.quantity) == (
        "business_monthly",
        "Business",
        5,
    )
    assert (target.proration, target.dunning) == (ProrationMode.DAY_INCLUSIVE, _UNPAID)


@pytest.mark.parametrize("price_id", [None, _TEAM.id])
def test_more_of_the_same_price_keeps_its_version_and_rules(price_id: str | None) -> None:
    state = _active()
    newer = Offer(product=_BUSINESS.product, price=_TEAM.model_copy(update={"version": 2}))
    plan = _plan(ChangeRequest(price_id=price_id, quantity_change=2), state=state, offer=newer)
    assert plan.target == state.terms.model_copy(
        update={"quantity": 7, "period_amount": plan.target.period_amount}
    )
    assert plan.target.period_amount.amount_minor == 11_200


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ChangeRequest(price_id="unknown"), "price_not_found"),
        (ChangeRequest(quantity_change=-5), "quantity_out_of_range"),
        (ChangeRequest(quantity=900_000), "amount_too_large"),
    ],
)
def test_what_is_not_sold_is_refused(request_: ChangeRequest, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        _plan(request_)
    assert refusal.value.code == code


def test_the_bounds_are_those_of_the_price_that_is_asked_for() -> None:
    with pytest.raises(InvalidInput) as refusal:
        _plan(ChangeRequest(price_id="business_monthly", quantity=11), offer=_BUSINESS)
    assert refusal.value.code == "quantity_out_of_range"


def test_a_clock_that_is_behind_the_period_does_not_make_it_longer() -> None:
    state = _active()
    start = state.running_period.start
    early = _plan(ChangeRequest(quantity=7), state=state, at=start - timedelta(milliseconds=5))
    assert early == _plan(ChangeRequest(quantity=7), state=state, at=start)
    assert early.total.amount_minor == 3_200


@pytest.mark.parametrize("after", [timedelta(0), timedelta(days=40)])
def test_nothing_is_planned_in_a_period_that_is_over(after: timedelta) -> None:
    state = _active()
    with pytest.raises(Conflict) as refusal:
        _plan(ChangeRequest(quantity=7), state=state, at=state.running_period.end + after)
    assert refusal.value.code == "period_ending"


def test_what_has_not_begun_is_not_changed() -> None:
    with pytest.raises(Conflict) as refusal:
        _plan(ChangeRequest(quantity=7), state=incomplete())
    assert refusal.value.code == "command_not_allowed"
