"""Recording money that came outside the gateway, in its turn between the attempts to collect.

Owns the waiting: no card is charged while a payment is recorded, and none is recorded while a card
is charged. Does not own what is recorded (`activities.receiving`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.receiving import (
        PaymentNotTaken,
        PaymentReceived,
        ReceivePayment,
        ReceivingOutcome,
    )
    from activities.records import AuditEntry
    from billing import receiving, settlement
    from billing.subscription import CommandName, SubscriptionState
    from workflows import effects
    from workflows.commands import Commands
    from workflows.dunning import Dunning
    from workflows.messages import CommandReceipt, RecordPayment
    from workflows.state_keeper import StateKeeper

_ATTEMPT_PATIENCE: Final = timedelta(seconds=10)
"""How long it waits for a card's attempt: less than its caller waits for it."""
_TRIED: Final = "a card is being charged for it just now: look at the outcome, then try again"


class Receiving:
    """Records payments of the subscription whose state `keeper` holds."""

    def __init__(self, keeper: StateKeeper, commands: Commands, dunning: Dunning) -> None:
        self._keeper = keeper
        self._commands = commands
        self._dunning = dunning

    async def record(self, command: RecordPayment) -> CommandReceipt:
        """Answers once it is recorded; what it paid for follows from that."""
        return await self._commands.carry_out(
            command, lambda: self._record(command), turn=self._between_attempts
        )

    async def _record(self, command: RecordPayment) -> None:
        keeper = self._keeper
        now = keeper.now()
        self._commands.check(command, lambda state: _check(state, command, now))
        request = {
            "invoice_id": command.invoice_id,
            "reported": command.reported,
            "audit": AuditEntry(
                command_id=command.command_id,
                command=CommandName.RECORD_PAYMENT,
                actor=command.actor,
                reason=command.reason,
                at=now,
            ),
            "now": now,
        }
        outcome = await keeper.effect(
            lambda state: effects.receive_payment(
                ReceivePayment.model_validate({"state": state, **request})
            ),
            lambda state, outcome: _after(state, outcome, now),
        )
        if isinstance(outcome, PaymentNotTaken):
            if outcome.has_news:
                invoice_id = command.invoice_id
                self._dunning.hear(lambda state, at: settlement.payment_news(state, invoice_id, at))
            raise ApplicationError(outcome.message, outcome.error, type=outcome.code)
        if keeper.is_stuck:
            keeper.problem = None  # what is still due is tried again, and says so where it fails
        await self._commands.applied(
            command,
            CommandName.RECORD_PAYMENT,
            keeper.state,
            keeper.state,
            now,
            invoice_id=command.invoice_id,
        )

    @asynccontextmanager
    async def _between_attempts(self) -> AsyncIterator[None]:
        """The lock, with no attempt under way: none begins meanwhile.

        An outage of the gateway may last: whoever records a payment is told, and does not wait.
        """
        dunning, deadline = self._dunning, workflow.now() + _ATTEMPT_PATIENCE
        while True:
            await self._until_not_collecting(deadline)
            async with self._keeper.lock:
                if not dunning.is_collecting:
                    with dunning.payment_under_way():
                        yield
                    return

    async def _until_not_collecting(self, deadline: datetime) -> None:
        if not self._dunning.is_collecting:
            return
        left = deadline - workflow.now()
        try:
            await workflow.wait_condition(
                lambda: not self._dunning.is_collecting,
                timeout=max(left, timedelta(0)),
                timeout_summary="a card's attempt takes too long to wait for",
            )
        except TimeoutError:
            raise ApplicationError(_TRIED, "Conflict", type="payment_under_way") from None


def _check(state: SubscriptionState, command: RecordPayment, now: datetime) -> None:
    """What is closed may be so by this very payment: the books know."""
    if state.open_invoice(command.invoice_id) is not None:
        receiving.check_recordable(state, command.invoice_id, command.reported, now)


def _after(state: SubscriptionState, outcome: ReceivingOutcome, now: datetime) -> SubscriptionState:
    if not isinstance(outcome, PaymentReceived):
        return state
    return receiving.received(state, outcome.payment, now, attempts_made=outcome.attempts_made)
