"""A subscription's whole life, as one durable workflow.

Owns the order of things: wait for what is due next, do it, wait again; and what may be said to a
subscription. Does not own what is due (`billing.agenda`), what it changes (`billing`), how commands
are applied (`workflows.commands`), how money is collected (`workflows.dunning`) or how anything is
done (`activities`).
"""

import asyncio
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, assert_never

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.period_billing import BillPeriod, NotBilled, StartTrial
    from billing import (
        addon,
        changing,
        closing,
        commands,
        giving_up,
        lifecycle,
        pausing,
        settlement,
    )
    from billing.agenda import ActionKind, NextAction, agenda, next_action
    from billing.errors import Overtaken
    from billing.subscription import (
        CommandName,
        EndReason,
        SubscriptionState,
        SubscriptionStatus,
    )
    from workflows import challenge, effects, outcomes, price_migration, timeouts
    from workflows.canceling import Canceling
    from workflows.commands import Commands
    from workflows.description import timer_summary
    from workflows.dunning import Dunning
    from workflows.ending_together import EndingTogether
    from workflows.giving_back import GivingBack
    from workflows.messages import (
        SUBSCRIPTION_WORKFLOW,
        ActivationReport,
        AddonStarted,
        Cancel,
        CancelMode,
        ChangeSubscription,
        ChargeOnce,
        CheckoutCompleted,
        ClockMoved,
        CommandReceipt,
        DisputeNews,
        ExtendGrace,
        ExtendTrial,
        MarkUncollectible,
        ParentNews,
        PauseSubscription,
        PaymentNews,
        PayNow,
        PlanMigration,
        RedeemCoupon,
        ResumeSubscription,
        Retry,
        SubscriptionReport,
        SubscriptionStart,
        UndoCancel,
        UndoChange,
        UndoMigration,
        WaiveInvoice,
    )
    from workflows.state_keeper import Change, StateKeeper

_AT_ONCE: Final = "bill-and-collect-at-once"
_RULES_OUT_AT_EXPIRY: Final = "rule-out-before-a-checkout-expires"
_SPREAD_ACTIONS: Final = frozenset({ActionKind.RENEW, ActionKind.CONVERT_TRIAL})


@workflow.defn(name=SUBSCRIPTION_WORKFLOW)
class SubscriptionWorkflow:
    """From checkout to the last cent, until nothing is left to do."""

    @workflow.init
    def __init__(self, start: SubscriptionStart) -> None:
        self._keeper = StateKeeper(start.state)
        self._bills_at_once = start.bills_at_once
        self._commands = Commands(self._keeper)
        self._dunning = Dunning(self._keeper)
        self._giving_back = GivingBack(self._keeper)
        self._canceling = Canceling(self._keeper, self._commands, self._giving_back)
        self._ending_together = EndingTogether(self._keeper, self._giving_back)
        self._busy = True
        self._retry_asked = False

    @workflow.run
    async def run(self, start: SubscriptionStart) -> SubscriptionReport:  # noqa: ARG002 - in init
        """Lives the subscription; returns once it is over and everything is told."""
        # Here, and not where it matters: a worker of before must not go on with such a run.
        if workflow.patched(_AT_ONCE):
            self._bills_at_once = self._dunning.collects_at_once = True
        messenger = asyncio.create_task(self._deliver_messages())
        if self._state.revision == 0:
            await self._introduce()
        while not await self._is_over():
            if self._may_continue_as_new():
                workflow.continue_as_new(SubscriptionStart.of(self._state))
            action = await self._wait_for_due_action()
            if action is not None:
                await self._attempt(action)
        self._busy = False
        self._keeper.describe()
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
        self._hear(settlement.payment_method_changed)

    @workflow.signal
    def payment_news(self, news: PaymentNews) -> None:
        """The gateway knows more about an unfinished payment."""
        self._hear(lambda state, now: settlement.payment_news(state, news.invoice_id, now))

    @workflow.signal
    def dispute_news(self, news: DisputeNews) -> None:
        """A bank opened or decided a dispute."""
        self._hear(
            lambda state, now: settlement.dispute_news(
                *(state, news.dispute_id, news.state, now), invoice_id=news.invoice_id
            )
        )

    @workflow.signal
    def addon_started(self, started: AddonStarted) -> None:
        """Something is sold beside it from now on."""
        self._hear(lambda state, _: addon.joined(state, started.subscription_id))

    @workflow.signal
    def parent_news(self, news: ParentNews) -> None:
        """The subscription that it is sold beside ends, or goes on after all."""
        self._hear(lambda state, _: addon.parent_news(state, news.end))

    @workflow.signal
    def clock_moved(self, moved: ClockMoved) -> None:
        """The customer's test clock may run on."""
        self._keeper.state = lifecycle.clock_moved(self._state, moved.frozen_at)
        action = next_action(self._state)
        if action is not None and action.at <= self._keeper.now():
            self._keeper.wakes += 1
        else:
            self._keeper.show_details()

    @workflow.update
    async def cancel(self, command: Cancel) -> CommandReceipt:
        """Ends the subscription, at its period's end or now.

        One that rests has no end to wait for: what is paid and unused becomes balance (ADR 0015).
        """
        match command.mode:
            case CancelMode.AT_PERIOD_END:
                return await self._canceling.at_period_end(command)
            case CancelMode.NOW:
                return await self._canceling.now(command)
            case _:
                assert_never(command.mode)

    @cancel.validator
    def _check_cancel(self, command: Cancel) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def undo_cancel(self, command: UndoCancel) -> CommandReceipt:
        """Forgets a pending cancellation."""
        return await self._commands.apply(command, CommandName.UNDO_CANCEL, commands.cancel_undone)

    @undo_cancel.validator
    def _check_undo_cancel(self, command: UndoCancel) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def extend_trial(self, command: ExtendTrial) -> CommandReceipt:
        """Moves the trial's end, and with it the first charge."""

        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            return commands.trial_extended(state, command.trial_end, now)

        return await self._commands.apply(command, CommandName.EXTEND_TRIAL, change)

    @extend_trial.validator
    def _check_extend_trial(self, command: ExtendTrial) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def change(self, command: ChangeSubscription) -> CommandReceipt:
        """Changes plan, interval or quantity; what costs more now is paid first (policy P11).

        Answers after the first attempt to pay: in force, refused, or waiting for somebody.
        """
        receipt = await self._commands.begin_change(command)
        await workflow.wait_condition(lambda: not self._is_charging_for(command.command_id))
        return receipt if receipt.change is None else self._commands.receipt(command)

    @change.validator
    def _check_change(self, command: ChangeSubscription) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def charge(self, command: ChargeOnce) -> CommandReceipt:
        """Charges something once, by an invoice of its own; answers once that is recorded."""
        return await self._commands.charge_once(command)

    @charge.validator
    def _check_charge(self, command: ChargeOnce) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def undo_change(self, command: UndoChange) -> CommandReceipt:
        """Forgets a pending decrease, or gives up a change that waits at a challenge."""

        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            undo = (
                changing.change_undone if challenge.makes_way(state) else changing.decrease_undone
            )
            return undo(state, now)

        return await self._commands.apply(command, CommandName.UNDO_CHANGE, change)

    @undo_change.validator
    def _check_undo_change(self, command: UndoChange) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def pause(self, command: PauseSubscription) -> CommandReceipt:
        """Lets the subscription rest, bounded by the product's policy."""

        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            return pausing.paused(state, command.resumes_at, now)

        return await self._commands.apply(command, CommandName.PAUSE, change)

    @pause.validator
    def _check_pause(self, command: PauseSubscription) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def resume(self, command: ResumeSubscription) -> CommandReceipt:
        """Ends a pause before its time."""

        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            commands.check_command(state, CommandName.RESUME)
            return pausing.resumed(state, now)

        return await self._commands.apply(
            command, CommandName.RESUME, change, prepare=self._giving_back.of_pause
        )

    @resume.validator
    def _check_resume(self, command: ResumeSubscription) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def pay_now(self, command: PayNow) -> CommandReceipt:
        """Tries everything open once, now; answers with what came of it."""

        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            commands.check_command(state, CommandName.PAY_NOW)
            return settlement.pay_now(state, now, customer_present=command.customer_present)

        await workflow.wait_condition(lambda: not self._dunning.is_collecting)
        await self._commands.apply(command, CommandName.PAY_NOW, change)
        await workflow.wait_condition(lambda: not self._is_paying())
        return self._after_paying(self._commands.receipt(command))

    @pay_now.validator
    def _check_pay_now(self, command: PayNow) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def extend_grace(self, command: ExtendGrace) -> CommandReceipt:
        """Lets dunning go on before its final action."""

        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            commands.check_command(state, CommandName.EXTEND_GRACE)
            return giving_up.grace_extended(state, command.until, now)

        return await self._commands.apply(command, CommandName.EXTEND_GRACE, change)

    @extend_grace.validator
    def _check_extend_grace(self, command: ExtendGrace) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def waive_invoice(self, command: WaiveInvoice) -> CommandReceipt:
        """Forgives an open invoice: it is voided."""

        def change(state: SubscriptionState, _: datetime) -> SubscriptionState:
            commands.check_command(state, CommandName.WAIVE_INVOICE)
            return closing.invoice_waived(state, command.invoice_id)

        return await self._commands.apply(command, CommandName.WAIVE_INVOICE, change)

    @waive_invoice.validator
    def _check_waive_invoice(self, command: WaiveInvoice) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def plan_migration(self, command: PlanMigration) -> CommandReceipt:
        """Changes the price at a renewal after notice; refused with the reason to stay (P33)."""
        return await self._commands.apply(
            command, CommandName.PLAN_MIGRATION, price_migration.planning(command)
        )

    @plan_migration.validator
    def _check_plan_migration(self, command: PlanMigration) -> None:
        self._commands.refuse_unfit(command, price_migration.planning(command))

    @workflow.update
    async def undo_migration(self, command: UndoMigration) -> CommandReceipt:
        """Lets it stay at its price."""
        return await self._commands.apply(
            command, CommandName.UNDO_MIGRATION, price_migration.undoing(command)
        )

    @undo_migration.validator
    def _check_undo_migration(self, command: UndoMigration) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def mark_uncollectible(self, command: MarkUncollectible) -> CommandReceipt:
        """Gives an open invoice up as a bad debt: it stays owed, and nothing more is tried."""

        def change(state: SubscriptionState, _: datetime) -> SubscriptionState:
            commands.check_command(state, CommandName.MARK_UNCOLLECTIBLE)
            return closing.invoice_uncollectible(state, command.invoice_id)

        return await self._commands.apply(command, CommandName.MARK_UNCOLLECTIBLE, change)

    @mark_uncollectible.validator
    def _check_mark_uncollectible(self, command: MarkUncollectible) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def redeem_coupon(self, command: RedeemCoupon) -> CommandReceipt:
        """Discounts the invoices from now on, as far as the coupon goes."""
        return await self._commands.redeem_coupon(command)

    @redeem_coupon.validator
    def _check_redeem_coupon(self, command: RedeemCoupon) -> None:
        self._commands.refuse_once_ended(command)

    @workflow.update
    async def retry_now(self, command: Retry) -> CommandReceipt:
        """An operator mended what was wrong: what waits for that is tried again at once.

        Where nothing waits, as after a message that could not be delivered, it is only noted.
        """
        self._retry_asked = True
        if not self._keeper.is_stuck:
            self._keeper.problem = None
        return await self._commands.apply(
            command, CommandName.RETRY, lambda state, _: state.changed()
        )

    @workflow.update
    async def wait_until_recorded(self) -> ActivationReport:
        """Answers once the subscription can be read from the database."""
        await workflow.wait_condition(lambda: self._keeper.saved_revision > 0)
        return self._activation()

    @workflow.update
    async def wait_for_activation(self) -> ActivationReport:
        """Answers once it is known whether the subscription goes live, and stored."""
        await workflow.wait_condition(
            lambda: (
                self._keeper.saved_revision > 0
                and not self._busy
                and self._keeper.is_saved
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
            problem=self._keeper.problem,
            waits_for_operator=self._keeper.is_stuck
            or (self._keeper.problem is not None and not self._busy),
        )

    @property
    def _state(self) -> SubscriptionState:
        return self._keeper.state

    def _activation(self) -> ActivationReport:
        return ActivationReport(
            status=self._state.status,
            refused=self._state.activation_refused,
            revision=self._state.revision,
        )

    def _hear(self, change: Change) -> None:
        self._retry_asked = True  # even where it changes nothing, it may mend what was wrong
        self._dunning.hear(change)

    async def _introduce(self) -> None:
        self._keeper.state = lifecycle.created(self._state)
        subject = self._state.subscription_id
        await self._keeper.save(self._keeper.event("subscription.created", subject))

    async def _wait_for_due_action(self) -> NextAction | None:
        """The action that is due, or None after something changed in the meantime."""
        action, seen = next_action(self._state), self._keeper.wakes
        wait = timedelta.max if action is None else self._wait_before(action)
        if action is not None and wait <= timedelta(0) and action.at <= self._keeper.now():
            return action
        if not self._keeper.is_saved:
            await self._keeper.save_news()
            return None
        self._commands.is_hurrying = self._busy = False
        self._keeper.describe()
        timer_ends = action is not None and wait > timedelta(0)
        try:
            await workflow.wait_condition(
                lambda: (
                    self._keeper.wakes != seen
                    or self._state.is_finished
                    or self._may_continue_as_new()
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
        if (
            action.kind in _SPREAD_ACTIONS
            and not self._commands.is_hurrying
            and not self._state.clock.is_test
        ):
            spread = _spread(self._state.subscription_id)
        return action.at + spread - (workflow.now() + self._state.clock.offset)

    async def _attempt(self, action: NextAction) -> None:
        """Does what is due; what can never succeed waits for an operator, and is not dropped."""
        self._retry_asked = False
        try:
            await self._perform(action)
        except Overtaken:
            workflow.logger.warning("subscription.overtaken")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await self._wait_for_operator(error)
        else:
            self._keeper.problem = None

    async def _wait_for_operator(self, error: ActivityError) -> None:
        self._keeper.problem = str(error.cause or error)
        seen = self._keeper.wakes
        self._keeper.is_stuck = True
        self._keeper.describe()
        workflow.logger.error(
            "subscription.needs_operator", extra={"problem": self._keeper.problem}
        )
        try:
            await workflow.wait_condition(
                lambda: self._retry_asked or self._keeper.wakes != seen,
                timeout=timeouts.OPERATOR_PATIENCE,
                timeout_summary="try again without an operator",
            )
        except TimeoutError:
            return
        finally:
            self._keeper.is_stuck = False

    async def _perform(self, action: NextAction) -> None:  # noqa: C901 - one case per kind
        match action.kind:
            case ActionKind.ACTIVATE:
                await self._activate(action)
            case ActionKind.CONVERT_TRIAL | ActionKind.RENEW | ActionKind.BILL_LAST:
                await self._bill(action)
            case ActionKind.COLLECT:
                await self._dunning.collect(action)
            case ActionKind.VOID_INVOICES:
                await self._dunning.void_invoices()
            case ActionKind.NOTIFY_TRIAL_END:
                await self._change(action, lifecycle.trial_end_noticed, "trial_will_end")
            case ActionKind.TELL_ADDONS:
                await self._ending_together.tell_addons(action)
            case ActionKind.CANCEL:
                await self._cancel_due(action)
            case ActionKind.EXPIRE_CHECKOUT:
                await self._expire_checkout(action)
            case ActionKind.GIVE_UP:
                await self._dunning.give_up(action)
            case ActionKind.RESUME:
                await self._resume(action)
            case ActionKind.GIVE_BACK:
                await self._giving_back.paid_too_late(action.invoice_id or "")
            case _:
                assert_never(action.kind)

    async def _activate(self, action: NextAction) -> None:
        """A trial begins without money; otherwise the first payment comes first."""
        if self._state.open_invoices:
            oldest = self._state.open_invoices[0].invoice_id
            await self._dunning.collect(action.model_copy(update={"invoice_id": oldest}))
        elif self._state.terms.trial is not None:
            await self._start_trial(action)
        else:
            await self._bill(action)

    async def _is_over(self) -> bool:
        """Whether nothing is left to do, by what is recorded as well."""
        if self._state.is_finished:
            await self._keeper.save_news()
        return self._state.is_finished

    async def _start_trial(self, action: NextAction) -> None:
        async with self._keeper.lock:
            if next_action(self._state) != action:
                return
            now = self._keeper.now()
            outcome = await self._keeper.effect(
                lambda state: effects.start_trial(StartTrial(state=state, now=now)),
                lambda state, outcome: outcomes.after_trial_start(state, outcome, now),
            )
            if isinstance(outcome, NotBilled):
                await self._save_refusal()

    async def _bill(self, action: NextAction) -> None:
        async with self._keeper.lock:
            if next_action(self._state) != action:
                return
            now = self._keeper.now()
            outcome = await self._keeper.effect(
                lambda state: effects.bill_period(
                    BillPeriod(state=state, now=now), at_once=self._bills_at_once
                ),
                lambda state, outcome: outcomes.after_billing(state, outcome, now),
            )
            if isinstance(outcome, NotBilled):
                await self._save_refusal()

    async def _save_refusal(self) -> None:
        if self._state.parent_end is not None and not self._state.has_ended:
            await self._keeper.save()  # it ends with its parent next
            return
        kind = f"subscription.{self._state.status}"
        await self._keeper.save(self._keeper.event(kind, self._state.subscription_id))

    async def _cancel_due(self, action: NextAction) -> None:
        parent_end = self._state.parent_end
        if parent_end is None or parent_end.at != action.at:
            await self._end(action, EndReason.REQUESTED)
        elif await self._ending_together.sets_aside(action, parent_end):
            await self._dunning.void_invoices()
        else:
            await self._ending_together.end_with_parent(action, parent_end)

    async def _end(self, action: NextAction, reason: EndReason) -> None:
        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            return lifecycle.ended(state, reason, min(now, action.at))

        await self._change(action, change, "ended")

    async def _expire_checkout(self, action: NextAction) -> None:
        if not await self._dunning.rules_out_a_payment(action, patch=_RULES_OUT_AT_EXPIRY):
            await self._end(action, EndReason.CHECKOUT_EXPIRED)

    async def _change(self, action: NextAction, change: Change, happened: str) -> None:
        """A change without money: stored with its event."""
        keeper = self._keeper
        async with keeper.lock:
            if next_action(self._state) != action:
                return
            keeper.state = change(self._state, keeper.now())
            await self._save_happened(action, happened)

    async def _resume(self, action: NextAction) -> None:
        """The pause ends at its time, however late the timer was (policy P9)."""
        keeper = self._keeper
        async with keeper.lock:
            if next_action(self._state) != action:
                return
            await self._giving_back.of_pause(action.at)
            if next_action(self._state) != action:
                return
            keeper.state = pausing.resumed(self._state, action.at)
            await self._save_happened(action, "resumed")

    async def _save_happened(self, action: NextAction, happened: str) -> None:
        subject = f"{self._state.subscription_id}:{action.at:%Y%m%dT%H%M%S}"
        kind = f"subscription.{self._state.status if self._state.has_ended else happened}"
        await self._keeper.save(self._keeper.event(kind, subject))

    def _is_charging_for(self, change_id: str) -> bool:
        change = self._state.change
        is_its_own = change is not None and change.change_id == change_id
        return is_its_own and self._commands.is_charging()

    def _is_paying(self) -> bool:
        if self._keeper.is_stuck:
            return False
        return any(invoice.is_extra_attempt for invoice in self._state.open_invoices)

    def _after_paying(self, receipt: CommandReceipt) -> CommandReceipt:
        """What is still open says what is in the way of its payment."""
        invoice = next(iter(self._state.open_invoices), None)
        if invoice is None:
            return receipt
        return receipt.model_copy(
            update={
                "invoice_id": invoice.invoice_id,
                "action_url": invoice.action_url,
                "decline": None if invoice.in_processing else invoice.last_decline,
            }
        )

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
                self._keeper.problem = f"{message.key} was not delivered: {error.cause or error}"
                workflow.logger.exception("message.undeliverable", extra={"key": message.key})
                self._keeper.describe()
            self._keeper.state = lifecycle.message_handed_over(self._state, message.key)

    def _may_continue_as_new(self) -> bool:
        """Whether a new run is due, with everything stored and told and nobody being answered.

        Asked at every turn and never waited for in place: a command may itself be waiting for what
        the run does next, and a mail server that is down must not stop billing.
        """
        return (
            workflow.info().is_continue_as_new_suggested()
            and workflow.all_handlers_finished()
            and not self._keeper.lock.locked()
            and not self._state.messages
            and self._keeper.is_saved
        )


def _spread(subscription_id: str) -> timedelta:
    """The same for a subscription at every renewal, and even over all of them."""
    fraction = int.from_bytes(blake2b(subscription_id.encode(), digest_size=4).digest()) / 2**32
    return timeouts.RENEWAL_SPREAD * fraction
