"""Collecting what is owed: attempts, what is heard meanwhile, and the end of patience.

Owns the part of a subscription's life between an invoice and its money (policy P18-P21). Does not
own when an attempt is due (`billing.agenda`) nor what comes of one (`billing.settlement`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.change import FindFallback
    from activities.collection import Collect, Collected, VoidInvoices
    from billing import closing, giving_up, settlement
    from billing.agenda import NextAction, next_action
    from billing.dunning import FinalAction
    from billing.payment import CollectionOutcome, Paid
    from billing.subscription import SubscriptionState, SubscriptionStatus
    from workflows import effects
    from workflows.state_keeper import Change, StateKeeper


_IN_VAIN: Final = "give-back-what-was-paid-in-vain"
RULES_OUT: Final = "rule-out-before-the-final-action"


class Dunning:
    """Collects for the subscription whose state `keeper` holds."""

    def __init__(self, keeper: StateKeeper) -> None:
        self._keeper = keeper
        self.collects_at_once = False
        """Whether a renewal's first try is made where the workflow runs (ADR 0035)."""
        self._unheard: list[Change] = []
        self.is_collecting = False
        """Whether a payment is made, stopped or recorded: one thing at a time."""

    def hear(self, change: Change) -> None:
        """What is said while a payment is under way counts after it: its result would undo it."""
        if self.is_collecting:
            self._unheard.append(change)
        else:
            self._keeper.hear(change)

    async def collect(self, action: NextAction, *, is_last: bool = False) -> None:
        """Without the lock: a gateway's outage must not keep commands waiting.

        The `is_last` look charges nobody: what could still succeed is stopped, or has succeeded.
        """
        if await self._has_waited():
            return
        keeper = self._keeper
        invoice_id, now = action.invoice_id or "", keeper.now()
        had_ended = keeper.state.has_ended
        try:
            with self.payment_under_way():
                asked = keeper.state
                collected = await keeper.effect(
                    lambda state: self._collect_until_ended(
                        Collect(state=state, invoice_id=invoice_id, now=now, is_last=is_last),
                        action.reason,
                    ),
                    lambda state, done: (
                        closing.paid_in_vain(state, invoice_id)
                        if _came_in_vain(asked, state, invoice_id, done.outcome)
                        else settlement.collected(
                            *(state, invoice_id, done.outcome, now),
                            waits_for_banks=done.waits_for_banks,
                        )
                    ),
                )
                if collected.has_news:
                    self.hear(lambda state, at: settlement.payment_news(state, invoice_id, at))
                if collected.has_another_method:  # told before this run knew what was refused
                    self.hear(settlement.payment_method_changed)
        except ActivityError:
            if had_ended or not keeper.state.has_ended:
                raise

    async def _collect_until_ended(self, request: Collect, summary: str) -> Collected:
        """Nobody is charged for what was cancelled while the gateway was out of reach (P20).

        A renewal's first try is over in seconds, and a cancellation waits for that.
        """
        if self.collects_at_once and _is_renewal(request):
            collected = await effects.collect_at_once(request, summary=summary)
            if collected is not None:
                return collected
        collecting = effects.collect(request, summary=summary)
        if not request.state.has_ended:
            await workflow.wait_condition(lambda: collecting.done() or self._keeper.state.has_ended)
            if not collecting.done():
                collecting.cancel()
        return await collecting

    async def void_invoices(self) -> None:
        """What is no longer to be paid."""
        if await self._has_waited():
            return
        now = self._keeper.now()
        with self.payment_under_way():
            await self._keeper.effect(
                lambda state: effects.void_invoices(VoidInvoices(state=state, now=now)),
                lambda state, voided: closing.invoices_closed(
                    state,
                    closed=voided.closed_invoice_ids,
                    processing=voided.processing_invoice_ids,
                    paid=voided.paid_invoice_ids,
                    lost=voided.lost_invoice_ids,
                    now=now,
                ),
            )

    async def rules_out_a_payment(self, action: NextAction, *, patch: str) -> bool:
        """Whether an end has to wait for a last look at what a customer could still pay.

        Whoever passes a challenge in its very instant has paid in time or cannot pay any more.
        """
        waiting = giving_up.to_rule_out(self._keeper.state)
        if waiting is None or not workflow.patched(patch):
            return False
        reason = f"see whether {waiting.amount} was authenticated, before it is too late"
        look = {"invoice_id": waiting.invoice_id, "reason": reason}
        await self.collect(action.model_copy(update=look), is_last=True)
        return True

    async def give_up(self, action: NextAction) -> None:
        """The final action (policy P18)."""
        keeper = self._keeper
        if await self.rules_out_a_payment(action, patch=RULES_OUT):
            return
        async with keeper.lock:
            if next_action(keeper.state) != action:
                return
            fallback = None
            if keeper.state.terms.dunning.final_action is FinalAction.DOWNGRADE_TO_FREE:
                found = await effects.find_fallback(FindFallback(state=keeper.state))
                fallback = found.terms
                if next_action(keeper.state) != action:
                    return
            now, before = keeper.now(), keeper.state
            after = giving_up.gave_up(before, now, fallback=fallback)
            keeper.take(after)
            subject = f"{after.subscription_id}:{action.at:%Y%m%dT%H%M%S}"
            await keeper.save(keeper.event(giving_up.event_of(before, after), subject))

    async def _has_waited(self) -> bool:
        """Whether a payment was being recorded: what is due is looked at again after it."""
        if not self.is_collecting:
            return False
        await workflow.wait_condition(lambda: not self.is_collecting)
        return True

    @contextmanager
    def payment_under_way(self) -> Iterator[None]:
        """What is heard in the meantime is taken in afterwards, however it ends."""
        self.is_collecting = True
        try:
            yield
        finally:
            self.is_collecting = False
            unheard, self._unheard = self._unheard, []
            for change in unheard:
                self._keeper.hear(change)


def _is_renewal(request: Collect) -> bool:
    """Whether this is what is tried for everybody at every boundary, where all is well.

    Not while boundaries that were missed are caught up with: one period at most is billed and paid
    before the server hears of it. Which command is issued hangs on this and on `is_untried`: what
    changes either needs a patch.
    """
    state, invoice = request.state, request.state.open_invoice(request.invoice_id)
    is_untried = invoice is not None and invoice.is_untried and not request.is_last
    is_present = state.period is not None and request.now < state.period.end
    is_running = state.status is SubscriptionStatus.ACTIVE and state.purchase is None
    return is_untried and is_present and is_running


def _came_in_vain(
    asked: SubscriptionState,
    present: SubscriptionState,
    invoice_id: str,
    outcome: CollectionOutcome,
) -> bool:
    """Whether a command gave up what was being paid for, and the money came all the same."""
    return (
        isinstance(outcome, Paid)
        and not closing.is_unwanted(asked, invoice_id)
        and closing.is_unwanted(present, invoice_id)
        and workflow.patched(_IN_VAIN)
    )
