"""The lifecycle by its figures and refusals; every order of events is walked in `_walks`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from billing import commands, lifecycle, settlement
from billing.agenda import ActionKind, agenda, next_action
from billing.decline import Decline, DeclineKind
from billing.errors import BooksBroken, Conflict, InvalidInput
from billing.message import MessageKind
from billing.payment import (
    ActionRequired,
    AlreadyClosed,
    CollectionOutcome,
    Declined,
    NoPaymentMethod,
    Paid,
    Processing,
)
from billing.subscription import (
    LEGAL_COMMANDS,
    CommandName,
    EndReason,
    SubscriptionState,
    SubscriptionStatus,
)
from tests.billing.subscriptions import (
    CREATED,
    EIGHTY_DOLLARS,
    billed,
    incomplete,
    terms,
    trialing,
)

TRIAL_END = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
PAID = Paid(amount=EIGHTY_DOLLARS, paid_at=TRIAL_END)
SOFT = Declined(decline=Decline(code="card_declined", decline_code="insufficient_funds"))
HARD = Declined(decline=Decline(code="card_declined", decline_code="stolen_card"))
LINK = ActionRequired(url="https://bank.example.com")


def _renewed() -> SubscriptionState:
    return billed(trialing(), TRIAL_END)


def _collected(
    state: SubscriptionState, outcome: CollectionOutcome, now: datetime = TRIAL_END
) -> SubscriptionState:
    return settlement.collected(state, state.open_invoices[0].invoice_id, outcome, now)


def _active() -> SubscriptionState:
    return _collected(_renewed(), PAID)


def _in_every_status() -> list[SubscriptionState]:
    past_due = _collected(_renewed(), SOFT)
    return [
        incomplete(),
        lifecycle.ended(incomplete(), EndReason.CHECKOUT_EXPIRED, CREATED),
        trialing(),
        _active(),
        past_due,
        past_due.model_copy(update={"status": SubscriptionStatus.UNPAID}),
        past_due.model_copy(update={"status": SubscriptionStatus.PAUSED}),
        commands.cancel_now(_active(), TRIAL_END),
    ]


def test_a_trial_charges_nothing_before_its_end_and_then_from_its_anchor() -> None:
    state = trialing()
    assert state.status is SubscriptionStatus.TRIALING
    assert state.open_invoices == ()
    starts = []
    for _ in range(4):
        assert state.period is not None
        now = state.period.end
        state = _collected(billed(state, now), PAID, now)
        assert state.period is not None
        starts.append(state.period.start)
    assert starts == [
        datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
        datetime(2026, 2, 28, 9, 30, tzinfo=UTC),
        datetime(2026, 3, 31, 9, 30, tzinfo=UTC),
        datetime(2026, 4, 30, 9, 30, tzinfo=UTC),
    ]


def test_a_trial_canceled_in_it_owes_nothing_and_tells_once() -> None:
    canceled_at = datetime(2026, 1, 25, 12, 0, tzinfo=UTC)
    state = commands.cancel_at_period_end(trialing(), canceled_at)
    ended = lifecycle.ended(state, EndReason.REQUESTED, TRIAL_END)
    assert ended.open_invoices == ()
    assert ended.last_invoice_id is None
    (message,) = ended.messages
    assert message.kind is MessageKind.SUBSCRIPTION_CANCELED
    assert message.effective_at == TRIAL_END
    assert agenda(ended) == ()


def test_boundaries_missed_in_an_outage_are_billed_one_by_one_for_their_own_periods() -> None:
    anchor = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
    back_at = datetime(2026, 4, 21, 8, 0, tzinfo=UTC)
    state = _collected(billed(incomplete(), anchor), PAID, anchor)
    periods = []
    while (due := next_action(state)) is not None and due.at <= back_at:
        assert due.kind is ActionKind.RENEW
        state = billed(state, back_at)
        assert state.period is not None
        periods.append(state.period.start.date().isoformat())
        assert state.open_invoices[0].due_at == back_at or state.period.end > back_at
        state = _collected(state, PAID, back_at)
    assert periods == ["2026-02-15", "2026-03-15", "2026-04-15"]
    assert state.anchor_at == anchor


def test_the_first_payment_comes_before_activation() -> None:
    state = billed(lifecycle.checkout_completed(incomplete(), CREATED), CREATED)
    assert state.status is SubscriptionStatus.INCOMPLETE
    refused = _collected(state, HARD, CREATED)
    assert refused.status is SubscriptionStatus.INCOMPLETE
    assert refused.activation_refused
    assert refused.messages == ()
    assert [action.kind for action in agenda(refused)] == [ActionKind.EXPIRE_CHECKOUT]
    again = lifecycle.checkout_completed(refused, CREATED + timedelta(minutes=1))
    active = _collected(again, PAID, CREATED + timedelta(minutes=1))
    assert active.status is SubscriptionStatus.ACTIVE
    assert not active.activation_refused
    assert active.anchor_at == CREATED


def test_a_free_first_period_activates_without_a_payment() -> None:
    free = terms(amount=EIGHTY_DOLLARS - EIGHTY_DOLLARS)
    state = billed(lifecycle.checkout_completed(incomplete(free), CREATED), CREATED)
    assert state.status is SubscriptionStatus.ACTIVE
    assert state.open_invoices == ()


def test_an_outage_is_not_among_the_outcomes_and_a_decline_makes_past_due() -> None:
    state = _collected(_renewed(), SOFT)
    assert state.status is SubscriptionStatus.PAST_DUE
    (invoice,) = state.open_invoices
    assert (invoice.attempts_made, invoice.rungs_used) == (1, 1)
    assert invoice.next_attempt_at == TRIAL_END + timedelta(days=3)


def test_a_recovered_invoice_never_moves_the_anchor() -> None:
    past_due = _collected(_renewed(), SOFT)
    recovered = _collected(past_due, PAID, TRIAL_END + timedelta(days=8))
    assert recovered.status is SubscriptionStatus.ACTIVE
    assert recovered.anchor_at == past_due.anchor_at == TRIAL_END
    assert recovered.period == past_due.period


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (HARD, DeclineKind.HARD),
        (NoPaymentMethod(), DeclineKind.HARD),
        (LINK, DeclineKind.AUTHENTICATION),
    ],
)
def test_what_only_the_customer_can_mend_is_not_retried(
    outcome: CollectionOutcome, kind: DeclineKind
) -> None:
    state = _collected(_renewed(), outcome)
    (invoice,) = state.open_invoices
    assert invoice.next_attempt_at is None
    assert invoice.decline_kind is kind
    assert ActionKind.COLLECT not in [action.kind for action in agenda(state)]


def test_a_new_method_is_tried_at_once_and_consumes_no_attempt() -> None:
    past_due = _collected(_renewed(), SOFT)
    now = TRIAL_END + timedelta(days=1)
    changed = settlement.payment_method_changed(past_due, now)
    assert changed.open_invoices[0].next_attempt_at == now
    declined = _collected(changed, SOFT, now)
    (invoice,) = declined.open_invoices
    assert (invoice.attempts_made, invoice.rungs_used) == (2, 1)
    assert invoice.next_attempt_at == TRIAL_END + timedelta(days=3)


def test_a_new_method_changes_nothing_where_nothing_failed() -> None:
    for state in (_active(), _renewed(), trialing(), commands.cancel_now(_active(), TRIAL_END)):
        assert settlement.payment_method_changed(state, TRIAL_END) is state


def test_a_slow_payment_is_neither_paid_nor_past_due_and_counts_once() -> None:
    waiting = _collected(_renewed(), Processing())
    assert waiting.status is SubscriptionStatus.ACTIVE
    (invoice,) = waiting.open_invoices
    assert (invoice.in_processing, invoice.next_attempt_at) == (True, None)
    later = TRIAL_END + timedelta(days=4)
    told = settlement.payment_news(waiting, invoice.invoice_id, later)
    failed = _collected(told, SOFT, later)
    assert failed.status is SubscriptionStatus.PAST_DUE
    assert failed.open_invoices[0].attempts_made == 1
    assert _collected(told, PAID, later).open_invoices == ()


def test_one_message_is_made_per_attempt() -> None:
    state, now = _renewed(), TRIAL_END
    for days in (0, 3, 8, 15):
        now = TRIAL_END + timedelta(days=days)
        state = _collected(state, SOFT, now)
    assert len(state.messages) == 4
    assert len({message.key for message in state.messages}) == 4
    assert [message.effective_at for message in state.messages] == [
        TRIAL_END + timedelta(days=3),
        TRIAL_END + timedelta(days=8),
        TRIAL_END + timedelta(days=15),
        None,
    ]


def test_canceling_while_past_due_is_immediate() -> None:
    now = TRIAL_END + timedelta(days=1)
    canceled = commands.cancel_at_period_end(_collected(_renewed(), SOFT), now)
    assert (canceled.status, canceled.ended_at) == (SubscriptionStatus.CANCELED, now)
    first = next_action(canceled)
    assert first is not None
    assert first.kind is ActionKind.VOID_INVOICES


def test_an_undone_cancellation_leaves_the_renewal() -> None:
    pending = commands.cancel_at_period_end(_active(), TRIAL_END)
    undone = commands.cancel_undone(pending, TRIAL_END)
    assert agenda(undone) == agenda(_active())
    assert [message.kind for message in undone.messages] == [
        MessageKind.SUBSCRIPTION_CANCELED,
        MessageKind.CANCELLATION_UNDONE,
    ]


def test_an_extended_trial_converts_later_and_is_announced_anew() -> None:
    told = lifecycle.trial_end_noticed(trialing(), TRIAL_END - timedelta(days=3))
    later = TRIAL_END + timedelta(days=7)
    extended = commands.trial_extended(told, later, TRIAL_END - timedelta(days=1))
    notice, conversion = agenda(extended)
    assert (notice.at, conversion.at) == (later - timedelta(days=3), later)
    assert lifecycle.next_billing(extended, later).anchor_at == later
    again = lifecycle.trial_end_noticed(extended, notice.at)
    keys = [message.key for message in again.messages]
    assert len(keys) == len(set(keys)) == 3


def test_a_notice_is_never_planned_into_the_past() -> None:
    now = TRIAL_END - timedelta(hours=1)
    extended = commands.trial_extended(trialing(), TRIAL_END + timedelta(hours=1), now)
    assert extended.trial_notice_at == now


@pytest.mark.parametrize(
    "trial_end",
    [
        TRIAL_END,
        TRIAL_END - timedelta(days=1),
        CREATED + timedelta(days=731),
        datetime(9999, 12, 31, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
    ],
)
def test_a_trial_is_not_extended_out_of_range(trial_end: datetime) -> None:
    with pytest.raises(InvalidInput) as refused:
        commands.trial_extended(trialing(), trial_end, CREATED)
    assert refused.value.code == "trial_end_out_of_range"


def _command(name: CommandName) -> Callable[[SubscriptionState], SubscriptionState]:
    match name:
        case CommandName.CANCEL_AT_PERIOD_END:
            return lambda state: commands.cancel_at_period_end(state, TRIAL_END)
        case CommandName.CANCEL_NOW:
            return lambda state: commands.cancel_now(state, TRIAL_END)
        case CommandName.UNDO_CANCEL:
            return lambda state: commands.cancel_undone(state, TRIAL_END)
        case CommandName.EXTEND_TRIAL:
            later = TRIAL_END + timedelta(days=1)
            return lambda state: commands.trial_extended(state, later, TRIAL_END)
        case _:
            return lambda state: _only_checked(state, name)


def _only_checked(state: SubscriptionState, name: CommandName) -> SubscriptionState:
    commands.check_command(state, name)
    return state


@pytest.mark.parametrize("command", list(CommandName))
@pytest.mark.parametrize("state", _in_every_status(), ids=lambda state: str(state.status))
def test_commands_are_refused_where_the_table_does_not_have_them(
    state: SubscriptionState, command: CommandName
) -> None:
    becomes_cancel_now = (
        command is CommandName.CANCEL_AT_PERIOD_END
        and CommandName.CANCEL_NOW in LEGAL_COMMANDS[state.status]
        and state.status is not SubscriptionStatus.INCOMPLETE
    )
    if command in LEGAL_COMMANDS[state.status] or becomes_cancel_now:
        return
    before = state.model_dump_json()
    with pytest.raises(Conflict) as refused:
        _command(command)(state)
    ended = state.has_ended
    assert refused.value.code == ("subscription_ended" if ended else "command_not_allowed")
    assert state.model_dump_json() == before


def test_commands_have_conditions_of_their_own() -> None:
    pending = commands.cancel_at_period_end(trialing(), CREATED)
    for state, command, code in (
        (trialing(), CommandName.UNDO_CANCEL, "no_pending_cancellation"),
        (pending, CommandName.CANCEL_AT_PERIOD_END, "cancellation_pending"),
        (pending, CommandName.EXTEND_TRIAL, "cancellation_pending"),
    ):
        with pytest.raises(Conflict) as refused:
            _command(command)(state)
        assert refused.value.code == code


def test_an_outcome_of_an_invoice_that_is_not_open_changes_nothing() -> None:
    state = _active()
    for outcome in (PAID, SOFT, Processing(), LINK, AlreadyClosed()):
        assert settlement.collected(state, "in_unknown", outcome, TRIAL_END) is state
    assert settlement.payment_news(state, "in_unknown", TRIAL_END) is state


def test_terms_without_a_trial_start_none() -> None:
    with pytest.raises(BooksBroken):
        lifecycle.first_trial(incomplete(), CREATED)


def test_a_repeated_command_is_remembered_for_fifty_others() -> None:
    state = _active()
    for number in range(51):
        state = lifecycle.command_applied(state, state, f"cmd_{number}", TRIAL_END)
    assert state.applied_command("cmd_0") is None
    assert state.applied_command("cmd_1") is not None
    assert len(state.applied) == lifecycle.REMEMBERED_COMMANDS


def test_a_test_clock_never_goes_back() -> None:
    clock = _active().clock.model_copy(update={"frozen_at": TRIAL_END})
    state = _active().model_copy(update={"clock": clock})
    assert lifecycle.clock_moved(state, TRIAL_END - timedelta(days=1)) is state
    later = TRIAL_END + timedelta(days=1)
    assert lifecycle.clock_moved(state, later).clock.frozen_at == later
    assert lifecycle.clock_moved(_active(), later).clock.frozen_at is None


@pytest.mark.parametrize(("stored", "expected"), [(0, 8), (7, 8), (20, 21)])
def test_a_revision_rises_above_what_storage_has_seen(stored: int, expected: int) -> None:
    state = _active().model_copy(update={"revision": 7})
    assert lifecycle.revised(state, stored).revision == expected


def test_a_trial_runs_from_the_moment_when_the_customer_was_ready() -> None:
    ready = lifecycle.checkout_completed(incomplete(terms(trial_days=14)), CREATED)
    late = CREATED + timedelta(hours=5)
    assert lifecycle.first_trial(ready, late).start == CREATED
