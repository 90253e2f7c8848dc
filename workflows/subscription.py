"""A subscription's whole life, as one durable workflow.

Owns the order of things: wait for what is due next, do it, wait again; and commands, taken one at
a time in between. Does not own what is due (`billing.agenda`), what it changes
(`billing.lifecycle`) or how it is done (`activities`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Protocol, TypeVar, assert_never

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.collection import Collect, Collected, VoidInvoices
    from activities.period_billing import (
        BillPeriod,
        NotBilled,
        StartTrial,
    )
    from activities.records import AuditEntry, Record
    from billing import lifecycle
    from billing.agenda import ActionKind, NextAction, agenda, next_action, overdue_boundary
    from billing.errors import PerennialError
    from billing.event import DomainEvent
    from billing.ids import effect_key
    from billing.subscription import (
        CommandName,
        EndReason,
        SubscriptionState,
        SubscriptionStatus,
    )
    from workflows import effects, outcomes, search_attributes, timeouts
    from workflows.description import details_of, timer_summary
    from workflows.messages import (
        SUBSCRIPTION_WORKFLOW,
        ActivationReport,
        Cancel,
        CancelMode,
        CheckoutCompleted,
        ClockMoved,
        Command,
        CommandReceipt,
        ExtendTrial,
        PaymentNews,
        SubscriptionReport,
        SubscriptionStart,
        UndoCancel,
    )


class _StoresState(Protocol):
    """What activities that store a state answer; None where nothing was stored."""

    @property
    def stored_revision(self) -> int | None: ...


OutcomeT = TypeVar("OutcomeT", bound=_StoresState)
Change = Callable[[SubscriptionState, datetime], SubscriptionState]

_SPREAD_ACTIONS = frozenset({ActionKind.RENEW, ActionKind.CONVERT_TRIAL})


@workflow.defn(name=SUBSCRIPTION_WORKFLOW)
class SubscriptionWorkflow:
    """From checkout to the last cent, until nothing is left to do."""

    @workflow.init
    def __init__(self, start: SubscriptionStart) -> None:
        self._state = start.state
        self._saved_revision = start.state.revision
        self._wakes = 0
        self._hurry = False
        self._busy = True
        self._is_collecting = False
        self._unheard: list[Change] = []
        self._lock = asyncio.Lock()
        self._problem: str | None = None
        self._retry_asked = False
        self._attributes = workflow.info().typed_search_attributes

    @workflow.run
    async def run(self, start: SubscriptionStart) -> SubscriptionReport:  # noqa: ARG002 - in init
        """Lives the subscription; returns once it is over and everything is told."""
        messenger = asyncio.create_task(self._deliver_messages())
        if self._state.revision == 0:
            await self._introduce()
        while not self._state.is_finished:
            if self._may_continue_as_new():
                workflow.continue_as_new(SubscriptionStart(state=self._state))
            action = await self._wait_for_due_action()
            if action is not None:
                await self._attempt(action)
        await self._save_what_signals_changed()
        self._busy = False
        self._describe()
        await workflow.wait_condition(workflow.all_handlers_finished)
        messenger.cancel()
        return self.status()

    @workflow.signal
    def checkout_completed(self, _: CheckoutCompleted) -> None:
        """The customer is ready to pay."""
        self._hear(lifecycle.checkout_completed)

    @workflow.signal
    def payment_method_changed(self) -> None:
        """The customer has a new default payment method."""
        self._hear(lifecycle.payment_method_changed)

    @workflow.signal
    def payment_news(self, news: PaymentNews) -> None:
        """The gateway knows more about an unfinished payment."""
        self._hear(lambda state, now: lifecycle.payment_news(state, news.invoice_id, now))

    @workflow.signal
    def clock_moved(self, moved: ClockMoved) -> None:
        """The customer's test clock may run on."""
        self._state = lifecycle.clock_moved(self._state, moved.frozen_at)
        action = next_action(self._state)
        if action is not None and action.at <= self._now():
            self._wakes += 1
        else:
            workflow.set_current_details(details_of(self._state, problem=self._problem))

    @workflow.signal
    def retry(self) -> None:
        """An operator mended what was wrong: try again now."""
        self._retry_asked = True

    @workflow.update
    async def cancel(self, command: Cancel) -> CommandReceipt:
        """Ends the subscription, at its period's end or now."""
        match command.mode:
            case CancelMode.AT_PERIOD_END:
                name, change = CommandName.CANCEL_AT_PERIOD_END, lifecycle.cancel_at_period_end
            case CancelMode.NOW:
                name, change = CommandName.CANCEL_NOW, lifecycle.cancel_now
            case _:
                assert_never(command.mode)
        return await self._command(command, name, change)

    @cancel.validator
    def _check_cancel(self, command: Cancel) -> None:
        self._refuse_once_ended(command)

    @workflow.update
    async def undo_cancel(self, command: UndoCancel) -> CommandReceipt:
        """Forgets a pending cancellation."""
        return await self._command(command, CommandName.UNDO_CANCEL, lifecycle.cancel_undone)

    @undo_cancel.validator
    def _check_undo_cancel(self, command: UndoCancel) -> None:
        self._refuse_once_ended(command)

    @workflow.update
    async def extend_trial(self, command: ExtendTrial) -> CommandReceipt:
        """Moves the trial's end, and with it the first charge."""

        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            return lifecycle.trial_extended(state, command.trial_end, now)

        return await self._command(command, CommandName.EXTEND_TRIAL, change)

    @extend_trial.validator
    def _check_extend_trial(self, command: ExtendTrial) -> None:
        self._refuse_once_ended(command)

    @workflow.update
    async def wait_until_recorded(self) -> ActivationReport:
        """Answers once the subscription can be read from the database."""
        await workflow.wait_condition(lambda: self._saved_revision > 0)
        return self._activation()

    @workflow.update
    async def wait_for_activation(self) -> ActivationReport:
        """Answers once it is known whether the subscription goes live, and stored."""
        await workflow.wait_condition(
            lambda: (
                self._saved_revision > 0
                and not self._busy
                and self._saved_revision >= self._state.revision
                and (
                    self._state.status is not SubscriptionStatus.INCOMPLETE
                    or self._state.checkout_completed_at is None
                )
            )
        )
        return self._activation()

    @workflow.query
    def status(self) -> SubscriptionReport:
        """Everything about the subscription now."""
        return SubscriptionReport(
            state=self._state,
            is_idle=not self._busy and not self._state.messages,
            next_actions=agenda(self._state),
            problem=self._problem,
        )

    def _now(self) -> datetime:
        return self._state.clock.read(workflow.now())

    def _activation(self) -> ActivationReport:
        return ActivationReport(
            status=self._state.status,
            refused=self._state.activation_refused,
            revision=self._state.revision,
        )

    def _hear(self, change: Change) -> None:
        """What is said while a payment is under way counts after it: its result would undo it."""
        self._retry_asked = True  # even where it changes nothing, it may mend what was wrong
        if self._is_collecting:
            self._unheard.append(change)
        else:
            self._take(change(self._state, self._now()))

    def _take(self, state: SubscriptionState) -> None:
        if state is self._state:
            return
        self._state = state
        self._wakes += 1

    async def _introduce(self) -> None:
        self._state = lifecycle.created(self._state)
        await self._save(self._event("subscription.created", self._state.subscription_id))

    async def _wait_for_due_action(self) -> NextAction | None:
        """The action that is due, or None after something changed in the meantime."""
        action, seen = next_action(self._state), self._wakes
        wait = timedelta.max if action is None else self._wait_before(action)
        if action is not None and wait <= timedelta(0) and action.at <= self._now():
            return action
        if self._saved_revision < self._state.revision:
            await self._save_what_signals_changed()
            return None
        self._hurry = self._busy = False
        self._describe()
        timer_ends = action is not None and wait > timedelta(0)
        try:
            await workflow.wait_condition(
                lambda: (
                    self._wakes != seen or self._state.is_finished or self._may_continue_as_new()
                ),
                timeout=wait if timer_ends else None,
                timeout_summary=timer_summary(action) if action is not None else None,
            )
        except TimeoutError:
            workflow.logger.debug("timer.fired")
        self._busy = True
        return None

    def _wait_before(self, action: NextAction) -> timedelta:
        """Not before its due time (policy P9); renewals of many are spread after it."""
        spread = timedelta(0)
        if action.kind in _SPREAD_ACTIONS and not self._hurry and not self._state.clock.is_test:
            spread = _spread(self._state.subscription_id)
        return action.at + spread - (workflow.now() + self._state.clock.offset)

    async def _attempt(self, action: NextAction) -> None:
        """Does what is due; what can never succeed waits for an operator, and is not dropped."""
        self._retry_asked = False
        try:
            await self._perform(action)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await self._wait_for_operator(error)
        else:
            self._problem = None

    async def _wait_for_operator(self, error: ActivityError) -> None:
        self._problem = str(error.cause or error)
        seen = self._wakes
        self._describe()
        workflow.logger.error("subscription.needs_operator", extra={"problem": self._problem})
        try:
            await workflow.wait_condition(
                lambda: self._retry_asked or self._wakes != seen,
                timeout=timeouts.OPERATOR_PATIENCE,
                timeout_summary="try again without an operator",
            )
        except TimeoutError:
            return

    async def _perform(self, action: NextAction) -> None:
        match action.kind:
            case ActionKind.ACTIVATE:
                await self._activate(action)
            case ActionKind.CONVERT_TRIAL | ActionKind.RENEW:
                await self._bill(action)
            case ActionKind.COLLECT:
                await self._collect(action)
            case ActionKind.VOID_INVOICES:
                await self._void_invoices()
            case ActionKind.NOTIFY_TRIAL_END:
                await self._change(action, lifecycle.trial_end_noticed, "trial_will_end")
            case ActionKind.CANCEL:
                await self._end(action, EndReason.REQUESTED)
            case ActionKind.EXPIRE_CHECKOUT:
                await self._end(action, EndReason.CHECKOUT_EXPIRED)
            case ActionKind.GIVE_UP:
                await self._end(action, EndReason.PAYMENT_FAILED)
            case _:
                assert_never(action.kind)

    async def _activate(self, action: NextAction) -> None:
        """A trial begins without money; otherwise the first payment comes first."""
        if self._state.open_invoices:
            oldest = self._state.open_invoices[0].invoice_id
            await self._collect(action.model_copy(update={"invoice_id": oldest}))
        elif self._state.terms.trial is not None:
            await self._start_trial(action)
        else:
            await self._bill(action)

    async def _start_trial(self, action: NextAction) -> None:
        async with self._lock:
            if next_action(self._state) != action:
                return
            now = self._now()
            outcome = await self._effect(
                lambda state: effects.start_trial(StartTrial(state=state, now=now)),
                lambda state, outcome: outcomes.after_trial_start(state, outcome, now),
            )
            if isinstance(outcome, NotBilled):
                await self._save_refusal()

    async def _bill(self, action: NextAction) -> None:
        async with self._lock:
            if next_action(self._state) != action:
                return
            now = self._now()
            outcome = await self._effect(
                lambda state: effects.bill_period(BillPeriod(state=state, now=now)),
                lambda state, outcome: outcomes.after_billing(state, outcome, now),
            )
            if isinstance(outcome, NotBilled):
                await self._save_refusal()

    async def _save_refusal(self) -> None:
        await self._save(
            self._event(f"subscription.{self._state.status}", self._state.subscription_id)
        )

    async def _collect(self, action: NextAction) -> None:
        """Without the lock: a gateway's outage must not keep commands waiting."""
        invoice_id, now = action.invoice_id or "", self._now()
        had_ended = self._state.has_ended
        try:
            with self._payment_under_way():
                await self._effect(
                    lambda state: self._collect_until_ended(
                        Collect(state=state, invoice_id=invoice_id, now=now), action.reason
                    ),
                    lambda state, done: lifecycle.collected(state, invoice_id, done.outcome, now),
                )
        except ActivityError:
            if had_ended or not self._state.has_ended:
                raise

    async def _collect_until_ended(self, request: Collect, summary: str) -> Collected:
        """Nobody is charged for what was cancelled while the gateway was out of reach (P20)."""
        collecting = effects.collect(request, summary=summary)
        if not request.state.has_ended:
            await workflow.wait_condition(lambda: collecting.done() or self._state.has_ended)
            if not collecting.done():
                collecting.cancel()
        return await collecting

    async def _void_invoices(self) -> None:
        now = self._now()
        with self._payment_under_way():
            await self._effect(
                lambda state: effects.void_invoices(VoidInvoices(state=state, now=now)),
                lambda state, voided: lifecycle.invoices_closed(
                    state,
                    closed=voided.closed_invoice_ids,
                    processing=voided.processing_invoice_ids,
                ),
            )

    @contextmanager
    def _payment_under_way(self) -> Iterator[None]:
        """What is heard in the meantime is taken in afterwards, however it ends."""
        self._is_collecting = True
        try:
            yield
        finally:
            self._is_collecting = False
            unheard, self._unheard = self._unheard, []
            for change in unheard:
                self._take(change(self._state, self._now()))

    async def _end(self, action: NextAction, reason: EndReason) -> None:
        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            if reason is EndReason.PAYMENT_FAILED:
                return lifecycle.ended_with_message(state, reason, now)
            return lifecycle.ended(state, reason, min(now, action.at))

        await self._change(action, change, "ended")

    async def _change(self, action: NextAction, change: Change, happened: str) -> None:
        """A change without money: stored with its event."""
        async with self._lock:
            if next_action(self._state) != action:
                return
            self._state = change(self._state, self._now())
            subject = f"{self._state.subscription_id}:{action.at:%Y%m%dT%H%M%S}"
            kind = f"subscription.{self._state.status if self._state.has_ended else happened}"
            await self._save(self._event(kind, subject))

    async def _command(self, command: Command, name: CommandName, change: Change) -> CommandReceipt:
        """Takes effect once per command id; a repetition gets the same receipt."""
        await self._catch_up()
        async with self._lock:
            if self._state.applied_command(command.command_id) is None:
                now = self._now()
                try:
                    after = change(self._state, now)
                except PerennialError as error:
                    raise _refusal(error) from error
                self._take(lifecycle.command_applied(after, command.command_id, now))
                subject = f"{self._state.subscription_id}:{command.command_id}"
                await self._save(
                    self._event(f"subscription.{name}", subject),
                    audit=AuditEntry(
                        command_id=command.command_id,
                        command=name,
                        actor=command.actor,
                        reason=command.reason,
                        at=now,
                    ),
                )
        return self._receipt(command)

    async def _catch_up(self) -> None:
        """A period that ended before the command came is dealt with before it (policy P7)."""
        if overdue_boundary(self._state, self._now()):
            self._hurry = True
            self._wakes += 1
            await workflow.wait_condition(
                lambda: not overdue_boundary(self._state, self._now()) or self._problem is not None
            )

    def _receipt(self, command: Command) -> CommandReceipt:
        applied = self._state.applied_command(command.command_id)
        if applied is None:
            raise ApplicationError(
                "the command was applied too long ago to be repeated", type="command_forgotten"
            )
        return CommandReceipt(
            command_id=applied.command_id,
            subscription_id=self._state.subscription_id,
            applied_at=applied.applied_at,
            revision=applied.revision,
        )

    def _refuse_once_ended(self, command: Command) -> None:
        """Early and without an event in the history; everything else is checked when applied."""
        if self._state.has_ended and self._state.applied_command(command.command_id) is None:
            raise ApplicationError(
                "the subscription has ended", "Conflict", type="subscription_ended"
            )

    async def _effect(
        self,
        run: Callable[[SubscriptionState], Awaitable[OutcomeT]],
        change: Callable[[SubscriptionState, OutcomeT], SubscriptionState],
    ) -> OutcomeT:
        """Runs an activity that stores the state it leads to, and follows it here.

        The revision that the activity stores is reserved before it starts, so that a command in
        the meantime stores a higher one. Then, and after a reset, the state is stored again.
        """
        asked = self._state
        self._state = lifecycle.reserved(asked)
        outcome = await run(asked)
        was_alone = self._state.revision == asked.revision + 1
        self._state = change(self._state, outcome)
        if was_alone and outcome.stored_revision == asked.revision + 1:
            self._saved_revision = asked.revision + 1
            self._state = self._state.model_copy(update={"revision": self._saved_revision})
        elif outcome.stored_revision is not None:
            self._state = lifecycle.revised(self._state, outcome.stored_revision)
        return outcome

    async def _save(self, *events: DomainEvent, audit: AuditEntry | None = None) -> None:
        """Stores the present state; above whatever a run before a reset has stored."""
        while True:
            saving = self._state
            recorded = await effects.record(Record(state=saving, events=events, audit=audit))
            if recorded.ended_at is not None:
                reason = recorded.end_reason or EndReason.REQUESTED
                self._take(lifecycle.ended(self._state, reason, recorded.ended_at))
            if recorded.stored_revision <= max(saving.revision, self._saved_revision):
                self._saved_revision = max(saving.revision, self._saved_revision)
                return
            self._state = lifecycle.revised(self._state, recorded.stored_revision)

    async def _save_what_signals_changed(self) -> None:
        """A command stores what it changed by itself, and is waited for."""
        async with self._lock:
            if self._saved_revision < self._state.revision:
                await self._save()

    async def _deliver_messages(self) -> None:
        """Beside everything else: a mail server that is down must not stop billing."""
        while True:
            await workflow.wait_condition(lambda: bool(self._state.messages))
            message = self._state.messages[0]
            try:
                await effects.notify(message)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                self._problem = f"{message.key} was not delivered: {error.cause or error}"
                workflow.logger.exception("message.undeliverable", extra={"key": message.key})
                self._describe()
            self._state = lifecycle.message_handed_over(self._state, message.key)

    def _may_continue_as_new(self) -> bool:
        """Whether a new run is due, with everything stored and told and nobody being answered.

        Asked at every turn and never waited for in place: a command may itself be waiting for what
        the run does next, and a mail server that is down must not stop billing.
        """
        return (
            workflow.info().is_continue_as_new_suggested()
            and workflow.all_handlers_finished()
            and not self._lock.locked()
            and not self._state.messages
            and self._saved_revision >= self._state.revision
        )

    def _event(self, kind: str, subject: str) -> DomainEvent:
        return DomainEvent(
            key=effect_key(kind, subject),
            type=kind,
            at=self._now(),
            customer_id=self._state.customer_id,
            subscription_id=self._state.subscription_id,
            details={"status": self._state.status.value},
        )

    def _describe(self) -> None:
        """What operators see and search for, brought up to date before every wait."""
        workflow.set_current_details(details_of(self._state, problem=self._problem))
        attributes = search_attributes.search_attributes(
            self._state, needs_operator=self._problem is not None
        )
        updates = search_attributes.changes(self._attributes, attributes)
        if updates:
            workflow.upsert_search_attributes(updates)
            self._attributes = attributes


def _refusal(error: PerennialError) -> ApplicationError:
    """The class name comes first in the details, so that callers can tell a conflict."""
    return ApplicationError(error.message, type(error).__name__, type=error.code)


def _spread(subscription_id: str) -> timedelta:
    """The same for a subscription at every renewal, and even over all of them."""
    fraction = int.from_bytes(blake2b(subscription_id.encode(), digest_size=4).digest()) / 2**32
    return timeouts.RENEWAL_SPREAD * fraction
