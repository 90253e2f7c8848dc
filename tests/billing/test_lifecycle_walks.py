"""Random lives of a subscription: whatever happens in whatever order, these things hold."""

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from billing import commands, lifecycle, settlement
from billing.agenda import ActionKind, NextAction, agenda, next_action
from billing.decline import Decline
from billing.errors import Conflict, InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.payment import (
    ActionRequired,
    CollectionOutcome,
    Declined,
    NoPaymentMethod,
    Paid,
    Processing,
)
from billing.subscription import CommandName, EndReason, OpenInvoice, SubscriptionState
from tests.billing.subscriptions import CREATED, EIGHTY_DOLLARS, billed, incomplete, terms

outcomes: st.SearchStrategy[CollectionOutcome] = st.sampled_from(
    [
        Paid(amount=EIGHTY_DOLLARS, paid_at=CREATED),
        Declined(decline=Decline(code="card_declined", decline_code="insufficient_funds")),
        Declined(decline=Decline(code="card_declined", decline_code="stolen_card")),
        ActionRequired(url="https://bank.example.com"),
        Processing(),
        NoPaymentMethod(),
    ]
)
intervals = st.sampled_from(
    [
        Interval(unit=IntervalUnit.WEEK),
        Interval(unit=IntervalUnit.MONTH),
        Interval(unit=IntervalUnit.YEAR),
    ]
)
fractions = st.fractions(min_value=0, max_value=1, max_denominator=24)


class Life(RuleBasedStateMachine):
    """One subscription; what is due is done on time, commands come in between."""

    state: SubscriptionState
    now: datetime

    @initialize(interval=intervals, trial_days=st.none() | st.integers(1, 40))
    def begins(self, interval: Interval, trial_days: int | None) -> None:
        self.state = incomplete(terms(trial_days=trial_days, interval=interval))
        self.now = CREATED
        self.before: SubscriptionState = self.state
        self.periods: list[tuple[datetime, datetime]] = []
        self.told: dict[str, str] = {}

    def _becomes(self, state: SubscriptionState) -> None:
        self.before, self.state = self.state, state
        for message in state.messages:
            content = message.model_dump_json()
            assert self.told.setdefault(message.key, content) == content
        for message in state.messages:
            self.state = lifecycle.message_handed_over(self.state, message.key)

    @rule(part=fractions)
    def time_passes(self, part: float) -> None:
        due = next_action(self.state)
        ahead = timedelta(days=3) if due is None else max(due.at - self.now, timedelta(0))
        self.now += ahead * float(part)

    @precondition(lambda self: next_action(self.state) is not None)
    @rule(outcome=outcomes, has_method=st.booleans(), family_taken=st.booleans())
    def the_next_thing_happens(
        self, *, outcome: CollectionOutcome, has_method: bool, family_taken: bool
    ) -> None:
        action = next_action(self.state)
        assert action is not None
        self.now = max(self.now, action.at)
        self._becomes(
            self._after(action, outcome, has_method=has_method, family_taken=family_taken)
        )

    def _after(
        self,
        action: NextAction,
        outcome: CollectionOutcome,
        *,
        has_method: bool,
        family_taken: bool,
    ) -> SubscriptionState:
        state, now = self.state, self.now
        match action.kind:
            case ActionKind.VOID_INVOICES:
                after = self._voided(outcome)
            case ActionKind.ACTIVATE:
                after = self._activated(outcome, family_taken=family_taken)
            case ActionKind.COLLECT:
                after = settlement.collected(state, action.invoice_id or "", outcome, now)
            case ActionKind.GIVE_UP:
                after = lifecycle.ended_with_message(state, EndReason.PAYMENT_FAILED, now)
            case ActionKind.EXPIRE_CHECKOUT:
                after = lifecycle.ended(state, EndReason.CHECKOUT_EXPIRED, now)
            case ActionKind.NOTIFY_TRIAL_END:
                after = lifecycle.trial_end_noticed(state, now)
            case ActionKind.CANCEL:
                after = lifecycle.ended(state, EndReason.REQUESTED, now)
            case ActionKind.CONVERT_TRIAL if not has_method:
                after = lifecycle.ended_with_message(state, EndReason.NO_PAYMENT_METHOD, now)
            case ActionKind.CONVERT_TRIAL | ActionKind.RENEW:
                after = self._billed()
        return after

    def _billed(self) -> SubscriptionState:
        state = billed(self.state, self.now)
        assert state.period is not None
        self.periods.append((state.period.start, state.period.end))
        return state

    def _activated(self, outcome: CollectionOutcome, *, family_taken: bool) -> SubscriptionState:
        if self.state.open_invoices:
            oldest = self.state.open_invoices[0].invoice_id
            return settlement.collected(self.state, oldest, outcome, self.now)
        if family_taken:
            return lifecycle.ended(self.state, EndReason.FAMILY_TAKEN, self.now)
        if self.state.terms.trial is not None:
            state = lifecycle.trial_started(self.state, lifecycle.first_trial(self.state, self.now))
            assert state.trial is not None
            self.periods.append((state.trial.start, state.trial.end))
            return state
        return self._billed()

    def _voided(self, outcome: CollectionOutcome) -> SubscriptionState:
        """All are closed, except that a bank may still be at work on the first."""
        ids = [invoice.invoice_id for invoice in self.state.open_invoices]
        slow = ids[:1] if isinstance(outcome, Processing) else []
        return settlement.invoices_closed(
            self.state, closed=ids[len(slow) :], processing=slow, now=self.now
        )

    @rule()
    def the_checkout_is_completed(self) -> None:
        self._becomes(lifecycle.checkout_completed(self.state, self.now))

    @rule()
    def the_payment_method_changes(self) -> None:
        self._becomes(settlement.payment_method_changed(self.state, self.now))

    def _unfinished(self) -> list[OpenInvoice]:
        return [i for i in self.state.open_invoices if i.in_processing or i.action_url]

    @precondition(lambda self: bool(self._unfinished()))
    @rule()
    def the_gateway_has_news(self) -> None:
        invoice = self._unfinished()[0]
        self._becomes(settlement.payment_news(self.state, invoice.invoice_id, self.now))

    @rule(command=st.sampled_from(CommandName), days=st.integers(-1, 800))
    def somebody_commands(self, command: CommandName, days: int) -> None:
        before = self.state.model_dump_json()
        try:
            after = self._commanded(command, days)
        except (Conflict, InvalidInput):
            assert self.state.model_dump_json() == before
        else:
            assert not self.state.has_ended
            self._becomes(after)

    def _commanded(self, command: CommandName, days: int) -> SubscriptionState:
        match command:
            case CommandName.CANCEL_AT_PERIOD_END:
                return commands.cancel_at_period_end(self.state, self.now)
            case CommandName.CANCEL_NOW:
                return commands.cancel_now(self.state, self.now)
            case CommandName.UNDO_CANCEL:
                return commands.cancel_undone(self.state, self.now)
            case CommandName.EXTEND_TRIAL:
                end = self.now + timedelta(days=days)
                extended = commands.trial_extended(self.state, end, self.now)
                self.periods[-1] = (self.periods[-1][0], end)
                return extended
            case _:
                commands.check_command(self.state, command)
                return self.state

    @invariant()
    def an_ended_subscription_stays_ended(self) -> None:
        if self.before.has_ended:
            assert self.state.status is self.before.status
            assert self.state.ended_at == self.before.ended_at
            assert self.state.end_reason is self.before.end_reason
            assert self.state.period == self.before.period

    @invariant()
    def an_end_has_its_time_and_reason(self) -> None:
        assert (self.state.ended_at is not None) is self.state.has_ended
        assert (self.state.end_reason is not None) is self.state.has_ended

    @invariant()
    def the_revision_grows_with_every_change(self) -> None:
        silent = {"messages": (), "applied": (), "revision": 0}
        same = self.state.model_copy(update=silent) == self.before.model_copy(update=silent)
        if same:
            assert self.state.revision >= self.before.revision
        else:
            assert self.state.revision > self.before.revision

    @invariant()
    def the_agenda_is_in_order_and_not_in_the_past(self) -> None:
        actions = agenda(self.state)
        assert [action.at for action in actions] == sorted(action.at for action in actions)
        for action in actions:
            if action.kind not in _MAY_BE_LATE:
                assert action.at >= self.now

    @invariant()
    def a_running_subscription_has_one_way_on(self) -> None:
        kinds = [action.kind for action in agenda(self.state)]
        ways = [kind for kind in kinds if kind in _BOUNDARIES]
        is_running = self.state.period is not None and not self.state.has_ended
        is_activated = is_running and self.state.status != "incomplete"
        assert len(ways) == (1 if is_activated else 0)

    @invariant()
    def an_ended_subscription_bills_nothing(self) -> None:
        if self.state.has_ended:
            kinds = {action.kind for action in agenda(self.state)}
            assert kinds <= {ActionKind.VOID_INVOICES, ActionKind.COLLECT}

    @invariant()
    def periods_follow_one_another(self) -> None:
        for (_, end), (start, _) in zip(self.periods, self.periods[1:], strict=False):
            assert end == start

    @invariant()
    def every_attempt_counts_once_and_the_ladder_holds(self) -> None:
        for invoice in self.state.open_invoices:
            assert invoice.rungs_used <= invoice.attempts_made
            assert invoice.rungs_used <= self.state.terms.dunning.attempts

    @invariant()
    def the_state_survives_being_written_and_read(self) -> None:
        written = self.state.model_dump_json()
        assert SubscriptionState.model_validate_json(written) == self.state


_BOUNDARIES = {ActionKind.CANCEL, ActionKind.CONVERT_TRIAL, ActionKind.RENEW}
_MAY_BE_LATE = {
    ActionKind.EXPIRE_CHECKOUT,  # a bank answered after the checkout's end
    ActionKind.GIVE_UP,  # a bank answered after the ladder's end
}

TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
