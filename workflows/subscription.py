"""A subscription's whole life, as one durable workflow.

Owns the order of things: wait for what is due next, do it, wait again. Does not own what is due
(`billing.agenda`), what it changes (`billing`), what may be said to a subscription meanwhile
(`workflows.handlers`), how money is collected (`workflows.dunning`) or how anything is done
(`activities`).
"""

import asyncio
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, assert_never

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.period_billing import BillPeriod, NotBilled, StartTrial
    from billing import lifecycle, pausing
    from billing.agenda import ActionKind, NextAction, next_action
    from billing.errors import Overtaken
    from billing.subscription import EndReason, SubscriptionState
    from workflows import effects, outcomes, timeouts
    from workflows.description import timer_summary
    from workflows.ending_together import EndingTogether
    from workflows.handlers import Handlers
    from workflows.messages import SUBSCRIPTION_WORKFLOW, SubscriptionReport, SubscriptionStart
    from workflows.state_keeper import Change, StateKeeper

_AT_ONCE: Final = "bill-and-collect-at-once"
_RULES_OUT_AT_EXPIRY: Final = "rule-out-before-a-checkout-expires"
_SPREAD_ACTIONS: Final = frozenset({ActionKind.RENEW, ActionKind.CONVERT_TRIAL})


@workflow.defn(name=SUBSCRIPTION_WORKFLOW)
class SubscriptionWorkflow(Handlers):
    """From checkout to the last cent, until nothing is left to do."""

    @workflow.init
    def __init__(self, start: SubscriptionStart) -> None:
        super().__init__(StateKeeper(start.state))
        self._bills_at_once = start.bills_at_once
        self._ending_together = EndingTogether(self._keeper, self._giving_back)

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

    async def _introduce(self) -> None:
        self._keeper.state = lifecycle.created(self._state)
        subject = self._state.subscription_id
        await self._keeper.save(self._keeper.event(f"{self._state.noun}.created", subject))

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

    async def _perform(self, action: NextAction) -> None:  # noqa: C901, PLR0912 - one case per kind
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
            case ActionKind.REMIND:
                await self._sent_invoices.remind(action)
            case ActionKind.FALL_DUE:
                await self._sent_invoices.fall_due(action)
            case ActionKind.SUSPEND:
                await self._sent_invoices.suspend(action)
            case ActionKind.RESUME:
                await self._resume(action)
            case ActionKind.GIVE_BACK:
                await self._giving_back.paid_too_late(action.invoice_id or "")
            case ActionKind.COMPLETE:
                await self._change(action, lifecycle.completed, "completed")
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
        kind = f"{self._state.noun}.{self._state.status}"
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
        outcome = self._state.status if self._state.has_ended else happened
        kind = f"{self._state.noun}.{outcome}"
        await self._keeper.save(self._keeper.event(kind, subject))

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
