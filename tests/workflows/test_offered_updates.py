"""What the page offers is what the rules allow, and what is copied from it is understood."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from billing import (
    change,
    changing,
    closing,
    commands,
    giving_up,
    migrating,
    pausing,
    receiving,
    settlement,
)
from billing.change import ChangeKind
from billing.errors import Conflict
from billing.received_payment import ReceivedBy, ReportedPayment
from billing.subscription import CommandName, SubscriptionState
from tests.workflows.situations import NOW, SITUATIONS, active, past_due
from workflows.concerns import final_action_at
from workflows.messages import UPDATES, Cancel, CancelMode, ExtendGrace
from workflows.offered_updates import OfferedUpdate, offered_updates

_NOT_OFFERED = {
    CommandName.RETRY,
    CommandName.PLAN_MIGRATION,
    CommandName.CHARGE,
    CommandName.REDEEM_COUPON,
}
"""Offered where there is something to retry, and harmless elsewhere; given to many at once; nobody
else's to fill in."""


_FACTS = {
    CommandName.RECORD_PAYMENT: {"received_at": "2026-01-17T09:30:00Z", "reference": "R-1"},
}
"""What only a bank statement says, and nobody else can fill in."""


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_offered_is_what_the_rules_allow(situation: str) -> None:
    state = SITUATIONS[situation]()
    offered = {offer.command for offer in offered_updates(state, problem=None)}
    allowed = {command for command in CommandName if _is_allowed(state, command)}
    assert offered == allowed - _NOT_OFFERED


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_copied_is_understood_once_a_name_and_a_reason_are_filled_in(
    situation: str,
) -> None:
    state = SITUATIONS[situation]()
    for offer in offered_updates(state, problem="something"):
        copied = json.loads(offer.input(state))
        with pytest.raises(ValidationError) as refused:
            offer.kind.model_validate(copied)
        missing = {error["loc"][-1] for error in refused.value.errors()}
        facts = _FACTS.get(offer.command, {})
        assert missing == {"id", "reason", *facts}
        command = offer.kind.model_validate(_signed(copied) | facts)
        assert command.actor.id == "ada"
        assert UPDATES[type(command)] == offer.update


@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_line_of_what_is_copied_is_cut_off_by_the_page(situation: str) -> None:
    state = SITUATIONS[situation]()
    lines = [
        line
        for offer in offered_updates(state, problem="something")
        for line in offer.input(state).splitlines()
    ]
    assert [line for line in lines if len(line) > 66] == []


def test_a_week_more_is_a_week_after_the_final_action_and_is_granted() -> None:
    state = past_due()
    [grace] = _offers(state, CommandName.EXTEND_GRACE)
    command = grace.kind.model_validate(_signed(json.loads(grace.input(state))))
    assert isinstance(command, ExtendGrace)
    ends_at = final_action_at(state)
    assert ends_at is not None
    assert (command.until - ends_at).days == 7
    extended = giving_up.grace_extended(state, command.until, NOW)
    assert final_action_at(extended) == command.until


def test_the_id_of_a_command_belongs_to_what_the_page_shows() -> None:
    state = active()
    [before] = _offers(state, CommandName.CANCEL_NOW)
    assert before.input(state) == before.input(state)
    assert before.input(state) != before.input(state.changed())
    ids = [json.loads(o.input(state))["command_id"] for o in offered_updates(state, problem="x")]
    assert len(set(ids)) == len(ids)


def test_a_retry_is_offered_first_where_something_failed() -> None:
    first = next(iter(offered_updates(active(), problem="something")))
    assert (first.command, first.update) == (CommandName.RETRY, "retry_now")


def test_the_two_ways_to_cancel_are_one_update() -> None:
    state = active()
    at_end, now = (
        o.kind.model_validate(_signed(json.loads(o.input(state))))
        for o in offered_updates(state, problem=None)
        if o.update == "cancel"
    )
    assert isinstance(at_end, Cancel)
    assert isinstance(now, Cancel)
    assert (at_end.mode, now.mode) == (CancelMode.AT_PERIOD_END, CancelMode.NOW)


def _offers(state: SubscriptionState, command: CommandName) -> list[OfferedUpdate]:
    return [offer for offer in offered_updates(state, problem=None) if offer.command is command]


def _signed(copied: dict[str, Any]) -> dict[str, Any]:
    return copied | {"actor": {"kind": "operator", "id": "ada"}, "reason": "they asked"}


def _is_allowed(state: SubscriptionState, command: CommandName) -> bool:
    """Whether the rules take the command, given what fits best in its arguments."""
    try:
        commands.check_command(state, command)
        _do(state, command)
    except Conflict:
        return False
    return True


def _do(state: SubscriptionState, command: CommandName) -> None:  # noqa: C901, PLR0912 - one line each
    match command:
        case CommandName.CANCEL_AT_PERIOD_END:
            commands.cancel_at_period_end(state, NOW)
        case CommandName.CANCEL_NOW | CommandName.UNDO_CANCEL | CommandName.RETRY:
            pass
        case CommandName.EXTEND_TRIAL:
            assert state.trial is not None
            later = state.trial.end.replace(year=2027)
            commands.trial_extended(state, later, NOW)
        case CommandName.CHANGE:
            kind = ChangeKind.UPGRADE if _waits_for_its_end(state) else ChangeKind.DECREASE
            change.check_allowed(state, kind)
        case CommandName.UNDO_CHANGE:
            changing.change_undone(state, NOW)
        case CommandName.PLAN_MIGRATION:
            pass
        case CommandName.UNDO_MIGRATION:
            plan = state.migration
            migrating.undone(state, "" if plan is None else plan.migration_id, NOW)
        case CommandName.PAUSE:
            pausing.paused(state, None, NOW)
        case CommandName.RESUME:
            if state.pause is None or state.pause.resumes_at is None:
                raise Conflict("waits_for_a_method", "only a payment method ends it")
            pausing.resumed(state, NOW)
        case CommandName.PAY_NOW:
            settlement.pay_now(state, NOW, customer_present=False)
        case CommandName.RECORD_PAYMENT:
            _of_the_first(state)
        case CommandName.EXTEND_GRACE:
            ends_at = final_action_at(state)
            if ends_at is None:
                raise Conflict("nothing_to_extend", "nothing is dunned")
            giving_up.grace_extended(state, ends_at.replace(day=28), NOW)
        case CommandName.WAIVE_INVOICE:
            owed = (i.invoice_id for i in state.open_invoices if not i.given_up)
            closing.invoice_waived(state, next(owed, ""))
        case CommandName.MARK_UNCOLLECTIBLE:
            owed = (i.invoice_id for i in state.open_invoices if not i.given_up)
            closing.invoice_uncollectible(state, next(owed, ""))


def _of_the_first(state: SubscriptionState) -> None:
    owed = next((i for i in state.open_invoices if not i.given_up), None)
    if owed is None:
        raise Conflict("invoice_not_open", "nothing is open")
    reported = ReportedPayment(
        amount=owed.amount, received_at=NOW, method=ReceivedBy.CHECK, reference="R-1"
    )
    receiving.check_recordable(state, owed.invoice_id, reported, NOW)


def _waits_for_its_end(state: SubscriptionState) -> bool:
    return state.cancellation is not None or state.pending_change is not None
