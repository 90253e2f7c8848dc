"""Subscriptions in every situation that an operator meets, made by the rules alone.

Owns the situations by name. Each begins on 2026-01-17T09:30Z with Team, five seats, USD 80.00 a
month; `NOW` is a moment in which nothing is due.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from billing import (
    changing,
    closing,
    commands,
    giving_up,
    lifecycle,
    migrating,
    pausing,
    settlement,
)
from billing.billing_mode import BillingMode
from billing.catalog import PauseMode, PausePolicy
from billing.change import ChangeKind, PlannedChange
from billing.decline import Decline
from billing.dispute import DisputeState
from billing.dunning import DunningLadder, FinalAction
from billing.money import Money
from billing.payment import ActionRequired, Declined, Paid, Processing
from billing.subscription import (
    ChangeUnderWay,
    EndReason,
    OpenInvoice,
    PurchaseKind,
    SubscriptionState,
    Terms,
)
from tests.billing.subscriptions import CREATED, billed, incomplete, terms, trialing

RENEWED: Final = datetime.fromisoformat("2026-02-17T09:30:00Z")
NOW: Final = datetime.fromisoformat("2026-02-18T12:00:00Z")
MORE: Final = Money(amount_minor=1600, currency="USD")
NO_MONEY: Final = Declined(decline=Decline(code="card_declined", decline_code="insufficient_funds"))
STOLEN: Final = Declined(decline=Decline(code="card_declined", decline_code="stolen_card"))


def active(sold: Terms | None = None) -> SubscriptionState:
    """Paid, and renewed once."""
    started = lifecycle.checkout_completed(incomplete(sold), CREATED)
    return _paid(billed(_paid(billed(started, CREATED), CREATED), RENEWED), RENEWED)


def in_arrears() -> SubscriptionState:
    """Its first month is over, billed and paid."""
    sold = terms().model_copy(update={"billing": BillingMode.IN_ARREARS})
    started = lifecycle.checkout_completed(incomplete(sold), CREATED)
    return _paid(billed(billed(started, CREATED), RENEWED), RENEWED)


def _owing_after_the_end() -> SubscriptionState:
    """Cancelled at once; the card of the last invoice was refused."""
    over = billed(commands.cancel_now(in_arrears(), RENEWED + timedelta(days=1)), RENEWED)
    return settlement.collected(over, over.open_invoices[0].invoice_id, NO_MONEY, RENEWED)


def _paid(state: SubscriptionState, at: datetime) -> SubscriptionState:
    [invoice] = state.open_invoices
    paid = Paid(amount=invoice.amount, paid_at=at)
    return settlement.collected(state, invoice.invoice_id, paid, at)


def _owing(sold: Terms | None = None) -> SubscriptionState:
    started = lifecycle.checkout_completed(incomplete(sold), CREATED)
    return billed(_paid(billed(started, CREATED), CREATED), RENEWED)


def past_due(
    answer: Declined | ActionRequired = NO_MONEY, sold: Terms | None = None
) -> SubscriptionState:
    """The renewal was tried once."""
    owing = _owing(sold)
    return settlement.collected(owing, owing.open_invoices[0].invoice_id, answer, RENEWED)


def with_final_action(action: FinalAction, *, fallback: str | None = None) -> Terms:
    """Team, on a ladder that ends so."""
    ladder = DunningLadder(final_action=action)
    update = {"dunning": ladder, "free_fallback_price_id": fallback}
    return terms().model_copy(update=update)


def unpaid() -> SubscriptionState:
    """Dunning ended without the money."""
    late = past_due(sold=with_final_action(FinalAction.UNPAID))
    return giving_up.gave_up(late, RENEWED + timedelta(days=15), fallback=None)


def _unpaid_to_be_canceled() -> SubscriptionState:
    leaving = commands.cancel_at_period_end(active(with_final_action(FinalAction.UNPAID)), RENEWED)
    owed = unpaid()
    return owed.changed(cancellation=leaving.cancellation)


def pausable() -> Terms:
    """Team, as a product that can be paused."""
    policy = PausePolicy(mode=PauseMode.KEEP_ANCHOR, max_days=60)
    return terms().model_copy(update={"pause": policy})


def seats(quantity: int) -> Terms:
    """Team with another number of seats."""
    amount = Money(amount_minor=1600 * quantity, currency="USD")
    return terms().model_copy(update={"quantity": quantity, "period_amount": amount})


def decreasing() -> SubscriptionState:
    """Three seats from the period's end on."""
    state = active()
    plan = PlannedChange(
        kind=ChangeKind.DECREASE,
        target=seats(3),
        at=state.running_period.end,
        period=state.running_period,
        starts_period=False,
        total=Money.zero("USD"),
    )
    return changing.change_scheduled(state, plan, "chg_1", NOW)


def moving(*, seats: int = 5) -> SubscriptionState:
    """Team costs USD 90.00 from the next renewal on."""
    dearer = Money(amount_minor=1800 * seats, currency="USD")
    target = terms().model_copy(
        update={"price_version": 2, "quantity": seats, "period_amount": dearer}
    )
    return migrating.planned(
        active(),
        migration_id="mig_1",
        target=target,
        migrates_at=NOW,
        notice=timedelta(days=10),
        now=NOW,
    )


def paying_a_change(*, action_url: str | None = None) -> SubscriptionState:
    """Six seats as soon as USD 16.00 are paid."""
    state = active()
    change = ChangeUnderWay(
        change_id="chg_1",
        target=seats(6),
        invoice_id="in_change",
        period=state.running_period,
        starts_period=False,
        requested_at=NOW,
        expires_at=NOW + timedelta(hours=24),
    )
    invoice = OpenInvoice(
        invoice_id="in_change",
        amount=MORE,
        due_at=NOW,
        next_attempt_at=None if action_url else NOW,
        attempts_made=1 if action_url else 0,
        for_change="chg_1",
        action_url=action_url,
    )
    return state.changed(change=change, open_invoices=(invoice,))


def paused_trial() -> SubscriptionState:
    """The trial ended with nothing to charge, and the product waits for a method."""
    state = trialing(days=14)
    assert state.trial is not None
    return pausing.trial_paused(state, state.trial.end)


def processing() -> SubscriptionState:
    """A bank takes its days."""
    owing = _owing()
    return settlement.collected(owing, owing.open_invoices[0].invoice_id, Processing(), RENEWED)


def _in_grace() -> SubscriptionState:
    until = RENEWED + timedelta(days=22)
    return giving_up.grace_extended(past_due(), until, NOW)


def _waived() -> SubscriptionState:
    late = past_due()
    return closing.invoice_waived(late, late.open_invoices[0].invoice_id)


def _refused_checkout() -> SubscriptionState:
    at_checkout = billed(lifecycle.checkout_completed(incomplete(), CREATED), CREATED)
    [invoice] = at_checkout.open_invoices
    return settlement.collected(at_checkout, invoice.invoice_id, NO_MONEY, CREATED)


def _expired() -> SubscriptionState:
    return lifecycle.ended(incomplete(), EndReason.CHECKOUT_EXPIRED, CREATED + timedelta(days=1))


def _purchase(state: SubscriptionState) -> SubscriptionState:
    """Of what is sold once, by invoice."""
    sold = terms().model_copy(update={"interval": None, "product_name": "Onboarding"})
    update = {"subscription_id": "pur_1", "terms": sold, "purchase": PurchaseKind.INVOICE}
    return lifecycle.checkout_completed(state.model_copy(update=update), CREATED)


def _purchase_owing() -> SubscriptionState:
    sold = billed(_purchase(incomplete()), CREATED)
    return settlement.collected(sold, sold.open_invoices[0].invoice_id, NO_MONEY, CREATED)


def _purchase_completed() -> SubscriptionState:
    return lifecycle.completed(_paid(billed(_purchase(incomplete()), CREATED), CREATED), CREATED)


SITUATIONS: Final[Mapping[str, Callable[[], SubscriptionState]]] = MappingProxyType(
    {
        "incomplete": incomplete,
        "refused at the checkout": _refused_checkout,
        "expired": _expired,
        "trialing": trialing,
        "trial to be canceled": lambda: commands.cancel_at_period_end(trialing(), CREATED),
        "trial paused": paused_trial,
        "active": active,
        "active, pausable": lambda: active(pausable()),
        "being collected": _owing,
        "to be canceled": lambda: commands.cancel_at_period_end(active(pausable()), NOW),
        "decreasing": decreasing,
        "moving to another price": moving,
        "paying a change": paying_a_change,
        "paying a change, authenticating": lambda: paying_a_change(action_url="https://bank"),
        "past due": past_due,
        "past due, stolen": lambda: past_due(STOLEN),
        "past due, authenticating": lambda: past_due(ActionRequired(url="https://bank")),
        "in grace": _in_grace,
        "waived": _waived,
        "processing": processing,
        "unpaid": unpaid,
        "unpaid, to be canceled": _unpaid_to_be_canceled,
        "paused": lambda: pausing.paused(active(pausable()), None, NOW),
        "disputed": lambda: settlement.dispute_news(active(), "dp_1", DisputeState.OPEN, NOW),
        "in arrears": in_arrears,
        "ended in arrears": lambda: commands.cancel_now(in_arrears(), NOW),
        "ended in arrears, owing": _owing_after_the_end,
        "canceled": lambda: commands.cancel_now(past_due(), NOW),
        "purchase past due": _purchase_owing,
        "purchase completed": _purchase_completed,
        "purchase called off": lambda: commands.cancel_now(_purchase_owing(), NOW),
    }
)
