"""Cancelling by command: at the period's end, now, and what becomes of the unused part.

Owns what is asked of a subscription's end in the command's turn. Does not own what an end is
(`billing.commands`), what it gives back (`workflows.giving_back`) nor ends that nobody commanded.
"""

from datetime import datetime
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from billing import commands
    from billing.credit_note import UnusedPart
    from billing.subscription import CommandName, SubscriptionState, SubscriptionStatus
    from workflows import challenge
    from workflows.commands import Commands
    from workflows.giving_back import GivingBack
    from workflows.messages import Cancel, CommandReceipt
    from workflows.state_keeper import StateKeeper

_GIVES_BACK_A_PAUSE: Final = "give-back-what-a-pause-left"


class Canceling:
    """Cancels the subscription whose state `keeper` holds."""

    def __init__(self, keeper: StateKeeper, commands: Commands, giving_back: GivingBack) -> None:
        self._keeper = keeper
        self._commands = commands
        self._giving_back = giving_back

    async def at_period_end(self, command: Cancel) -> CommandReceipt:
        """Whether it rests is asked in its turn: a pause may begin or end while it waits."""
        credited = command.model_copy(update={"unused": UnusedPart.CREDIT})
        giving_back = self._giving_back.of_cancellation(credited)

        async def prepare(now: datetime) -> None:
            if _gives_back_its_rest(self._keeper.state):
                await giving_back.issue(now)

        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            if _gives_back_its_rest(state):
                return self._ended_now(credited, state, now)
            promise = self._giving_back.promised(
                state, now, cause=command.command_id, unused=UnusedPart.NONE
            )
            if challenge.makes_way(state):
                return commands.cancel_at_period_end(state, now, promised_back=promise)
            return commands.cancel_between_changes(state, now, promised_back=promise)

        try:
            return await self._commands.apply(
                command, CommandName.CANCEL_AT_PERIOD_END, change, prepare=prepare
            )
        finally:
            await giving_back.carry_out()

    async def now(self, command: Cancel) -> CommandReceipt:
        """Ends it at once, after giving back what was asked for."""
        giving_back = self._giving_back.of_cancellation(command)
        try:
            return await self._commands.apply(
                command,
                CommandName.CANCEL_NOW,
                lambda state, now: self._ended_now(command, state, now),
                prepare=giving_back.issue,
                gives_back=command.unused is not UnusedPart.NONE,
            )
        finally:
            # Also where it ended otherwise meanwhile: what is promised to a card is carried out.
            await giving_back.carry_out()

    def _ended_now(
        self, command: Cancel, state: SubscriptionState, now: datetime
    ) -> SubscriptionState:
        promise = self._giving_back.promised(
            state, now, cause=command.command_id, unused=command.unused
        )
        gives_back = command.unused is not UnusedPart.NONE
        return commands.cancel_now(
            state, now, gives_back=gives_back, promised_back=promise, unused=command.unused
        )


def _gives_back_its_rest(state: SubscriptionState) -> bool:
    """Whether it rests, and so ends at once and gives back: in earlier histories it did not."""
    return state.status is SubscriptionStatus.PAUSED and workflow.patched(_GIVES_BACK_A_PAUSE)
