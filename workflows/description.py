"""What operators read about a subscription in the Temporal UI.

Owns the Markdown of a workflow's current details and the summaries of its timers.
"""

from datetime import datetime

from billing.agenda import NextAction, agenda
from billing.subscription import SubscriptionState

_SUMMARY_LIMIT = 190
"""Temporal allows 400 bytes; names may need two bytes a letter."""


def name_of(state: SubscriptionState) -> str:
    """`Team, quantity 5: USD 80.00 every month`: the static summary and the memo's name."""
    terms = state.terms
    return _cut(
        f"{terms.product_name}, quantity {terms.quantity}: {terms.period_amount} {terms.interval}"
    )


def timer_summary(action: NextAction) -> str:
    """What the timer waits for."""
    return _cut(f"{action.kind} on {_instant(action.at)}: {action.reason}")


def details_of(state: SubscriptionState, *, problem: str | None) -> str:
    """The subscription in one screen: what it is, what will happen, what is wrong."""
    lines = [f"# {name_of(state)}", ""]
    if problem is not None:
        lines += [f"> **Needs an operator:** {problem}", ""]
    lines += ["| | |", "|---|---|", *(f"| {label} | {text} |" for label, text in _facts(state))]
    lines += ["", "## What happens next", ""]
    upcoming = agenda(state)
    lines += [f"- **{_instant(a.at)}** {a.kind}: {a.reason}" for a in upcoming] or [
        "- nothing: the subscription has ended"
        if state.has_ended
        else "- nothing until somebody acts"
    ]
    return "\n".join(lines)


def _facts(state: SubscriptionState) -> list[tuple[str, str]]:
    facts = [
        ("Status", f"**{state.status}**"),
        ("Customer", f"`{state.customer_id}`"),
        ("Price", f"`{state.terms.price_id}` version {state.terms.price_version}"),
        ("Quantity", str(state.terms.quantity)),
    ]
    if state.trial is not None:
        facts.append(("Trial", str(state.trial)))
    if state.period is not None:
        facts.append(("Period", str(state.period)))
    if state.cancellation is not None:
        facts.append(("Cancels", _instant(state.cancellation.at)))
    if state.ended_at is not None:
        facts.append(("Ended", f"{_instant(state.ended_at)} ({state.end_reason})"))
    if state.last_invoice_id is not None:
        facts.append(("Last invoice", f"`{state.last_invoice_id}`"))
    for invoice in state.open_invoices:
        told = f", last answer {invoice.last_decline}" if invoice.last_decline else ""
        facts.append(
            (
                "Open invoice",
                f"`{invoice.invoice_id}` {invoice.amount}, {invoice.attempts_made} attempts{told}",
            )
        )
    if state.clock.frozen_at is not None:
        facts.append(("Test clock", _instant(state.clock.frozen_at)))
    return facts


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def _cut(text: str) -> str:
    return text if len(text) <= _SUMMARY_LIMIT else f"{text[: _SUMMARY_LIMIT - 1]}…"
