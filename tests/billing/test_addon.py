"""Add-ons: their periods follow from their parent's anchor, and they end in its instant."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing import addon, anchor, commands, giving_up, lifecycle, migrating, settlement
from billing.agenda import ActionKind, agenda, next_action
from billing.catalog import AnchorKind, Catalog, PauseMode, PausePolicy, Product, Trial
from billing.change import ChangeKind, check_allowed
from billing.credit_note import UnusedPart
from billing.errors import Conflict
from billing.first_period import first_share
from billing.interval import Interval
from billing.lifecycle import checkout_completed
from billing.migration import SkipReason
from billing.parent import ParentEnd
from billing.payment import Paid
from billing.subscription import EndReason, SubscriptionState
from tests.billing.running import YEAR
from tests.billing.strategies import instants, intervals, price
from tests.billing.subscriptions import CREATED, billed, incomplete, terms, trialing
from tests.workflows import situations
from tests.workflows.situations import NOW

PUBLISHER = Product(id="publisher", name="Publisher", family="publisher", addon_to="plan")
SOON = NOW + timedelta(days=3)


def _addon(anchored_at: datetime, begins_at: datetime, interval: Interval) -> SubscriptionState:
    """Ready to pay at `begins_at`."""
    sold = terms(interval=interval).model_copy(update={"anchored_at": anchored_at})
    state = incomplete(sold).model_copy(update={"parent_id": "sub_plan"})
    return checkout_completed(state, begins_at)


def _running(*, interval: Interval = YEAR) -> SubscriptionState:
    """Bought on 18 February beside a plan that was bought on 17 January."""
    state = billed(_addon(CREATED, NOW, interval), NOW)
    [invoice] = state.open_invoices
    paid = Paid(amount=invoice.amount, paid_at=NOW)
    return settlement.collected(state, invoice.invoice_id, paid, NOW)


def _kinds(state: SubscriptionState) -> list[tuple[ActionKind, datetime]]:
    return [(action.kind, action.at) for action in agenda(state)]


@given(
    anchored_at=instants,
    later=st.timedeltas(timedelta(0), timedelta(days=4_000)),
    interval=intervals,
)
def test_its_periods_tile_and_end_on_its_parents_boundaries(
    anchored_at: datetime, later: timedelta, interval: Interval
) -> None:
    begins_at = anchored_at + later
    state = _addon(anchored_at, begins_at, interval)
    number = anchor.period_number(anchored_at, interval, begins_at)
    assert 0 < first_share(state.terms, begins_at) <= 1
    expected_start = begins_at
    for index in range(4):
        state = billed(state, state.period.end if state.period else begins_at)
        assert (state.period_number, state.anchor_at) == (index, anchored_at)
        assert state.running_period.start == expected_start
        assert state.running_period.end == anchor.boundary(
            anchored_at, interval, number + index + 1
        )
        expected_start = state.running_period.end


def test_bought_in_the_instant_of_a_boundary_it_has_a_whole_period() -> None:
    state = _addon(CREATED, CREATED, YEAR)
    assert first_share(state.terms, CREATED) == 1
    assert billed(state, CREATED).running_period == anchor.period(CREATED, YEAR, 0)


def test_what_its_parent_ends_with_is_due_in_that_instant_and_instead_of_a_renewal() -> None:
    boundary = _running().running_period.end
    told = addon.parent_news(_running(), ParentEnd(at=boundary))
    assert _kinds(told) == [(ActionKind.CANCEL, boundary)]
    later = addon.parent_news(_running(), ParentEnd(at=boundary + timedelta(days=1)))
    assert [kind for kind, _ in _kinds(later)] == [ActionKind.RENEW, ActionKind.CANCEL]
    assert [kind for kind, _ in _kinds(addon.parent_news(told, None))] == [ActionKind.RENEW]
    assert told.version > _running().version


def test_its_own_earlier_cancellation_comes_first() -> None:
    left = commands.cancel_at_period_end(_running(), NOW)
    told = addon.parent_news(left, ParentEnd(at=left.running_period.end + timedelta(days=9)))
    action = next_action(told)
    assert action is not None
    assert (action.kind, action.at) == (ActionKind.CANCEL, left.running_period.end)


def test_a_checkout_does_not_outlive_the_parent() -> None:
    waiting = incomplete().changed(parent_id="sub_plan")
    told = addon.parent_news(waiting, ParentEnd(at=CREATED + timedelta(hours=1)))
    action = next_action(told)
    assert action is not None
    assert (action.kind, action.at) == (
        ActionKind.EXPIRE_CHECKOUT,
        CREATED + timedelta(hours=1),
    )


def test_what_has_ended_hears_nothing_more() -> None:
    over = lifecycle.ended(_running(), EndReason.REQUESTED, NOW)
    assert addon.parent_news(over, ParentEnd(at=SOON)) is over


def test_a_parent_tells_each_change_of_its_end_once() -> None:
    plan = addon.joined(situations.active(), "sub_addon")
    assert addon.joined(plan, "sub_addon") is plan
    assert plan.addons_to_tell == ()
    leaving = commands.cancel_at_period_end(plan, NOW)
    assert leaving.addons_to_tell == ("sub_addon",)
    action = next_action(leaving)
    assert action is not None
    assert action.kind is ActionKind.TELL_ADDONS
    told = addon.told(leaving, leaving.end_for_addons, ["sub_addon"], gone=[])
    assert told.addons_to_tell == ()
    stays = commands.cancel_undone(told, NOW)
    assert (stays.addons_to_tell, stays.end_for_addons) == (("sub_addon",), None)
    one_more = addon.joined(told, "sub_other")
    assert one_more.addons_to_tell == ("sub_other",)


def test_what_is_paid_beyond_an_end_that_nobody_chose_becomes_balance() -> None:
    plan = addon.joined(situations.active(), "sub_addon")
    leaving = commands.cancel_at_period_end(plan, NOW)
    credited = leaving.end_for_addons
    assert credited == ParentEnd(at=plan.running_period.end, unused=UnusedPart.CREDIT)
    known = addon.told(leaving, credited, ["sub_addon"], gone=[])
    over = lifecycle.ended(known, EndReason.REQUESTED, plan.running_period.end)
    assert (over.end_for_addons, over.addons_to_tell) == (credited, ())
    unpaid = giving_up.gave_up(plan, NOW, fallback=None)
    assert unpaid.end_for_addons == ParentEnd(at=NOW, unused=UnusedPart.CREDIT)
    at_once = commands.cancel_now(known, NOW)
    assert at_once.end_for_addons == ParentEnd(at=NOW)


def test_a_cancellation_from_before_gives_back_what_it_was_told_to() -> None:
    """An add-on that knows of it is not told again by a run that goes on with an old state."""
    plan = addon.joined(situations.active(), "sub_addon")
    old = commands.cancel_at_period_end(plan, NOW).model_dump(mode="json")
    del old["cancellation"]["unused_of_addons"]
    old["addons"][0]["told"] = {"at": old["cancellation"]["at"], "unused": "none"}
    state = SubscriptionState.model_validate(old)
    assert state.addons_to_tell == ()
    over = lifecycle.ended(state, EndReason.REQUESTED, state.running_period.end)
    assert over.addons_to_tell == ()


def test_a_parent_is_finished_once_everybody_knows_of_its_end() -> None:
    plan = addon.joined(addon.joined(situations.active(), "sub_1"), "sub_2")
    over = commands.cancel_now(plan, NOW, unused=UnusedPart.CREDIT)
    over = over.model_copy(update={"messages": ()})
    end = over.end_for_addons
    assert end == ParentEnd(at=NOW, unused=UnusedPart.CREDIT)
    assert not over.is_finished
    assert _kinds(over)[0] == (ActionKind.TELL_ADDONS, NOW)
    half = addon.told(over, end, ["sub_1"], gone=["sub_1"])
    assert half.addons_to_tell == ("sub_2",)
    known = addon.told(half, end, ["sub_2"], gone=[])
    assert (known.addons, known.is_finished) == ((), True)


def test_what_was_told_meanwhile_of_another_end_is_told_again() -> None:
    plan = addon.joined(situations.active(), "sub_1")
    leaving = commands.cancel_at_period_end(plan, NOW)
    over = commands.cancel_now(leaving, SOON)
    late = addon.told(over, leaving.end_for_addons, ["sub_1"], gone=[])
    assert late.addons_to_tell == ("sub_1",)


@pytest.mark.parametrize(
    ("parent", "code"),
    [
        (None, "parent_required"),
        (commands.cancel_now(situations.active(), NOW), "parent_required"),
        (trialing(), "parent_not_active"),
        (situations.past_due(), "parent_not_active"),
        (incomplete(), "parent_not_active"),
        (commands.cancel_at_period_end(situations.active(), NOW), "parent_ends"),
    ],
)
def test_an_addon_needs_a_parent_that_goes_on(parent: SubscriptionState | None, code: str) -> None:
    with pytest.raises(Conflict) as refused:
        addon.check_parent(PUBLISHER, parent)
    assert refused.value.code == code
    assert addon.check_parent(PUBLISHER, situations.active()) == situations.active()


@pytest.mark.parametrize(
    "rules",
    [
        {"trial": Trial(days=7)},
        {"anchor": AnchorKind.CALENDAR},
        {"pause": PausePolicy(mode=PauseMode.EXTEND)},
    ],
)
def test_what_would_leave_the_parents_boundaries_is_no_rule_of_an_addon(
    rules: dict[str, object],
) -> None:
    with pytest.raises(ValidationError, match="an add-on is"):
        Product.model_validate(PUBLISHER.model_dump() | rules)


@pytest.mark.parametrize(
    ("addon_to", "families", "says"),
    [
        ("plan", ("other",), "no product of the family 'plan' is sold by itself"),
        ("publisher", ("publisher",), "others of the family 'publisher' are no add-ons"),
        ("publisher", (), "no product of the family 'publisher' is sold by itself"),
    ],
)
def test_an_addon_belongs_to_a_family_that_can_be_bought(
    addon_to: str, families: tuple[str, ...], says: str
) -> None:
    products = [
        PUBLISHER.model_copy(update={"addon_to": addon_to}),
        *(Product(id=f"{family}_1", name=family, family=family) for family in families),
    ]
    prices = tuple(
        price().model_copy(update={"id": f"{each.id}_m", "product_id": each.id})
        for each in products
    )
    with pytest.raises(ValidationError, match=says):
        Catalog(products=tuple(products), prices=prices)


def test_what_ends_with_its_parent_is_not_made_more_nor_moved() -> None:
    told = addon.parent_news(_running(), ParentEnd(at=SOON))
    for kind in (ChangeKind.INCREASE, ChangeKind.UPGRADE):
        with pytest.raises(Conflict) as refused:
            check_allowed(told, kind)
        assert refused.value.code == "parent_ends"
    check_allowed(told, ChangeKind.DECREASE)
    target, renewal = told.terms, told.running_period.end
    reason = migrating.unfitness(told, target, moves_at=renewal)
    assert reason is SkipReason.CANCEL_PENDING
    assert migrating.unfitness(_running(), target, moves_at=renewal) is None
