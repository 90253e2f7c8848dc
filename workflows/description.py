"""What operators read about a subscription in the Temporal UI.

Owns the Markdown page of a workflow's current details, and the summaries of workflows and timers.
The page follows from the state alone. Does not own its sentences about what is wrong
(`workflows.concerns`) nor the updates that it offers (`workflows.offered_updates`).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from billing.agenda import NextAction, agenda
from billing.migrating import moves_at
from billing.subscription import (
    AppliedCommand,
    ChangeResult,
    EndReason,
    PurchaseKind,
    SubscriptionState,
    SubscriptionStatus,
)
from workflows.concerns import concerns
from workflows.decline_reasons import explained
from workflows.offered_updates import offered_updates
from workflows.search_attributes import payment_due_at
from workflows.wording import cell, instant, sold, summary

_GAP: Final = "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}"
"""Temporal's UI puts a table's columns side by side without any."""
_AHEAD: Final = 8
_BACK: Final = 6


def name_of(state: SubscriptionState) -> str:
    """`Team, quantity 5: USD 80.00 every month`: the static summary and the memo's name."""
    return summary(sold(state.terms))


def timer_summary(action: NextAction) -> str:
    """What the timer waits for."""
    return summary(_told(action))


def details_of(state: SubscriptionState, *, problem: str | None) -> str:
    """The subscription's page and what can be done, far below the 20,000 bytes Temporal allows.

    Temporal's UI puts it into an address, which proxies cut off at about 8,000 characters.
    """
    possible = _possible(state, problem=problem)
    return "\n".join([page_of(state, problem=problem), "", "## What you can do now", "", *possible])


def page_of(state: SubscriptionState, *, problem: str | None) -> str:
    """What it is, what is wrong, what happens next and why, and what happened."""
    lines = [f"# {sold(state.terms)}", "", _status(state), ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {name}{_GAP} | {cell(text)} |" for name, text in _facts(state)]
    wrong = list(concerns(state, problem=problem))
    if wrong:
        lines += ["", "## What is wrong, and what to do", "", *(f"- {text}" for text in wrong)]
    lines += ["", "## What happens next, and why", "", *_ahead(state)]
    lines += ["", "## What happened lately", "", *_back(state)]
    return "\n".join(lines)


def _status(state: SubscriptionState) -> str:
    still_owes = any(invoice.is_owed_after_the_end for invoice in state.open_invoices)
    if state.has_ended and (state.accrued or still_owes):
        return "**Canceled:** it is over; what was had until then is still collected."
    is_overdue = any(invoice.is_overdue for invoice in state.open_invoices)
    if is_overdue and state.status is SubscriptionStatus.PAST_DUE:
        return _OVERDUE if state.purchase is None else _OVERDUE_PURCHASE
    if state.purchase is not None and state.status in _STATUS_OF_PURCHASES:
        return _STATUS_OF_PURCHASES[state.status]
    return _STATUS[state.status]


_STATUS: Final = {
    SubscriptionStatus.INCOMPLETE: "**Incomplete:** the customer is at the checkout.",
    SubscriptionStatus.INCOMPLETE_EXPIRED: (
        "**Expired:** the checkout was not completed. Nothing was sold and nothing is owed."
    ),
    SubscriptionStatus.TRIALING: "**In trial:** free until the trial ends, then charged.",
    SubscriptionStatus.ACTIVE: "**Active.**",
    SubscriptionStatus.PAST_DUE: "**Past due:** it runs on while a payment is tried again.",
    SubscriptionStatus.UNPAID: "**Unpaid:** nothing new is billed until what is open is paid.",
    SubscriptionStatus.PAUSED: "**Paused:** it rests and nothing is billed.",
    SubscriptionStatus.CANCELED: "**Canceled:** it is over and is never billed again.",
    SubscriptionStatus.COMPLETED: "**Completed:** nothing is owed for it any more.",
}
_OVERDUE: Final = "**Past due:** it runs on while an invoice that was sent is overdue."
_OVERDUE_PURCHASE: Final = "**Past due:** the invoice that was sent is overdue."
_STATUS_OF_PURCHASES: Final = {
    SubscriptionStatus.ACTIVE: "**Sold:** it is being paid for.",
    SubscriptionStatus.PAST_DUE: "**Past due:** its payment is tried again.",
    SubscriptionStatus.CANCELED: "**Canceled:** it was not paid for.",
}

_END_REASONS: Final = {
    EndReason.REQUESTED: "it was asked for",
    EndReason.NO_PAYMENT_METHOD: "the trial ended and there was nothing to charge",
    EndReason.PAYMENT_FAILED: "what was due was not paid until dunning ended",
    EndReason.CHECKOUT_EXPIRED: "the checkout was not completed in time",
    EndReason.FAMILY_TAKEN: "the customer had another subscription of the same family",
    EndReason.TRIAL_USED: "the customer had had the trial before",
    EndReason.DISPUTE_LOST: "the bank took a disputed payment back for good",
    EndReason.PARENT_ENDED: "the subscription that it was sold beside ended",
    EndReason.COMPLETED: "nothing was owed for it any more",
}

_CHANGE_RESULTS: Final = {
    ChangeResult.APPLIED: "it is in force",
    ChangeResult.SCHEDULED: "it waits for the period's end",
    ChangeResult.PAYING: "it is being paid",
    ChangeResult.DECLINED: "the payment was refused and nothing changed",
    ChangeResult.ABANDONED: "the payment was not completed and nothing changed",
}


def _facts(state: SubscriptionState) -> Iterator[tuple[str, str]]:
    yield "Status", f"**{state.status}**"
    yield "Customer", f"`{state.customer_id}`"
    yield from _what(state)
    yield from _beside(state)
    if state.trial is not None:
        yield "Trial", f"{instant(state.trial.start)} to {instant(state.trial.end)}"
    if state.period is not None and state.purchase is None:
        yield "Period", f"{instant(state.period.start)} to {instant(state.period.end)}"
    if state.pause is not None:
        until = state.pause.resumes_at
        end = "a payment method is saved" if until is None else instant(until)
        yield "Paused", f"{instant(state.pause.paused_at)} until {end} (`{state.pause.mode}`)"
    if state.pending_change is not None:
        change = state.pending_change
        yield "Changes", f"{instant(change.at)} to {sold(change.target)}"
    yield from _price_change(state)
    if state.cancellation is not None:
        yield "Cancels", instant(state.cancellation.at)
    yield from _patience(state)
    if state.ended_at is not None and state.end_reason is not None:
        yield "Ended", f"{instant(state.ended_at)}: {_END_REASONS[state.end_reason]}"
    if state.last_invoice_id is not None:
        yield "Last invoice", f"`{state.last_invoice_id}`"
    if state.clock.frozen_at is not None:
        yield "Test clock", f"stands at {instant(state.clock.frozen_at)}"


def _patience(state: SubscriptionState) -> Iterator[tuple[str, str]]:
    due_at = payment_due_at(state)
    if due_at is not None:
        yield "To be paid by", f"{instant(due_at)}, on net terms"
    if state.grace_until is not None:
        yield "Grace", f"until {instant(state.grace_until)}"


_ITEMS_SHOWN: Final = 5
_PAID_FOR: Final = {
    PurchaseKind.CHECKOUT: "at the checkout, before it is sold",
    PurchaseKind.INVOICE: "by its invoice",
}


def _what(state: SubscriptionState) -> Iterator[tuple[str, str]]:
    if state.purchase is None:
        yield "Price", f"`{state.terms.price_id}` version {state.terms.price_version}"
        yield "Quantity", str(state.terms.quantity)
    else:
        yield "Bought", _bought(state)
        yield "Paid for", _PAID_FOR[state.purchase]


def _bought(state: SubscriptionState) -> str:
    items = [f"{item.description} ({item.amount})" for item in state.first_items[:_ITEMS_SHOWN]]
    left = len(state.first_items) - _ITEMS_SHOWN
    return "; ".join([*items, *([f"and {left} more"] if left > 0 else [])])


def _beside(state: SubscriptionState) -> Iterator[tuple[str, str]]:
    if state.parent_id is not None:
        yield "Add-on of", f"`{state.parent_id}`"
    if state.addons:
        yield "Add-ons", ", ".join(f"`{addon.subscription_id}`" for addon in state.addons)


def _price_change(state: SubscriptionState) -> Iterator[tuple[str, str]]:
    plan = state.waiting_migration
    if plan is not None:
        at = moves_at(state, plan.not_before)
        when = "on" if at is None else f"on {instant(at)}, not before"
        yield (
            "Price changes",
            f"{when} {instant(plan.not_before)}, to {sold(plan.target)} (`{plan.migration_id}`)",
        )


def _ahead(state: SubscriptionState) -> Iterator[str]:
    upcoming = agenda(state)
    for action in upcoming[:_AHEAD]:
        yield f"- {_told(action, bold=True)}"
    if len(upcoming) > _AHEAD:
        yield f"- and {len(upcoming) - _AHEAD} more"
    if not upcoming:
        over = f"- nothing: the {state.noun} has ended"
        yield over if state.has_ended else "- nothing until somebody acts"


def _told(action: NextAction, *, bold: bool = False) -> str:
    at = instant(action.at)
    when = f"**{at}**" if bold else at
    return f"{when} {action.kind.replace('_', ' ')}: {action.reason}"


def _back(state: SubscriptionState) -> Iterator[str]:
    latest = sorted(_past(state), key=lambda event: event[0], reverse=True)
    for at, text in latest[:_BACK]:
        yield f"- **{instant(at)}** {text}"
    yield f"- everything: `perennial {state.noun}s timeline {state.subscription_id}`"


def _past(state: SubscriptionState) -> Iterator[tuple[datetime, str]]:
    """What can be told from the present state; the timeline has the rest."""
    yield state.created_at, f"the {state.noun} was made"
    if state.trial is not None:
        yield state.trial.start, "the trial began"
    if state.period is not None and state.period_number is not None and state.purchase is None:
        number = state.period_number + 1
        yield state.period.start, f"billing period {number} began"
    for invoice in state.open_invoices:
        named = f"invoice `{invoice.invoice_id}` over {invoice.amount}"
        if invoice.is_sent:
            yield invoice.sent_at, f"{named} was sent"
        if invoice.is_overdue or not invoice.is_sent:
            yield invoice.due_at, f"{named} was due"
    if state.cancellation is not None:
        yield state.cancellation.requested_at, "the cancellation was asked for"
    if state.pause is not None:
        yield state.pause.paused_at, "the pause began"
    for applied in state.applied:
        yield applied.applied_at, _command(applied)
    if state.ended_at is not None and state.end_reason is not None:
        yield state.ended_at, f"the {state.noun} ended: {_END_REASONS[state.end_reason]}"


def _command(applied: AppliedCommand) -> str:
    if applied.result is None:
        return f"the command `{applied.command_id}` took effect"
    refusal = "" if applied.decline is None else f" ({explained(applied.decline)})"
    return f"the change `{applied.command_id}`: {_CHANGE_RESULTS[applied.result]}{refusal}"


def _possible(state: SubscriptionState, *, problem: str | None) -> Iterator[str]:
    offered = list(offered_updates(state, problem=problem))
    if not offered:
        yield "Nothing: no update is taken any more."
        return
    yield (
        "More Actions, Send an Update: choose the name, paste the JSON, fill in your name (`id`)"
        " and the `reason`. Copy it from here each time: the same `command_id` counts once."
    )
    for offer in offered:
        yield ""
        yield f"**`{offer.update}`** {offer.purpose}:"
        yield ""
        yield f"```json\n{offer.input(state)}\n```"
