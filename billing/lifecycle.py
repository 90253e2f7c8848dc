"""How a subscription lives from checkout to end: pure transitions from one state to the next.

Owns its beginning, its trial, its periods and its end, and the bookkeeping of revisions. Each
function returns the new state; none reads a clock or has an effect. Does not own what is due when
(`billing.agenda`), commands (`billing.commands`), changes of what is sold (`billing.changing`),
pauses (`billing.pausing`) nor what payments lead to (`billing.settlement`).
"""

from datetime import datetime, timedelta
from typing import Final

from billing import accrual, anchor, messages, migrating, sending
from billing.credit_note import UnusedPart
from billing.discount import DiscountUse, after_uses
from billing.dunning import FinalAction
from billing.errors import BooksBroken, Conflict
from billing.first_period import (
    anchor_for,
    first_number,
    first_period,
    first_whole_period,
    is_anchored_anew,
)
from billing.ids import effect_key
from billing.invoice import InvoiceLine
from billing.invoice_item import moment
from billing.migration import SkipReason
from billing.money import Money
from billing.period import Period
from billing.subscription import (
    AccruedPart,
    AppliedCommand,
    ChangeResult,
    EndReason,
    OpenInvoice,
    PromisedBack,
    PurchaseKind,
    SubscriptionState,
    SubscriptionStatus,
    Terms,
)
from billing.trial import trial_notice_at, trial_period
from billing.value import Instant, Value
from billing.write_off import write_offs_of

REMEMBERED_COMMANDS: Final = 50


def checkout_completed(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The customer is ready to pay: the subscription activates at once.

    What a purchase is of is rendered now, and not when its checkout was opened.
    """
    if state.status is not SubscriptionStatus.INCOMPLETE:
        return state
    items = state.first_items
    if state.purchase is not None and state.period_number is None:
        items = tuple(item.model_copy(update={"period": moment(now)}) for item in items)
    return state.changed(checkout_completed_at=now, activation_refused=False, first_items=items)


def first_trial(state: SubscriptionState, now: datetime) -> Period:
    """The free first period: it runs from the moment when the customer was ready (policy P10)."""
    if state.terms.trial is None:
        raise BooksBroken("no_trial", "these terms have no trial")
    return trial_period(state.checkout_completed_at or now, state.terms.trial.days)


def trial_started(state: SubscriptionState, trial: Period) -> SubscriptionState:
    """The trial runs; nothing is owed."""
    return state.changed(
        status=SubscriptionStatus.TRIALING,
        trial=trial,
        trial_notice_at=trial_notice_at(trial),
        period=trial,
        checkout_completed_at=None,
    )


class NextPeriod(Value):
    """What begins next, and what is billed with it: ahead, and of what was had until then."""

    number: int
    period: Period
    billed: Period
    """All of the period, or what is left of it after a pause."""
    whole: Period
    """The whole interval that the price is for; longer than a first period up to the 1st."""
    anchor_at: Instant
    anchor_number: int
    terms: Terms
    in_advance: bool = True
    """Whether `billed` is charged now, and not when it is over."""
    accrued: tuple[AccruedPart, ...] = ()
    """What was had in arrears until then."""


def next_billing(state: SubscriptionState, now: datetime) -> NextPeriod:
    """The first period begins at the trial's end, or when the customer was ready to pay.

    Every later one begins where the anchor says (policy P8), however late it is billed (P9), on the
    terms of the decrease that waited for it (P12), or at the price that the customer was told of
    (P33). After a pause it is the one that is running. In arrears, the invoice is for what was had
    until its beginning; of one that has ended, until the end.
    """
    following = _last(state) if state.ended_at is not None else _following(state, now)
    if state.period is None or state.anchor_at is None:
        return following
    used = accrual.used_until(state, state.period.end)
    return following.model_copy(update={"accrued": used}) if used else following


def _last(state: SubscriptionState) -> NextPeriod:
    """Nothing begins any more; it has the number of what would have begun."""
    period, at = state.running_period, state.ended_at or state.running_period.end
    rest = Period(start=at, end=max(period.end, at + anchor.SHORTEST))
    return NextPeriod(
        number=(state.period_number or 0) + 1,
        period=period,
        billed=rest,
        whole=period,
        anchor_at=state.anchor_at or period.start,
        anchor_number=state.anchor_number,
        terms=state.terms,
        in_advance=False,
    )


def _following(state: SubscriptionState, now: datetime) -> NextPeriod:
    if state.anchor_at is None or state.period_number is None:
        ready_at = state.checkout_completed_at or now
        if state.purchase is not None:
            return _purchased(state.terms, ready_at)
        first_at = state.trial.end if state.trial is not None else ready_at
        return _first_of(state.terms, first_at, number=0)
    number = state.period_number + 1
    terms = migrating.at_renewal(state).terms
    anchor_at, anchor_number = state.anchor_at, state.anchor_number
    if is_anchored_anew(state.terms, terms):
        begins_at = state.running_period.end
        if state.unbilled_from is None:
            return _first_of(terms, begins_at, number=number)
        anchor_at = anchor_for(terms, begins_at)
        anchor_number = number - first_number(terms, begins_at)
    if state.unbilled_from is not None:
        number = anchor_number + anchor.period_number(
            anchor_at, terms.require_interval(), state.unbilled_from
        )
    following = _whole_period(
        terms, number=number, anchor_at=anchor_at, anchor_number=anchor_number
    )
    if state.unbilled_from is None:
        return following
    rest = Period(start=state.unbilled_from, end=following.period.end)
    return following.model_copy(update={"billed": rest})


def _purchased(terms: Terms, at: datetime) -> NextPeriod:
    """What was bought is rendered at once: nothing runs from then on."""
    period = moment(at)
    return NextPeriod(
        number=0,
        period=period,
        billed=period,
        whole=period,
        anchor_at=at,
        anchor_number=0,
        terms=terms,
        in_advance=False,
    )


def _first_of(terms: Terms, begins_at: datetime, *, number: int) -> NextPeriod:
    period = first_period(terms, begins_at)
    return NextPeriod(
        number=number,
        period=period,
        billed=period,
        whole=first_whole_period(terms, begins_at),
        anchor_at=anchor_for(terms, begins_at),
        anchor_number=number - first_number(terms, begins_at),
        terms=terms,
        in_advance=not terms.is_in_arrears,
    )


def _whole_period(
    terms: Terms, *, number: int, anchor_at: datetime, anchor_number: int
) -> NextPeriod:
    period = anchor.period(anchor_at, terms.require_interval(), number - anchor_number)
    return NextPeriod(
        number=number,
        period=period,
        billed=period,
        whole=period,
        anchor_at=anchor_at,
        anchor_number=anchor_number,
        terms=terms,
        in_advance=not terms.is_in_arrears,
    )


def period_billed(  # noqa: PLR0913 - what there is to know of a billed period
    state: SubscriptionState,
    *,
    number: int,
    period: Period,
    anchor_at: datetime,
    anchor_number: int = 0,
    invoice_id: str | None,
    amount_due: Money,
    due_at: datetime,
    carried: tuple[InvoiceLine, ...] = (),
    uses: tuple[DiscountUse, ...] = (),
    for_the_past: bool = False,
    net_days: int | None = None,
) -> SubscriptionState:
    """The period is invoiced. What is to be collected is tried at its due time (policy P18).

    `carried` is what the invoice leaves to the next one, `uses` what it takes of the discounts. An
    invoice that is `for_the_past` is for what was had until the period, which in arrears is billed
    when it ends; None is made where nothing is charged. A purchase by invoice is not paid first,
    nor is what was sent, with `net_days` (policy P22).
    """
    stays_owed = for_the_past or _stays_owed(state)
    invoices = _with_opened(
        *(state, invoice_id, amount_due, due_at), net_days=net_days, stays_owed=stays_owed
    )
    sent = sending.news_of(state, invoices)
    if state.has_ended:
        invoices = _as_lost(_without_credit(state, invoices, stays_owed=stays_owed))
        sent = ()
    is_first = state.status is SubscriptionStatus.INCOMPLETE and bool(invoices)
    is_charged = state.purchase is not PurchaseKind.INVOICE and net_days is None
    must_pay_first = is_first and is_charged
    # News may have ended it meanwhile: the invoice is then voided, and nothing comes to life.
    stays = must_pay_first or state.has_ended or state.status is SubscriptionStatus.PAST_DUE
    renewal = migrating.at_renewal(state)
    begins_at = state.unbilled_from or period.start
    return state.changed(
        status=state.status if stays else SubscriptionStatus.ACTIVE,
        terms=renewal.terms,
        accrued=(),
        accrues_from=None if state.has_ended else accrual.begins(renewal.terms, begins_at),
        pending_change=None,
        migration=renewal.migration,
        messages=(*state.messages, *renewal.messages, *sent),
        anchor_at=anchor_at,
        anchor_number=anchor_number,
        period_number=number,
        period=period,
        extension=timedelta(0),
        unbilled_from=None,
        carried=carried,
        discounts=after_uses(state.discounts, uses, period_number=number),
        trial_notice_at=None,
        open_invoices=invoices,
        last_invoice_id=invoice_id or state.last_invoice_id,
        checkout_completed_at=state.checkout_completed_at if must_pay_first else None,
    )


def last_billed(
    state: SubscriptionState,
    *,
    invoice_id: str | None,
    amount_due: Money,
    due_at: datetime,
    carried: tuple[InvoiceLine, ...] = (),
    uses: tuple[DiscountUse, ...] = (),
    net_days: int | None = None,
) -> SubscriptionState:
    """What was had until the end is invoiced, and collected like any other invoice.

    What it cannot collect is written off: no later one comes (policy P5).
    """
    number = (state.period_number or 0) + 1
    last = invoice_id or state.last_invoice_id
    invoices = _with_opened(
        *(state, invoice_id, amount_due, due_at), net_days=net_days, stays_owed=True
    )
    return state.changed(
        accrued=(),
        carried=(),
        discounts=after_uses(state.discounts, uses, period_number=number),
        open_invoices=invoices,
        messages=(*state.messages, *sending.news_of(state, invoices)),
        last_invoice_id=last,
        written_off=(
            *state.written_off,
            *write_offs_of(
                carried,
                subscription_id=state.subscription_id,
                cause="ended",
                invoice_id=last,
                now=state.ended_at or due_at,
            ),
        ),
    )


def _with_opened(
    state: SubscriptionState,
    invoice_id: str | None,
    amount_due: Money,
    due_at: datetime,
    *,
    net_days: int | None,
    stays_owed: bool,
) -> tuple[OpenInvoice, ...]:
    is_known = invoice_id is not None and state.open_invoice(invoice_id) is not None
    if amount_due.amount_minor <= 0 or invoice_id is None or is_known:
        return state.open_invoices
    opened = sending.opened(
        invoice_id=invoice_id,
        amount=amount_due,
        due_at=due_at,
        net_days=net_days,
        stays_owed=stays_owed,
        customer_present=state.buyer_present,
    )
    return (*state.open_invoices, opened)


def _without_credit(
    state: SubscriptionState, invoices: tuple[OpenInvoice, ...], *, stays_owed: bool
) -> tuple[OpenInvoice, ...]:
    """News ended it while it was billed: what was to begin is not owed, on whatever terms."""
    return tuple(
        each
        if state.open_invoice(each.invoice_id) is not None
        else each.model_copy(update={"stays_owed": stays_owed})
        for each in invoices
    )


def _stays_owed(state: SubscriptionState) -> bool:
    """Whether the end of dunning leaves a purchase owed, as its ladder says (ADR 0036)."""
    is_owed = state.terms.dunning.final_action is FinalAction.UNPAID
    return state.purchase is PurchaseKind.INVOICE and is_owed


def called_off(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """A purchase is not wanted any more: nothing is owed for it, whatever its ladder says.

    What a bank pays for it all the same is the customer's. Raises `Conflict` (`purchase_ended`)
    where it is paid for: nothing would give that back.
    """
    if state.is_settled:
        raise Conflict("purchase_ended", "the purchase is paid for: refund its invoice instead")
    forgiven = (i.model_copy(update={"stays_owed": False}) for i in state.open_invoices)
    invoices = tuple(given_up(invoice) for invoice in forgiven)
    closing = state.model_copy(update={"open_invoices": invoices})
    return ended(closing, EndReason.REQUESTED, now)


def completed(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """Nothing is to be paid for a purchase any more: it is paid for, or forgiven.

    What a received payment has left, and is too little to collect, is lost (policy P5).
    """
    lost = (i.model_copy(update={"is_bad_debt": True}) for i in state.open_invoices)
    closing = state.model_copy(update={"open_invoices": tuple(given_up(each) for each in lost)})
    return ended(closing, EndReason.COMPLETED, now)


def trial_end_noticed(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The customer is told that the trial ends soon (policy P10)."""
    return state.changed(
        trial_notice_at=None, messages=(*state.messages, messages.trial_will_end(state, now))
    )


def ended(
    state: SubscriptionState,
    reason: EndReason,
    now: datetime,
    *,
    promised_back: PromisedBack | None = None,
    unused: UnusedPart = UnusedPart.NONE,
) -> SubscriptionState:
    """Nothing begins again, and what was carried to a next invoice is written off (P5).

    `promised_back` is what becomes of invoices that are paid all the same, and `unused` what was
    given back: its add-ons end in the same way, at a period's end as the cancellation says. What
    was had in arrears until now is billed next where the end was asked for (P17); where it ends
    because nobody pays, it is not, and what is open of that kind is a bad debt (P18).
    """
    is_billed = reason in _BILLED_TO_THE_END and state.status is not SubscriptionStatus.INCOMPLETE
    used = accrual.had_before(state, now) if is_billed else ()
    carried = state.carried if used else ()
    planned = state.cancellation
    if planned is not None and now >= planned.at:
        unused = planned.unused_of_addons
    status = SubscriptionStatus.CANCELED
    if reason is EndReason.COMPLETED:  # also in a run after a reset, which has it from storage
        status = SubscriptionStatus.COMPLETED
    elif state.status is SubscriptionStatus.INCOMPLETE:
        status = SubscriptionStatus.INCOMPLETE_EXPIRED
    return state.changed(
        status=status,
        ended_at=now,
        end_reason=reason,
        cancellation=None,
        pending_change=None,
        change=None,
        migration=migrating.dropped(state.migration, SkipReason.ENDED, now),
        pause=None,
        grace_until=state.grace_until if is_billed and _is_owing(state) else None,
        unbilled_from=None,
        accrued=used,
        accrues_from=None,
        open_invoices=state.open_invoices if is_billed else _as_lost(state.open_invoices),
        carried=carried,
        written_off=(
            *state.written_off,
            *write_offs_of(
                () if carried else state.carried,
                subscription_id=state.subscription_id,
                cause="ended",
                invoice_id=state.last_invoice_id,
                now=now,
            ),
        ),
        promised_back=promised_back,
        unused_at_end=unused,
        trial_notice_at=None,
        checkout_completed_at=None,
    )


_BILLED_TO_THE_END: Final = frozenset({EndReason.REQUESTED, EndReason.PARENT_ENDED})


def _is_owing(state: SubscriptionState) -> bool:
    """Whether it is collected for time that was had, also after its end."""
    return any(invoice.is_owed_after_the_end for invoice in state.open_invoices)


def _as_lost(invoices: tuple[OpenInvoice, ...]) -> tuple[OpenInvoice, ...]:
    """What is owed for time that was had is not expected any more, and is no less owed.

    What was sent has a patience of its own, also after the end (policy P22).
    """
    return tuple(
        given_up(each) if each.stays_owed and not each.is_sent else each for each in invoices
    )


def given_up(invoice: OpenInvoice) -> OpenInvoice:
    """Not to be collected any more; a bad debt where it is for time that was had.

    Where the bank has its payment, the answer is still awaited.
    """
    return invoice.model_copy(
        update={
            "given_up": True,
            "is_bad_debt": invoice.is_bad_debt or invoice.stays_owed,
            "next_attempt_at": invoice.next_attempt_at if invoice.in_processing else None,
        }
    )


def ended_with_message(
    state: SubscriptionState,
    reason: EndReason,
    now: datetime,
    *,
    promised_back: PromisedBack | None = None,
    unused: UnusedPart = UnusedPart.NONE,
) -> SubscriptionState:
    """Ended by the system: the customer has not asked for it and is told."""
    message = messages.subscription_canceled(state, now, effective_at=now, reason=reason)
    told = state.model_copy(update={"messages": (*state.messages, message)})
    return ended(told, reason, now, promised_back=promised_back, unused=unused)


def message_handed_over(state: SubscriptionState, key: str) -> SubscriptionState:
    """Delivery is taken care of. Not a change that storage must see: the revision stays."""
    waiting = tuple(message for message in state.messages if message.key != key)
    return state.model_copy(update={"messages": waiting})


def command_applied(
    before: SubscriptionState,
    after: SubscriptionState,
    command_id: str,
    now: datetime,
    *,
    result: ChangeResult | None = None,
    invoice_id: str | None = None,
    content: str | None = None,
) -> SubscriptionState:
    """Remembers a command's effect, so that its repetition is answered and not repeated.

    `content` is a hash of what it asked for (`billing.commands.check_not_reused`). The messages
    that it led to are sent once per command, also after a reset.
    """
    applied = AppliedCommand(
        command_id=command_id,
        applied_at=now,
        revision=after.revision,
        result=result,
        invoice_id=invoice_id,
        content=content,
    )
    told = tuple(
        message
        if message in before.messages
        else message.model_copy(update={"key": effect_key(message.key, command_id)})
        for message in after.messages
    )
    remembered = (*after.applied, applied)[-REMEMBERED_COMMANDS:]
    return after.model_copy(update={"applied": remembered, "messages": told})


def clock_moved(state: SubscriptionState, frozen_at: datetime) -> SubscriptionState:
    """The test clock may run up to `frozen_at`; it never goes back."""
    if state.clock.frozen_at is None or frozen_at <= state.clock.frozen_at:
        return state
    clock = state.clock.model_copy(update={"frozen_at": frozen_at})
    return state.model_copy(update={"clock": clock})


def created(state: SubscriptionState) -> SubscriptionState:
    """The first state worth recording."""
    return state.changed()


def reserved(state: SubscriptionState) -> SubscriptionState:
    """The same, one revision on: the number between is left for an effect that is under way."""
    return state.changed()


def revised(state: SubscriptionState, stored_revision: int) -> SubscriptionState:
    """Raised above what storage has seen, after an interleaved command."""
    return state.model_copy(update={"revision": max(state.revision, stored_revision) + 1})
