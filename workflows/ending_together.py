"""What a subscription and what is sold beside it do about each other's end.

Owns the order of effects: a parent tells, an add-on gives back and ends. Does not own what is told
(`billing.addon`) nor what is unused (`billing.pausing`).
"""

from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.addons import TellAddons
    from billing import addon, changing, lifecycle
    from billing.actor import Actor, ActorKind
    from billing.agenda import NextAction, next_action
    from billing.credit_note import UnusedPart
    from billing.ids import effect_key
    from billing.parent import ParentEnd
    from billing.subscription import EndReason
    from workflows import effects
    from workflows.giving_back import GivingBack
    from workflows.messages import Cancel, CancelMode
    from workflows.state_keeper import StateKeeper

_MAKES_WAY: Final = "a-challenge-makes-way-for-the-parents-end"


class EndingTogether:
    """Of the subscription whose state `keeper` holds, as a parent or as an add-on."""

    def __init__(self, keeper: StateKeeper, giving_back: GivingBack) -> None:
        self._keeper = keeper
        self._giving_back = giving_back

    async def tell_addons(self, action: NextAction) -> None:
        """They know when it ends, before anything else is done about it."""
        keeper = self._keeper
        async with keeper.lock:
            if next_action(keeper.state) != action:
                return
            state, end = keeper.state, keeper.state.end_for_addons
            asked = state.addons_to_tell
            told = await effects.tell_addons(
                TellAddons(
                    parent_id=state.subscription_id,
                    subscription_ids=asked,
                    end=end,
                    revision=state.revision,
                )
            )
            keeper.take(addon.told(keeper.state, end, asked, gone=told.gone))
            await keeper.save()

    async def sets_aside(self, action: NextAction, end: ParentEnd) -> bool:
        """Whether a change at its bank's challenge was given up, and its invoice is to be voided.

        What that would give back is certain again once it is void, and goes back by the end.
        """
        keeper = self._keeper
        waits = end.unused is not UnusedPart.NONE and changing.waits_for_customer(keeper.state)
        if not waits or not workflow.patched(_MAKES_WAY):
            return False
        async with keeper.lock:
            if next_action(keeper.state) != action:
                return False
            keeper.take(changing.set_aside(keeper.state))
            await keeper.save()
        return True

    async def end_with_parent(self, action: NextAction, end: ParentEnd) -> None:
        """It ends in the instant of its parent's end, and gives back as that did (policy P17).

        Of a payment that is disputed nothing is given back: the bank holds the money.
        """
        keeper, state = self._keeper, self._keeper.state
        command = Cancel(
            command_id=effect_key("parent_ended", state.parent_id or "", state.subscription_id),
            actor=Actor(kind=ActorKind.SYSTEM, id="perennial"),
            mode=CancelMode.NOW,
            unused=end.unused,
        )
        credit = self._giving_back.of_cancellation(command)
        async with keeper.lock:
            if next_action(keeper.state) != action:
                return
            promise = self._giving_back.promised(
                keeper.state, end.at, cause=command.command_id, unused=end.unused
            )
            try:
                await credit.issue(end.at)
            except ApplicationError as refusal:
                workflow.logger.warning("addon.nothing_given_back", extra={"code": refusal.type})
                promise = None
            keeper.take(
                lifecycle.ended_with_message(
                    keeper.state, EndReason.PARENT_ENDED, end.at, promised_back=promise
                )
            )
            await keeper.save(keeper.end_event())
        await credit.carry_out()
