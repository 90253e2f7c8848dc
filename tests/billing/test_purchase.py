"""Purchases: one-off prices without a subscription, whatever becomes of their payment."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import closing, commands, giving_up, lifecycle, settlement
from billing.agenda import ActionKind, agenda, next_action
from billing.catalog import Product, Trial
from billing.discount import Coupon, RedeemedDiscount
from billing.dunning import DunningLadder, DunningPolicy, FinalAction
from billing.errors import BooksBroken, Conflict, InvalidInput
from billing.estimate import first_invoice, is_free_at_start
from billing.invoice import InvoiceStatus
from billing.invoice_item import moment
from billing.offer import Offer
from billing.one_off_charge import sold_once
from billing.payment import CollectionOutcome
from billing.purchase import check_collectable, is_purchase_id, terms_of_purchase
from billing.subscription import (
    CommandName,
    EndReason,
    PurchaseKind,
    SubscriptionState,
    SubscriptionStatus,
)
from billing.tax import Taxation
from tests.billing.beginnings import coupon_lists, taxations
from tests.billing.running import (
    CHALLENGE,
    NO_METHOD,
    PROCESSING,
    SOFT,
    STOLEN,
    Running,
    at,
    offer,
)
from tests.billing.soundness import check_books, check_state, check_step
from tests.billing.strategies import price
from tests.billing.test_discount import coupon

START = at("2026-04-01")
_WELL: CollectionOutcome | None = None


def _once(final_action: FinalAction = FinalAction.CANCEL) -> Offer:
    ladder = DunningLadder(final_action=final_action)
    segments = {"patient": ladder.model_copy(update={"retry_days": (30,)})}
    product = Product(
        id="onboarding",
        name="Onboarding",
        family="help",
        dunning=DunningPolicy(ladder=ladder, segments=segments),
        trial=Trial(days=14),
    )
    once = price(25_000, also={"JPY": 40_000}).model_copy(
        update={
            "id": "onboarding_session",
            "product_id": product.id,
            "interval": None,
            "unit_name": "session",
        }
    )
    return Offer(product=product, price=once)


def _bought(
    kind: PurchaseKind = PurchaseKind.INVOICE,
    *,
    final_action: FinalAction = FinalAction.CANCEL,
    quantities: tuple[int, ...] = (2, 1),
    coupons: tuple[Coupon, ...] = (),
    taxation: Taxation | None = None,
    is_ready: bool = True,
) -> Running:
    once = _once(final_action)
    items = tuple(
        sold_once(
            once,
            item_id=f"ii_{number}",
            customer_id="cus_1",
            subscription_id="pur_1",
            quantity=quantity,
            currency="USD",
            now=START,
        )
        for number, quantity in enumerate(quantities)
    )
    running = Running(offer("team", 1600), once, start=START)
    if taxation is not None:
        running.taxation = taxation
    state = SubscriptionState(
        subscription_id="pur_1",
        customer_id="cus_1",
        terms=terms_of_purchase(once.in_currency("USD"), items, segment=None),
        created_at=START,
        checkout_expires_at=START + timedelta(hours=24),
        purchase=kind,
        first_items=items,
        discounts=tuple(RedeemedDiscount(coupon=each, redeemed_at=START) for each in coupons),
    )
    running.state = lifecycle.checkout_completed(state, START) if is_ready else state
    return running


def _until(running: Running, end: datetime, outcome: CollectionOutcome | None) -> None:
    """As `Running.until`, where the first payment comes to the same as every later one."""
    while (action := next_action(running.state)) is not None and action.at <= end:
        running.now = max(running.now, action.at)
        running.perform(action, outcome)
    running.now = max(running.now, end)


def _invoice_status(running: Running) -> InvoiceStatus:
    [booked] = running.books.invoices.values()
    return booked.status


def test_it_is_paid_at_once_and_nothing_comes_after_it() -> None:
    running = _bought()
    foreseen = first_invoice(
        running.state, running.price_of(running.state.terms), running.taxation, START
    )
    assert not is_free_at_start(running.state, START)
    running.until(START, _WELL)
    assert running.status is SubscriptionStatus.COMPLETED
    assert running.state.end_reason is EndReason.COMPLETED
    assert running.state.is_finished
    assert agenda(running.state) == ()
    [booked] = running.books.invoices.values()
    assert (booked.draft.lines, booked.draft.total) == (foreseen.lines, foreseen.total)
    assert str(booked.draft.total) == "USD 750.00"
    assert [line.item_id for line in booked.draft.lines] == ["ii_0", "ii_1"]
    assert booked.draft.period == moment(START)
    assert running.state.entitlements == ()


def test_its_terms_are_of_the_first_item_and_never_recur() -> None:
    terms = _bought().state.terms
    assert (terms.product_name, str(terms.period_amount)) == ("Onboarding and 1 more", "USD 750.00")
    assert (terms.interval, terms.trial, terms.pause, terms.entitlements) == (None, None, None, ())
    assert terms.free_fallback_price_id is None
    with pytest.raises(BooksBroken):
        terms.require_interval()
    once = _once(FinalAction.DOWNGRADE_TO_FREE)
    items = _bought().state.first_items
    assert terms_of_purchase(once, items[:1], segment="patient").dunning == DunningLadder(
        retry_days=(30,), final_action=FinalAction.CANCEL
    )
    assert terms_of_purchase(once, items[:1], segment=None).product_name == "Onboarding"
    assert is_purchase_id("pur_1")
    assert not is_purchase_id("sub_pur_1")


@pytest.mark.parametrize(
    ("final_action", "status"),
    [
        (FinalAction.CANCEL, InvoiceStatus.VOID),
        (FinalAction.DOWNGRADE_TO_FREE, InvoiceStatus.VOID),
        (FinalAction.UNPAID, InvoiceStatus.UNCOLLECTIBLE),
    ],
)
def test_the_ladder_is_climbed_and_says_what_becomes_of_the_debt(
    final_action: FinalAction, status: InvoiceStatus
) -> None:
    running = _bought(final_action=final_action)
    running.until(START, SOFT)
    assert running.state.status is SubscriptionStatus.PAST_DUE
    running.until("2026-05-01", SOFT)
    days = [(tried - START).days for tried in running.attempts]
    assert days == [0, 3, 8, 15]
    assert running.state.end_reason is EndReason.PAYMENT_FAILED
    assert running.status is SubscriptionStatus.CANCELED
    assert _invoice_status(running) is status
    assert running.told() == ["payment_failed"] * 4 + ["purchase_given_up"]
    assert running.messages[-1].reason == (
        "stays_owed" if status is InvoiceStatus.UNCOLLECTIBLE else "not_owed"
    )
    assert running.state.is_finished


def test_at_a_checkout_nothing_is_sold_before_it_is_paid() -> None:
    running = _bought(PurchaseKind.CHECKOUT)
    _until(running, START + timedelta(hours=1), SOFT)
    assert running.state.status is SubscriptionStatus.INCOMPLETE
    assert running.state.activation_refused
    running.hear(lifecycle.checkout_completed)
    running.until(START + timedelta(hours=2), _WELL)
    assert running.status is SubscriptionStatus.COMPLETED
    assert _invoice_status(running) is InvoiceStatus.PAID

    left = _bought(PurchaseKind.CHECKOUT, final_action=FinalAction.UNPAID)
    _until(left, START + timedelta(days=2), SOFT)
    assert left.status is SubscriptionStatus.INCOMPLETE_EXPIRED
    assert _invoice_status(left) is InvoiceStatus.VOID
    assert left.told() == []


def test_what_is_bought_at_a_checkout_is_earned_when_it_is_completed() -> None:
    running = _bought(PurchaseKind.CHECKOUT, is_ready=False)
    later = START + timedelta(hours=20)
    running.until(later)
    running.hear(lifecycle.checkout_completed)
    running.until(later, _WELL)
    [booked] = running.books.invoices.values()
    assert {line.period for line in booked.draft.lines} == {moment(later)}


def test_what_is_paid_after_it_was_called_off_is_the_customer_s() -> None:
    running = _bought(final_action=FinalAction.UNPAID)
    running.until(START, PROCESSING)
    running.cancel_now()
    running.hear(lambda state, now: settlement.payment_news(state, "in_x", now))
    invoice_id = running.state.open_invoices[0].invoice_id
    running.hear(lambda state, now: settlement.payment_news(state, invoice_id, now))
    running.until("2026-04-05", _WELL)
    assert running.books.balance == 75_000
    assert running.state.is_finished


def test_what_is_paid_for_is_not_called_off_in_the_instant_before_it_is_over() -> None:
    running = _bought()
    while (action := next_action(running.state)) is not None:
        if action.kind is ActionKind.COMPLETE:
            break
        running.perform(action, _WELL)
    with pytest.raises(Conflict) as refused:
        running.cancel_now()
    assert refused.value.code == "purchase_ended"
    running.until(START)
    assert running.status is SubscriptionStatus.COMPLETED


@pytest.mark.parametrize("final_action", FinalAction)
def test_what_a_transfer_leaves_and_no_card_can_pay_does_not_keep_it(
    final_action: FinalAction,
) -> None:
    running = _bought(final_action=final_action)
    running.until(START, SOFT)
    [invoice] = running.state.open_invoices
    left = invoice.amount.model_copy(update={"amount_minor": 49})
    few_cents = invoice.model_copy(update={"amount": left, "received": invoice.amount - left})
    running.state = settlement.recovered(settlement.with_invoice(running.state, few_cents), START)
    running.until(START)
    assert running.status is SubscriptionStatus.COMPLETED
    assert _invoice_status(running) is InvoiceStatus.UNCOLLECTIBLE
    assert running.state.is_finished


def test_no_command_gives_it_a_future() -> None:
    running = _bought()
    running.until(START, SOFT)
    legal = running.state.legal_commands
    assert legal == {
        CommandName.CANCEL_NOW,
        CommandName.RETRY,
        CommandName.PAY_NOW,
        CommandName.RECORD_PAYMENT,
        CommandName.WAIVE_INVOICE,
        CommandName.MARK_UNCOLLECTIBLE,
        CommandName.EXTEND_GRACE,
    }
    with pytest.raises(Conflict) as refused:
        commands.cancel_at_period_end(_bought().state, START)
    assert refused.value.code == "command_not_allowed"


def test_less_than_can_be_charged_is_not_sold() -> None:
    nearly_free = coupon("NEARLY_FREE", percent="99.84")
    running = _bought(quantities=(1,), coupons=(nearly_free,))
    draft = first_invoice(
        running.state, running.price_of(running.state.terms), running.taxation, START
    )
    with pytest.raises(InvalidInput) as refused:
        check_collectable(draft)
    assert refused.value.code == "amount_too_small"
    # Where it gets there all the same, it is written off with the end (policy P5).
    running.until(START)
    assert running.status is SubscriptionStatus.COMPLETED
    assert [each.amount.amount_minor for each in running.state.written_off] == [40]
    check_books(running)


_outcomes: st.SearchStrategy[CollectionOutcome | None] = st.sampled_from(
    [None, SOFT, SOFT, STOLEN, CHALLENGE, PROCESSING, NO_METHOD]
)


def _waive(state: SubscriptionState, _: datetime) -> SubscriptionState:
    return closing.invoice_waived(state, state.open_invoices[0].invoice_id)


def _write_off(state: SubscriptionState, _: datetime) -> SubscriptionState:
    return closing.invoice_uncollectible(state, state.open_invoices[0].invoice_id)


def _news(state: SubscriptionState, now: datetime) -> SubscriptionState:
    return settlement.payment_news(state, state.open_invoices[0].invoice_id, now)


def _pay(state: SubscriptionState, now: datetime) -> SubscriptionState:
    return settlement.pay_now(state, now, customer_present=True)


def _grace(state: SubscriptionState, now: datetime) -> SubscriptionState:
    return giving_up.grace_extended(state, now + timedelta(days=30), now)


Step = Callable[[SubscriptionState, datetime], SubscriptionState]
_NEWS: tuple[Step, ...] = (_news, settlement.payment_method_changed, lifecycle.checkout_completed)
_COMMANDS: dict[Step, CommandName] = {
    _waive: CommandName.WAIVE_INVOICE,
    _write_off: CommandName.MARK_UNCOLLECTIBLE,
    _pay: CommandName.PAY_NOW,
    _grace: CommandName.EXTEND_GRACE,
    commands.cancel_now: CommandName.CANCEL_NOW,
}


def _does(running: Running, step: Step) -> None:
    if step in _NEWS:
        if running.state.open_invoices:
            running.hear(step)
        return
    if running.state.open_invoices and _COMMANDS[step] in running.state.legal_commands:
        try:
            running.command(step)
        except (Conflict, InvalidInput):
            return


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(PurchaseKind),
    final_action=st.sampled_from(FinalAction),
    quantities=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    coupons=coupon_lists,
    taxation=taxations,
    life=st.lists(
        st.tuples(
            st.sampled_from((*_NEWS, *_COMMANDS)),
            st.integers(0, 200).map(lambda hours: timedelta(hours=hours)),
            _outcomes,
        ),
        max_size=8,
    ),
    last=st.sampled_from([None, SOFT]),
)
def test_whatever_happens_it_ends_and_the_books_fit(
    kind: PurchaseKind,
    final_action: FinalAction,
    quantities: list[int],
    coupons: tuple[Coupon, ...],
    taxation: Taxation,
    life: list[tuple[Step, timedelta, CollectionOutcome | None]],
    last: CollectionOutcome | None,
) -> None:
    running = _bought(
        kind,
        final_action=final_action,
        quantities=tuple(quantities),
        coupons=tuple(coupons),
        taxation=taxation,
    )
    foreseen = first_invoice(running.state, running.price_of(running.state.terms), taxation, START)
    for step, wait, outcome in life:
        _until(running, running.now + wait, outcome)
        check_state(running)
        check_books(running)
        _does(running, step)
    if running.state.open_invoices:
        running.hear(_news)  # a bank decides in the end
    _until(running, at("2027-04-01"), last)
    for before, after in running.steps:
        check_step(before, after)
    check_books(running)
    state = running.state
    waits = [i for i in state.open_invoices if i.in_processing]
    assert state.is_finished or waits
    assert ActionKind.RENEW not in {action.kind for action in agenda(state)}
    drafts = [booked.draft for booked in running.books.invoices.values()]
    assert len(drafts) <= 1
    assert [draft.total for draft in drafts] in ([], [foreseen.total])
    statuses = [booked.status for booked in running.books.invoices.values()]
    if state.status is SubscriptionStatus.COMPLETED:
        assert state.end_reason is EndReason.COMPLETED
    if state.end_reason is EndReason.PAYMENT_FAILED and statuses != [InvoiceStatus.PAID]:
        stays = final_action is FinalAction.UNPAID
        assert statuses == [InvoiceStatus.UNCOLLECTIBLE if stays else InvoiceStatus.VOID] or waits
    if state.status is SubscriptionStatus.INCOMPLETE_EXPIRED:
        assert InvoiceStatus.UNCOLLECTIBLE not in statuses
