"""The invoice that comes next: what a boundary will bill, by the same rules that will bill it.

Owns the draft of a period's invoice, for the preview and for the invoice itself, and what the next
one bills of time that was had. Does not own which
period is next (`billing.lifecycle`) nor whether one is billed at all (`billing.agenda`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from billing import accrual, lifecycle
from billing.agenda import ActionKind, next_action
from billing.balance import applicable
from billing.catalog import WithoutPaymentMethod
from billing.invoice import InvoiceDraft, draft_for_period
from billing.invoice_item import InvoiceItem
from billing.lifecycle import NextPeriod, next_billing
from billing.money import Money
from billing.price import Price
from billing.proration import share
from billing.subscription import (
    AccruedPart,
    EndReason,
    SubscriptionState,
    SubscriptionStatus,
    Terms,
)
from billing.tax import UNTAXED, Taxation
from billing.value import Instant, Value

_BILLING: Final = (ActionKind.RENEW, ActionKind.CONVERT_TRIAL, ActionKind.BILL_LAST)


class UpcomingInvoice(Value):
    """What will be finalised, and how much of it the balance of today pays."""

    draft: InvoiceDraft
    from_balance: Money

    @property
    def amount_due(self) -> Money:
        """What will be collected; nothing of a negative total."""
        left = self.draft.total - self.from_balance
        return left if left.amount_minor > 0 else Money.zero(self.draft.currency)


class AccruedInvoice(Value):
    """What the next invoice bills of time that was had, and when."""

    at: Instant
    amount: Money
    """Before discounts and tax."""


def drafted(
    state: SubscriptionState,
    following: NextPeriod,
    *,
    price: Price,
    accrued_prices: tuple[Price, ...] = (),
    items: tuple[InvoiceItem, ...] = (),
    taxation: Taxation = UNTAXED,
    now: datetime,
) -> InvoiceDraft:
    """The invoice of the period that follows; `price` is of its terms, `items` are pending.

    `accrued_prices` are those of what was had until then, one for each part. Without lines, none is
    made.
    The first one has what was bought with the subscription besides. `taxation` is how the customer
    is taxed at its beginning.
    """
    terms = following.terms
    items = (*first_items(state), *items)
    item_terms = (item.terms(taxation) for item in items)
    return draft_for_period(
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        price=price,
        product_name=terms.product_name,
        quantity=terms.quantity,
        period=following.billed,
        share=share(following.billed, following.whole, terms.proration),
        period_number=following.number,
        in_advance=following.in_advance,
        used=tuple(accrual.lines_of(following.accrued, accrued_prices)),
        used_terms=tuple(accrual.terms_of_lines(following.accrued, accrued_prices, taxation)),
        carried=state.carried,
        items=tuple(item.line for item in items),
        item_terms=tuple(each for each in item_terms if each is not None),
        undiscounted=tuple(item.id for item in items if not item.discountable),
        discounts=state.discounts,
        treatment=taxation.of(terms.tax_category),
        now=now,
    )


def is_free(
    state: SubscriptionState, following: NextPeriod, items: Sequence[InvoiceItem] = ()
) -> bool:
    """Whether nothing on the invoice costs anything: then nobody has to know how it is taxed."""
    ahead = following.in_advance and following.terms.costs
    past = any(part.terms.costs for part in following.accrued)
    once = any(item.amount.amount_minor for item in (*first_items(state), *items))
    return not (ahead or past or once)


def first_items(state: SubscriptionState) -> tuple[InvoiceItem, ...]:
    """What its next invoice has of what was bought with it: all, where that is the first one."""
    return state.first_items if state.period_number is None else ()


def upcoming_period(state: SubscriptionState, *, has_method: bool) -> NextPeriod | None:
    """What the next boundary bills if nothing else happens before it.

    None where nothing will be billed: it ends there, rests, was not begun, or its trial ends
    without the payment method that it needs (policy P10).
    """
    billed_at = _billed_at(state)
    if billed_at is None or (not has_method and _needs_method(state)):
        return None
    return next_billing(_ending(state), billed_at)


def upcoming_invoice(
    state: SubscriptionState,
    following: NextPeriod,
    *,
    price: Price,
    balance: Money,
    accrued_prices: tuple[Price, ...] = (),
    items: tuple[InvoiceItem, ...] = (),
    taxation: Taxation = UNTAXED,
) -> UpcomingInvoice:
    """The invoice of that period, as it will be made at its boundary."""
    draft = drafted(
        state,
        following,
        price=price,
        accrued_prices=accrued_prices,
        items=items,
        taxation=taxation,
        now=following.billed.start,
    )
    return UpcomingInvoice(draft=draft, from_balance=applicable(balance, draft.total))


def accrued_invoice(
    state: SubscriptionState, *, price_of: Callable[[Terms], Price]
) -> AccruedInvoice | None:
    """What was and will be had until the next invoice, if nothing else happens before it.

    Each part at its own price, which `price_of` tells. None where no invoice comes. Where nothing
    was had until the next boundary, as in a trial, it makes no invoice: the one after it does.
    """
    following = upcoming_period(state, has_method=True)
    if following is None:
        return None
    parts, at = following.accrued, following.billed.start
    if not parts and not following.in_advance:
        parts, at = (_begun(following),), following.billed.end
    amounts = (
        line.amount for line in accrual.lines_of(parts, [price_of(part.terms) for part in parts])
    )
    return AccruedInvoice(at=at, amount=sum(amounts, Money.zero(state.terms.currency)))


def _begun(following: NextPeriod) -> AccruedPart:
    """All of a period in arrears, had at what it begins with."""
    return AccruedPart(terms=following.terms, used=following.billed, whole=following.whole)


def _billed_at(state: SubscriptionState) -> datetime | None:
    action = next_action(_settled(_ending(state)))
    return action.at if action is not None and action.kind in _BILLING else None


def _ending(state: SubscriptionState) -> SubscriptionState:
    """As it will be where the next boundary is its end: what was had until then is billed."""
    has_any = state.accrues_from is not None or state.accrued
    action = next_action(_settled(state)) if has_any else None
    if action is None or action.kind is not ActionKind.CANCEL:
        return state
    return lifecycle.ended(state, EndReason.REQUESTED, action.at)


def _settled(state: SubscriptionState) -> SubscriptionState:
    """Whatever is open is expected to be paid: then the first that is left is a boundary."""
    return state.model_copy(update={"open_invoices": (), "trial_notice_at": None, "addons": ()})


def _needs_method(state: SubscriptionState) -> bool:
    if state.status is not SubscriptionStatus.TRIALING or state.terms.trial is None:
        return False
    is_free = state.terms.period_amount.amount_minor == 0
    rule = state.terms.trial.without_payment_method
    return not is_free and rule is not WithoutPaymentMethod.INVOICE
