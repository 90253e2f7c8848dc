"""What is wrong with a subscription, or waits for somebody, and what to do about it.

Owns the sentences that operators read about open invoices, changes being paid, disputes and errors.
All of it follows from the state. Does not own what is possible (`workflows.offered_updates`) nor
when things happen (`billing.agenda`).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, assert_never

from billing.agenda import ActionKind, agenda
from billing.decline import DeclineKind
from billing.dunning import FinalAction
from billing.subscription import ChangeUnderWay, OpenInvoice, SubscriptionState, SubscriptionStatus
from workflows.decline_reasons import explained
from workflows.wording import instant, quoted

_INVOICES_SHOWN: Final = 3


def concerns(state: SubscriptionState, *, problem: str | None) -> Iterator[str]:
    """One paragraph each, the most urgent first; none where all is well."""
    if problem is not None:
        yield _needs_operator(problem)
    for dispute_id in state.open_disputes:
        yield (
            f"**A payment is disputed** (`{dispute_id}`). The customer's bank took the money back"
            " until it decides. Answer it in Stripe's dashboard before its date. Nothing of that"
            " payment can be refunded. Runbook: `wrong-charge.md`."
        )
    for invoice in state.open_invoices[:_INVOICES_SHOWN]:
        yield _about(state, invoice)
    if len(state.open_invoices) > _INVOICES_SHOWN:
        yield f"**{len(state.open_invoices) - _INVOICES_SHOWN} more open invoices** like these."
    if state.status is SubscriptionStatus.UNPAID and state.lost_invoices:
        yield (
            f"**A debt was written off** (`{state.lost_invoices[-1]}`). It stays unpaid, whatever"
            " else is paid, and nothing new is billed, until that debt is paid by transfer and"
            " recorded. Or cancel it, so that the customer can subscribe anew."
        )
    elif state.status is SubscriptionStatus.UNPAID:
        yield _stopped(state)
    if state.pause is not None and state.pause.resumes_at is None:
        yield (
            "**The trial ended without a payment method.** Ask the customer to save one: it goes on"
            " at once, and the first period begins."
        )
    if state.activation_refused:
        yield (
            "**The first payment was refused.** The customer can try another payment method on the"
            f" checkout page until {instant(state.checkout_expires_at)}."
        )


def _stopped(state: SubscriptionState) -> str:
    """Of one that is unpaid: another card is tried by itself, but not on what was sent (P22)."""
    is_suspended = any(invoice.is_overdue for invoice in state.open_invoices)
    ended = "The grace of what was sent" if is_suspended else "Dunning"
    ways = "on its page, by `pay_now`" if is_suspended else "by another card, `pay_now`"
    return (
        f"**{ended} ended without the money.** Everything open stays owed and nothing new is"
        f" billed. Once all of it is paid, {ways} or a transfer, the subscription is active again."
        " Or waive it, or cancel."
    )


def final_action_of(state: SubscriptionState) -> str:
    """What happens to the subscription when dunning ends, in words."""
    if state.has_ended:
        return "it is written off as a bad debt"
    action = state.terms.dunning.final_action
    if state.purchase is not None:
        kept = "written off as a bad debt" if action is FinalAction.UNPAID else "voided"
        return f"the purchase is canceled and its invoice is {kept}"
    left = "written off as a bad debt" if state.terms.is_in_arrears else "voided"
    match action:
        case FinalAction.CANCEL:
            return f"it is canceled and the invoice is {left}"
        case FinalAction.DOWNGRADE_TO_FREE:
            fallback = state.terms.free_fallback_price_id
            return f"it goes on with the free price `{fallback}` and the invoice is {left}"
        case FinalAction.UNPAID:
            return "it becomes unpaid: the invoice stays owed and nothing new is billed"
        case _:
            assert_never(action)


def final_action_at(state: SubscriptionState) -> datetime | None:
    """When dunning ends; None while nothing is dunned."""
    found = (action.at for action in agenda(state) if action.kind is ActionKind.GIVE_UP)
    return next(found, None)


def suspends_at(state: SubscriptionState) -> datetime | None:
    """When the grace of what was sent and is overdue ends; None while nothing is (policy P22)."""
    found = (action.at for action in agenda(state) if action.kind is ActionKind.SUSPEND)
    return next(found, None)


UNDELIVERED: Final = " was not delivered: "
"""How the workflow tells of a message that can never be delivered."""


def _needs_operator(problem: str) -> str:
    if UNDELIVERED in problem:
        return (
            f"**A message did not reach the customer:** {quoted(problem)}. It is not sent again:"
            " tell the customer yourself if it matters, and mend their address. Billing goes on."
            " The update `retry_now` says that you have seen it. Runbook: `stuck-workflow.md`."
        )
    return (
        "**Needs an operator.** Something that has to be done cannot succeed as things are:"
        f" {quoted(problem)}{_meaning(problem)}. It is tried again once a day. Mend the cause,"
        " then send the update `retry_now`. Runbook: `stuck-workflow.md`."
    )


def _meaning(problem: str) -> str:
    """What a refusal of Stripe's most often means; its code stands at the end, in brackets."""
    code = problem.rpartition("(")[2].removesuffix(")")
    words = _REFUSALS.get(code)
    return "" if words is None else f", which means: {words}"


_GONE: Final = "the saved payment method or the customer no longer exists at Stripe"
_REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amount_too_large": "Stripe takes no single payment of this amount",
        "amount_too_small": "Stripe takes no payment as small as this",
        "currency_not_supported": "the Stripe account cannot be paid in this currency",
        "payment_method_not_available": "Stripe cannot use this kind of payment method just now",
        "request_refused": f"most often {_GONE}",
        "resource_missing": _GONE,
        "tax_id_invalid": "Stripe Tax does not take the customer's VAT id",
    }
)


def _about(state: SubscriptionState, invoice: OpenInvoice) -> str:
    named = f"{invoice.amount}, invoice `{invoice.invoice_id}`{_so_far(invoice)}"
    if invoice.in_processing:
        return (
            f"**The bank is still at it:** {named}. A bank debit takes days; it is neither paid nor"
            " past due, and the answer arrives by itself. Nothing to do."
        )
    if invoice.given_up or (state.has_ended and not invoice.stays_owed):
        owed = "**No longer owed:** {}. It is being voided."
        written_off = "**A bad debt:** {}. It is being written off."
        return (written_off if invoice.is_bad_debt else owed).format(named)
    if invoice.for_change is not None:
        return _about_change(state.change, invoice, named)
    if invoice.action_url is not None:
        other = "use another card on the invoice's page" if invoice.is_sent else "save another card"
        return (
            f"**Waiting for the customer to authenticate:** {named}. The bank wants them to confirm"
            " the payment in person (3-D Secure); trying again without them is pointless. They were"
            f" sent a link. Ask them to follow it, or to {other}.{_end(state)}"
        )
    if invoice.is_sent or invoice.attempts_made > 0 or not invoice.is_chargeable:
        return _about_unpaid(state, invoice, named)
    return (
        f"**Being collected:** {named}, due {instant(invoice.due_at)}. Where that lasts longer than"
        " minutes, look under Pending Activities. Runbook: `stripe-outage.md`."
    )


def _about_sent(state: SubscriptionState, invoice: OpenInvoice, named: str) -> str:
    tried = "" if invoice.last_decline is None else f" A card was tried: {_answer(invoice)}."
    if not invoice.is_overdue:
        return (
            f"**Sent on net terms:** {named}, due {instant(invoice.due_at)}. It is never charged by"
            f" itself, and the customer is reminded.{tried} Nothing to do."
        )
    return (
        f"**Overdue:** {named}, sent {instant(invoice.sent_at)} and due"
        f" {instant(invoice.due_at)}. It is never charged by itself: ask the customer to pay it on"
        f" its page.{tried}{_suspension(state)} Runbook: `payments-failing.md`."
    )


def _suspension(state: SubscriptionState) -> str:
    at = suspends_at(state)
    if at is None:
        return ""
    if state.has_ended or state.purchase is not None:
        return f" If it is not paid by {instant(at)}, it is written off as a bad debt."
    return f" If it is not paid by {instant(at)}, the subscription becomes unpaid."


def _so_far(invoice: OpenInvoice) -> str:
    """What was received of it: waiving gives that back."""
    return "" if invoice.received is None else f" ({invoice.received} of it were received)"


def _about_change(change: ChangeUnderWay | None, invoice: OpenInvoice, named: str) -> str:
    if change is None:
        return f"**No longer owed:** {named}. The change that it was for is gone."
    target = change.target
    waiting = (
        "The customer's bank wants them to confirm the payment; they have the link."
        if invoice.action_url is not None
        else "It is being charged."
    )
    return (
        f"**A change is being paid:** {named}, for {target.product_name}, quantity"
        f" {target.quantity}. {waiting} Nothing changes before it is paid; if it is not by"
        f" {instant(change.expires_at)}, the change is dropped and nothing is owed for it."
    )


def _about_unpaid(state: SubscriptionState, invoice: OpenInvoice, named: str) -> str:
    if not invoice.is_chargeable:
        return (
            f"**Not to be paid by card:** {named}. Stripe takes no payment of this amount: it waits"
            " for a transfer (`record_payment`). Write it off where none is to come."
        )
    return (_about_sent if invoice.is_sent else _about_refusal)(state, invoice, named)


def _about_refusal(state: SubscriptionState, invoice: OpenInvoice, named: str) -> str:
    tried = "once" if invoice.attempts_made == 1 else f"{invoice.attempts_made} times"
    answer = "" if invoice.last_decline is None else f" Last answer: {_answer(invoice)}."
    return (
        f"**Not paid:** {named}, due {instant(invoice.due_at)}, tried {tried}."
        f"{answer} {_what_next(state, invoice)}{_end(state)} Runbook: `payments-failing.md`."
    )


def _answer(invoice: OpenInvoice) -> str:
    return explained(invoice.last_decline or "")


def _what_next(state: SubscriptionState, invoice: OpenInvoice) -> str:
    if invoice.next_attempt_at is not None:
        return f"The next attempt is on {instant(invoice.next_attempt_at)}."
    if state.status is SubscriptionStatus.UNPAID:
        return "It is tried again when the customer saves a payment method, or by `pay_now`."
    if invoice.decline_kind in {DeclineKind.HARD, DeclineKind.AUTHENTICATION}:
        return (
            "This payment method is not charged again by itself: ask the customer for another,"
            " which is charged at once."
        )
    return "No further attempt is planned: ask the customer for another payment method."


def _end(state: SubscriptionState) -> str:
    at = final_action_at(state)
    if at is None:
        return ""
    grace = ""
    if state.grace_until is not None:
        grace = f" (a grace runs until {instant(state.grace_until)})"
    return f" If it is not paid by {instant(at)}{grace}, {final_action_of(state)}."
