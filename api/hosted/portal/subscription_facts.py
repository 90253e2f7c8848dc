"""What the portal says about a subscription: what it is, how it stands and what comes next.

Owns those words. Does not own what is known (`account`) nor how it looks (`templates`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from adapters.hosted_link import HostedLinks
from adapters.locale_format import LocaleFormat
from adapters.plain_english import why_declined
from api.hosted.page import Destination
from api.hosted.portal.account import Holding
from api.hosted.portal.plan_words import all_cost, each_costs, how_many, titled
from billing import changing
from billing.subscription import (
    CommandName,
    OpenInvoice,
    SubscriptionState,
    SubscriptionStatus,
)
from billing.upcoming import drafted, first_items, upcoming_period

_LABELS: Final = {
    SubscriptionStatus.INCOMPLETE: "Not begun",
    SubscriptionStatus.INCOMPLETE_EXPIRED: "Not begun",
    SubscriptionStatus.TRIALING: "Free trial",
    SubscriptionStatus.ACTIVE: "Active",
    SubscriptionStatus.PAST_DUE: "Payment overdue",
    SubscriptionStatus.UNPAID: "Not paid",
    SubscriptionStatus.PAUSED: "Paused",
    SubscriptionStatus.CANCELED: "Ended",
    SubscriptionStatus.COMPLETED: "Completed",
}
_WORRYING: Final = frozenset({SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """Something planned that can still be undone."""

    text: str
    label: str
    action: str
    """The last part of the form's address, and the purpose of its token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something that waits for the customer, and where they deal with it."""

    text: str
    link: Destination
    is_problem: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFacts:
    """Everything that the template shows of one subscription."""

    id: str
    version: int
    name: str
    quantity: str | None
    price: str
    status: str
    tone: str
    sentence: str | None
    next_label: str
    next_charge: str | None
    concerns: tuple[Concern, ...]
    undo: Undo | None
    may_change: bool
    may_cancel: bool


def facts_of(holding: Holding, links: HostedLinks) -> SubscriptionFacts:
    """What is to be said about the subscription now."""
    state, legal = holding.state, holding.state.legal_commands
    written = holding.written
    ends = state.cancellation is not None
    return SubscriptionFacts(
        id=state.subscription_id,
        version=state.version,
        name=state.terms.product_name,
        quantity=how_many(written, holding.price, state.terms.quantity),
        price=each_costs(written, holding.price),
        status="Canceled" if ends else _LABELS[state.status],
        tone=_tone(state),
        sentence=_sentence(state, written),
        next_label="Next charge" if holding.net_days is None else "Next invoice",
        next_charge=_next_charge(holding),
        concerns=tuple(_concerns(state, written, links, now=holding.now)),
        undo=_undo(holding),
        may_change=CommandName.CHANGE in legal and state.change is None,
        may_cancel=CommandName.CANCEL_NOW in legal
        and (state.change is None or changing.waits_for_customer(state))
        and not ends,
    )


def _tone(state: SubscriptionState) -> str:
    if state.status in _WORRYING:
        return "bad"
    is_well = state.status in {SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING}
    return "good" if is_well and state.cancellation is None else "quiet"


_GOES_ON_ONCE_PAID: Final = "It goes on as soon as everything open is paid."
_LOST: Final = "It does not go on: it was not paid. Cancel it to subscribe anew."


def _sentence(state: SubscriptionState, written: LocaleFormat) -> str | None:
    sentence: str | None
    match state.status:
        case SubscriptionStatus.TRIALING:
            sentence = f"Your free trial runs until {written.day(state.running_period.end)}."
        case SubscriptionStatus.PAUSED:
            sentence = _pause(state, written)
        case SubscriptionStatus.CANCELED:
            at = state.ended_at
            sentence = None if at is None else f"Ended on {written.day(at)}."
        case SubscriptionStatus.UNPAID:
            sentence = _LOST if state.lost_invoices else _GOES_ON_ONCE_PAID
        case (
            SubscriptionStatus.ACTIVE
            | SubscriptionStatus.PAST_DUE
            | SubscriptionStatus.INCOMPLETE
            | SubscriptionStatus.INCOMPLETE_EXPIRED
            | SubscriptionStatus.COMPLETED
        ):
            end = state.parent_end
            with_it = "with the subscription that it belongs to"
            sentence = None if end is None else f"It ends on {written.day(end.at)}, {with_it}."
        case _:
            assert_never(state.status)
    return sentence


def _pause(state: SubscriptionState, written: LocaleFormat) -> str:
    if state.pause is None:
        return "Nothing is charged meanwhile."
    since = f"Paused since {written.day(state.pause.paused_at)}; nothing is charged meanwhile."
    if state.pause.resumes_at is None:
        return f"{since} It goes on as soon as you add a card."
    return f"{since} It goes on by itself on {written.day(state.pause.resumes_at)}."


def _next_charge(holding: Holding) -> str | None:
    """When which amount is charged if nothing else happens; None where nothing is foreseen."""
    state = holding.state
    regular = {
        SubscriptionStatus.ACTIVE,
        SubscriptionStatus.TRIALING,
        SubscriptionStatus.PAST_DUE,
    }
    if state.status not in regular or state.period is None:
        return None
    ends = state.cancellation is not None or state.ends_by(state.period.end)
    if ends and state.accrues_from is None:
        return "Nothing more"
    pending = state.pending_change
    amount = (state.terms if pending is None else pending.target).period_amount
    items = (*first_items(state), *holding.items)
    if amount.amount_minor == 0 and not items and not state.terms.is_in_arrears:
        return "Nothing: it is free"
    if state.unbilled_from is not None:
        return "In a moment, for the rest of the running period"
    return _upcoming(holding)


def _upcoming(holding: Holding) -> str | None:
    """The next invoice, or from when on there are any."""
    state = holding.state
    following = upcoming_period(state, has_method=True)
    if following is None:
        return None
    draft = drafted(
        state,
        following,
        price=holding.next_price or holding.planned_price or holding.price,
        accrued_prices=holding.accrued_prices,
        items=holding.items,
        taxation=holding.taxation,
        now=following.billed.start,
    )
    if not draft.lines:
        return f"From {holding.written.day(following.billed.start)} on, at each period's end"
    return f"{holding.written.money(draft.total)} on {holding.written.day(following.billed.start)}"


def _concerns(
    state: SubscriptionState, written: LocaleFormat, links: HostedLinks, *, now: datetime
) -> Iterator[Concern]:
    for invoice in state.open_invoices:
        if invoice.given_up or (state.has_ended and not invoice.stays_owed):
            continue
        concern = _change_concern(state, invoice, written, links) or _invoice_concern(
            invoice, written, links, now=now
        )
        if concern is not None:
            yield concern


def _change_concern(
    state: SubscriptionState, invoice: OpenInvoice, written: LocaleFormat, links: HostedLinks
) -> Concern | None:
    change = state.change
    if change is None or invoice.for_change != change.change_id:
        return None
    url = f"{links.portal}/subscriptions/{state.subscription_id}/changes/{change.change_id}"
    waits = invoice.action_url is not None
    until = f" until {written.moment(change.expires_at)}" if waits else ""
    return Concern(
        text=f"Your change to {change.target.product_name} waits for its payment{until}.",
        link=Destination(label="See how it stands", url=url),
        is_problem=False,
    )


def _invoice_concern(
    invoice: OpenInvoice, written: LocaleFormat, links: HostedLinks, *, now: datetime
) -> Concern | None:
    amount, url = written.money(invoice.amount), links.invoice(invoice.invoice_id)
    look = Destination(label="See the invoice", url=url)
    so_far = ""
    if invoice.received is not None:
        so_far = f" We have received {written.money(invoice.received)} of the invoice so far."
    if invoice.in_processing:
        text = f"Your payment of {amount} is on its way; your bank may take a few days."
        return Concern(text=text, link=look, is_problem=False)
    if invoice.action_url is not None:
        text = f"Your bank asks you to confirm the payment of {amount}.{so_far}"
        return Concern(text=text, link=Destination(label="Confirm it", url=url), is_problem=True)
    if not invoice.is_chargeable:
        return Concern(text=f"{amount} are left to pay.{so_far}", link=look, is_problem=False)
    if invoice.is_sent:
        is_late, on = now > invoice.due_at, written.day(invoice.due_at)
        what = f"Your invoice over {amount}" if invoice.received is None else "Your invoice"
        left = "" if invoice.received is None else f" {amount} are left to pay."
        text = f"{what} {'was' if is_late else 'is'} due on {on}.{so_far}{left}"
        link = Destination(label=f"Pay {amount}", url=url)
        return Concern(text=text, link=link, is_problem=is_late)
    if invoice.last_decline is not None:
        text = f"We could not collect {amount}: {why_declined(invoice.last_decline)}.{so_far}"
        link = Destination(label=f"Pay {amount}", url=url)
        return Concern(text=text, link=link, is_problem=True)
    return Concern(text=f"{amount} is being collected.{so_far}", link=look, is_problem=False)


def _undo(holding: Holding) -> Undo | None:
    state, planned_price, written = holding.state, holding.planned_price, holding.written
    if state.cancellation is not None:
        return Undo(
            text=f"It ends on {written.day(state.cancellation.at)}."
            " Until then you can use it as before.",
            label="Keep my subscription",
            action="undo_cancel",
        )
    if state.change is not None and changing.waits_for_customer(state):
        return Undo(
            text=f"Until your change to {state.change.target.product_name} is confirmed and paid,"
            " everything stays as it is.",
            label="Give up this change",
            action="undo_change",
        )
    pending = state.pending_change
    if pending is None or planned_price is None:
        return None
    return Undo(
        text=f"From {written.day(pending.at)} on: {titled(written, pending.target, planned_price)},"
        f" {all_cost(written, pending.target)}. Until then everything stays as it is.",
        label="Undo this change",
        action="undo_change",
    )
