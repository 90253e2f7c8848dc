"""Which updates an operator can send to a subscription now, with the JSON to copy.

Owns the choice, the sentences and the prefilled arguments. The JSON lacks the operator's name and
reason on purpose: it is refused until both are filled in (policy P34). Its command id follows from
the state's revision, so that sending it twice counts once. Does not own legality
(`billing.commands`, `billing.pausing`, `billing.changing`), which is checked again when it arrives.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from billing import changing
from billing.received_payment import ReceivedBy
from billing.subscription import (
    CommandName,
    OpenInvoice,
    SubscriptionState,
    SubscriptionStatus,
)
from workflows.concerns import final_action_at, suspends_at
from workflows.messages import (
    UPDATES,
    AnyCommand,
    Cancel,
    CancelMode,
    ChangeSubscription,
    ExtendGrace,
    ExtendTrial,
    MarkUncollectible,
    PauseSubscription,
    PayNow,
    RecordPayment,
    ResumeSubscription,
    Retry,
    UndoCancel,
    UndoChange,
    UndoMigration,
    WaiveInvoice,
)
from workflows.wording import instant

_WEEK: Final = timedelta(days=7)

Arguments = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedUpdate:
    """One update that would be taken now."""

    command: CommandName
    kind: type[AnyCommand]
    purpose: str
    arguments: Arguments
    """Besides id, actor and reason."""

    @property
    def update(self) -> str:
        """The update's name in the Temporal UI."""
        return UPDATES[self.kind]

    def input(self, state: SubscriptionState) -> str:
        """What to paste, in JSON, without the operator's name and reason."""
        members = {
            "command_id": f"op-{state.revision}-{self.command}",
            "actor": {"kind": "operator", "id": ""},
            "reason": "",
            **self.arguments,
        }
        # One short line each: the page cuts long ones off.
        lines = (f" {json.dumps(name)}: {json.dumps(value)}" for name, value in members.items())
        return "{\n" + ",\n".join(lines) + "\n}"


def offered_updates(state: SubscriptionState, *, problem: str | None) -> Iterator[OfferedUpdate]:
    """What helps first comes first."""
    legal = state.legal_commands
    for offer in _offers(state, problem=problem):
        if offer.command in legal:
            yield offer


def _offers(state: SubscriptionState, *, problem: str | None) -> Iterator[OfferedUpdate]:
    if problem is not None:
        yield OfferedUpdate(
            command=CommandName.RETRY,
            kind=Retry,
            purpose="try what failed again, once its cause is mended",
            arguments={},
        )
    yield from _about_money(state)
    yield from _about_time(state)
    yield from _about_what_is_sold(state)
    yield from _about_the_end(state)


def _about_money(state: SubscriptionState) -> Iterator[OfferedUpdate]:
    payable = [i for i in state.open_invoices if not i.in_processing and not i.given_up]
    if any(invoice.is_chargeable for invoice in payable):
        yield OfferedUpdate(
            command=CommandName.PAY_NOW,
            kind=PayNow,
            purpose="charge everything open at once, outside of the plan of attempts",
            arguments={"customer_present": False},
        )
    ends_at, suspended_at = final_action_at(state), suspends_at(state)
    if ends_at is None and suspended_at is not None:
        yield OfferedUpdate(
            command=CommandName.EXTEND_GRACE,
            kind=ExtendGrace,
            purpose=f"give them a week more; the grace now ends on {instant(suspended_at)}",
            arguments={"until": _json(suspended_at + _WEEK)},
        )
    if ends_at is not None:
        yield OfferedUpdate(
            command=CommandName.EXTEND_GRACE,
            kind=ExtendGrace,
            purpose=f"give them a week more, with one more attempt at its end; dunning now ends on"
            f" {instant(ends_at)}",
            arguments={"until": _json(ends_at + _WEEK)},
        )
    if payable:
        yield _of_a_payment(payable[0])
    waivable = next((i for i in payable if i.for_change is None), None)
    if waivable is not None:
        yield OfferedUpdate(
            command=CommandName.WAIVE_INVOICE,
            kind=WaiveInvoice,
            purpose=f"forget {waivable.amount}: the invoice is voided and no longer owed"
            + _restored(waivable),
            arguments={"invoice_id": waivable.invoice_id},
        )
        yield OfferedUpdate(
            command=CommandName.MARK_UNCOLLECTIBLE,
            kind=MarkUncollectible,
            purpose=f"write {waivable.amount} off as a bad debt: it stays owed, and nothing more is"
            " tried",
            arguments={"invoice_id": waivable.invoice_id},
        )


def _of_a_payment(invoice: OpenInvoice) -> OfferedUpdate:
    return OfferedUpdate(
        command=CommandName.RECORD_PAYMENT,
        kind=RecordPayment,
        purpose="record what came by bank transfer or check: all or a part of"
        f" {invoice.amount}; fill in what the bank statement says",
        arguments={
            "invoice_id": invoice.invoice_id,
            "amount_minor": invoice.amount.amount_minor,
            "currency": invoice.amount.currency,
            "received_at": "",
            "method": ReceivedBy.BANK_TRANSFER.value,
            "reference": "",
        },
    )


def _restored(invoice: OpenInvoice) -> str:
    """What becomes of what was received of it."""
    if invoice.received is None or invoice.is_left_over:
        return ""
    return f", and the {invoice.received} that were received become balance"


def _about_time(state: SubscriptionState) -> Iterator[OfferedUpdate]:
    if state.trial is not None and state.cancellation is None:
        yield OfferedUpdate(
            command=CommandName.EXTEND_TRIAL,
            kind=ExtendTrial,
            purpose="a week more of trial; the first charge moves with it",
            arguments={"trial_end": _json(state.trial.end + _WEEK)},
        )
    if _can_pause(state):
        policy = state.terms.pause
        days = 0 if policy is None else policy.max_days
        yield OfferedUpdate(
            command=CommandName.PAUSE,
            kind=PauseSubscription,
            purpose=f"pause it; without `resumes_at` for {days} days, the longest there is",
            arguments={"resumes_at": None},
        )
    if state.pause is not None and state.pause.resumes_at is not None:
        yield OfferedUpdate(
            command=CommandName.RESUME,
            kind=ResumeSubscription,
            purpose="end the pause now",
            arguments={},
        )


def _can_pause(state: SubscriptionState) -> bool:
    is_owing = not all(invoice.is_left_over for invoice in state.open_invoices)
    waits = state.change or state.pending_change or state.cancellation or is_owing
    return state.terms.pause is not None and not waits


def _about_what_is_sold(state: SubscriptionState) -> Iterator[OfferedUpdate]:
    waits = changing.waits_for_customer(state)
    if state.pending_change is not None or waits:
        yield OfferedUpdate(
            command=CommandName.UNDO_CHANGE,
            kind=UndoChange,
            purpose="give up the change that waits for its customer at the bank"
            if waits
            else "forget the change that waits for the period's end",
            arguments={},
        )
    plan = state.waiting_migration
    if plan is not None:
        yield OfferedUpdate(
            command=CommandName.UNDO_MIGRATION,
            kind=UndoMigration,
            purpose=f"keep the price: it does not change to {plan.target.period_amount}",
            arguments={"migration_id": plan.migration_id},
        )
    if state.change is None:
        late = state.status is SubscriptionStatus.PAST_DUE
        kinds = "only less, at the period's end" if late else "more is charged at once, less waits"
        yield OfferedUpdate(
            command=CommandName.CHANGE,
            kind=ChangeSubscription,
            purpose=f"another `quantity` or `price_id` ({kinds})",
            arguments={
                "expected_version": state.version,
                "request": {"price_id": None, "quantity": state.terms.quantity},
            },
        )


def _about_the_end(state: SubscriptionState) -> Iterator[OfferedUpdate]:
    if state.purchase is not None:
        yield OfferedUpdate(
            command=CommandName.CANCEL_NOW,
            kind=Cancel,
            purpose="call it off: nothing is owed for it, and what a bank pays all the same is"
            " credited",
            arguments={"mode": CancelMode.NOW.value},
        )
        return
    if state.cancellation is not None:
        yield OfferedUpdate(
            command=CommandName.UNDO_CANCEL,
            kind=UndoCancel,
            purpose="forget the cancellation: it goes on",
            arguments={},
        )
    elif state.change is None or changing.waits_for_customer(state):
        yield OfferedUpdate(
            command=CommandName.CANCEL_AT_PERIOD_END,
            kind=Cancel,
            purpose="end it with the running period; can be undone until then",
            arguments={"mode": CancelMode.AT_PERIOD_END.value},
        )
    yield OfferedUpdate(
        command=CommandName.CANCEL_NOW,
        kind=Cancel,
        purpose="end it now; `unused` says what becomes of the time that was paid for: `none`,"
        " `credit` or `refund`",
        arguments={"mode": CancelMode.NOW.value, "unused": "none"},
    )


def _json(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
