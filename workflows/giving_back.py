"""Giving back paid time in a subscription's life: at its end, after it, and for a pause.

Owns which activity is asked under which cause, and the refunds' workflows. Does not own what is
unused (`billing.pausing`) nor what is issued for it (`activities.unused_time`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.unused_time import GiveBack
    from billing import closing, pausing
    from billing.credit_note import CreditReason, UnusedPart
    from billing.ids import effect_key
    from billing.subscription import PromisedBack, SubscriptionState
    from workflows import effects
    from workflows.messages import (
        REFUND_WORKFLOW,
        Cancel,
        CancelMode,
        RefundStart,
        refund_workflow_id,
    )
    from workflows.state_keeper import StateKeeper


_FORGIVES: Final = "what-dunning-was-after-is-forgiven"


class GivingBack:
    """Gives back of what was paid for the subscription whose state `keeper` holds."""

    def __init__(self, keeper: StateKeeper) -> None:
        self._keeper = keeper

    def of_cancellation(self, command: Cancel) -> "CancellationCredit":
        """What a cancellation asks for."""
        return CancellationCredit(self._keeper, command)

    def promised(
        self, state: SubscriptionState, at: datetime, *, cause: str, unused: UnusedPart
    ) -> PromisedBack | None:
        """What an end at `at` promises of open invoices, and by a command that asks for nothing."""
        promise = pausing.promised_back(state, at, cause=cause, unused=unused)
        is_asked_for = promise is None or promise.unused is unused
        return promise if is_asked_for or workflow.patched(_FORGIVES) else None

    async def of_pause(self, at: datetime) -> None:
        """The paid time that passed in the pause that ends at `at`, and what is carried of it."""
        state = self._keeper.state
        part, pause = pausing.paused_part(state, at), state.pause
        if part is None or pause is None:
            return
        source = effect_key("pause", state.subscription_id, f"{pause.paused_at:%Y%m%dT%H%M%S}")
        given = await self._keeper.unless_overtaken(
            effects.give_back(
                GiveBack(
                    state=self._keeper.signed(),
                    part=part,
                    source=source,
                    reason=CreditReason.PAUSED,
                    unused=UnusedPart.CREDIT,
                    now=at,
                )
            )
        )
        if given.not_paid_yet is not None:
            self._keeper.take(pausing.carried_less(self._keeper.state, given.not_paid_yet))

    async def paid_too_late(self, invoice_id: str) -> None:
        """What the end promised of an invoice that was paid after it, once per invoice (P17).

        Of a payment that is disputed nothing is given: the bank holds the money.
        """
        keeper = self._keeper
        promise = keeper.state.promised_back
        if promise is None:
            return
        given = await keeper.unless_overtaken(
            effects.give_back(
                GiveBack(
                    state=keeper.signed(),
                    part=promise.part,
                    invoice_id=invoice_id,
                    source=effect_key("paid_too_late", promise.cause, invoice_id),
                    reason=CreditReason.CANCELED,
                    unused=promise.unused,
                    now=keeper.now(),
                )
            )
        )
        keeper.take(closing.given_back(keeper.state, invoice_id))
        await _start_refunds(given.refund_ids, of=keeper.state.subscription_id)


class CancellationCredit:
    """The unused part of what is paid when a cancellation comes (policy P17)."""

    def __init__(self, keeper: StateKeeper, command: Cancel) -> None:
        self._keeper = keeper
        self._command = command
        self._refunds: list[str] = []

    async def issue(self, now: datetime) -> None:
        """Raises `ApplicationError` (`charge_disputed`), which refuses the cancellation."""
        command, state = self._command, self._keeper.state
        part = pausing.unused_part(state, now)
        if command.unused is UnusedPart.NONE or part is None:
            return
        given = await self._keeper.unless_overtaken(
            effects.give_back(
                GiveBack(
                    state=self._keeper.signed(),
                    part=part,
                    source=effect_key("cancel", command.command_id),
                    reason=_reason_of(command),
                    unused=command.unused,
                    now=now,
                )
            )
        )
        if given.refusal is not None:
            raise ApplicationError(
                "the payment is disputed: nothing of it can be refunded",
                "Conflict",
                type=given.refusal,
            )
        self._refunds.extend(given.refund_ids)

    async def carry_out(self) -> None:
        """What goes back to a card is on its way."""
        await _start_refunds(self._refunds, of=self._keeper.state.subscription_id)


def _reason_of(command: Cancel) -> CreditReason:
    """Nobody has asked for what a pause gives back: a dispute of it does not refuse the end."""
    in_a_pause = command.mode is CancelMode.AT_PERIOD_END
    return CreditReason.PAUSED if in_a_pause else CreditReason.CANCELED


async def _start_refunds(refund_ids: Iterable[str], *, of: str) -> None:
    """Each lives on by itself, whatever becomes of this workflow."""
    for refund_id in refund_ids:
        try:
            await workflow.start_child_workflow(
                REFUND_WORKFLOW,
                RefundStart(refund_id=refund_id),
                id=refund_workflow_id(refund_id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"refund {refund_id} of {of}",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("refund.running_already", extra={"refund_id": refund_id})
