"""What may be said to a subscription: its signals and updates, and its one query.

Owns what each is called, what is refused before it costs an event, and what is waited for before it
is answered. Does not own what commands change (`billing`), how one is applied in its turn
(`workflows.commands`) nor the order of due things (`workflows.subscription`).
"""

from datetime import datetime
from typing import assert_never

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
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
    from billing.agenda import agenda, next_action
    from billing.subscription import CommandName, SubscriptionState, SubscriptionStatus
    from workflows import challenge, price_migration
    from workflows.canceling import Canceling
    from workflows.commands import Commands
    from workflows.dunning import Dunning
    from workflows.giving_back import GivingBack
    from workflows.messages import (
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
        RecordPayment,
        RedeemCoupon,
        ResumeSubscription,
        Retry,
        SubscriptionReport,
        UndoCancel,
        UndoChange,
        UndoMigration,
        WaiveInvoice,
    )
    from workflows.receiving import Receiving
    from workflows.sent_invoices import SentInvoices
    from workflows.state_keeper import Change, StateKeeper


class Handlers:
    """What Temporal calls when something is said to the subscription that `keeper` holds.

    A base of the workflow's class, as Temporal looks for handlers there.
    """

    def __init__(self, keeper: StateKeeper) -> None:
        self._keeper = keeper
        self._commands = Commands(keeper)
        self._dunning = Dunning(keeper)
        self._sent_invoices = SentInvoices(keeper, self._dunning)
        self._giving_back = GivingBack(keeper)
        self._receiving = Receiving(keeper, self._commands, self._dunning)
        self._canceling = Canceling(keeper, self._commands, self._giving_back)
        self._busy = True
        """Something due is being done; nobody is told that all is quiet."""
        self._retry_asked = False
        """Something was said since what is due was last tried, which may have mended it."""

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
            return settlement.pay_now(
                state,
                now,
                customer_present=command.customer_present,
                invoice_id=command.invoice_id,
                with_another_method=command.with_another_method,
            )

        await workflow.wait_condition(lambda: not self._dunning.is_collecting)
        await self._commands.apply(command, CommandName.PAY_NOW, change)
        await workflow.wait_condition(lambda: not self._is_paying())
        return self._after_paying(self._commands.receipt(command), command.invoice_id)

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
    async def record_payment(self, command: RecordPayment) -> CommandReceipt:
        """Money for what is owed came outside the gateway; what is beyond it is balance."""
        return await self._receiving.record(command)

    @record_payment.validator
    def _check_record_payment(self, command: RecordPayment) -> None:
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

        def is_known() -> bool:
            is_ready = self._state.checkout_completed_at is not None
            is_activating = self._state.status is SubscriptionStatus.INCOMPLETE and is_ready
            is_quiet = not self._busy and self._keeper.is_saved
            return self._keeper.saved_revision > 0 and is_quiet and not is_activating

        await workflow.wait_condition(is_known)
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

    def _is_charging_for(self, change_id: str) -> bool:
        change = self._state.change
        is_its_own = change is not None and change.change_id == change_id
        return is_its_own and self._commands.is_charging()

    def _is_paying(self) -> bool:
        open_invoices = self._state.open_invoices
        return not self._keeper.is_stuck and any(i.is_extra_attempt for i in open_invoices)

    def _after_paying(self, receipt: CommandReceipt, invoice_id: str | None) -> CommandReceipt:
        """What is still open, of that one or of all, says what is in the way of its payment."""
        asked = (i for i in self._state.open_invoices if invoice_id in {None, i.invoice_id})
        invoice = next(asked, None)
        if invoice is None:
            return receipt
        return receipt.model_copy(
            update={
                "invoice_id": invoice.invoice_id,
                "action_url": invoice.action_url,
                "decline": None if invoice.in_processing else invoice.last_decline,
            }
        )
