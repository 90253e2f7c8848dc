"""What happens by itself to invoices that were sent and not charged (policy P22).

Owns their reminders, their due dates and the end of patience with them, each stored with its event.
Does not own when they are due (`billing.agenda`), what they change (`billing.sending`,
`billing.giving_up`) nor payments (`workflows.dunning`).
"""

from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from billing import giving_up, sending
    from billing.agenda import NextAction, next_action
    from billing.event import DomainEvent
    from billing.ids import effect_key
    from billing.subscription import SubscriptionState
    from workflows.dunning import RULES_OUT, Dunning
    from workflows.state_keeper import StateKeeper


class SentInvoices:
    """For the subscription whose state `keeper` holds."""

    def __init__(self, keeper: StateKeeper, dunning: Dunning) -> None:
        self._keeper = keeper
        self._dunning = dunning

    async def remind(self, action: NextAction) -> None:
        """The message follows from the stored state, and is sent once."""
        invoice_id, now = action.invoice_id or "", self._keeper.now()
        await self._change(
            action, lambda state: sending.reminded(state, invoice_id, now), "invoice.reminded"
        )

    async def fall_due(self, action: NextAction) -> None:
        """It is past due, and what is sold goes on through the grace."""
        invoice_id = action.invoice_id or ""
        await self._change(
            action, lambda state: sending.fell_due(state, invoice_id), "invoice.past_due"
        )

    async def suspend(self, action: NextAction) -> None:
        """The grace is over.

        What a customer could still pay at a challenge is ruled out first, where it cannot be paid
        afterwards.
        """
        state, now = self._keeper.state, self._keeper.now()
        closes = state.purchase is not None or state.has_ended
        if closes and await self._dunning.rules_out_a_payment(action, patch=RULES_OUT):
            return
        await self._change(
            action, lambda state: giving_up.suspended(state, now), "invoice.grace_ended"
        )

    async def _change(
        self,
        action: NextAction,
        change: Callable[[SubscriptionState], SubscriptionState],
        happened: str,
    ) -> None:
        keeper = self._keeper
        async with keeper.lock:
            if next_action(keeper.state) != action:
                return
            before = keeper.state
            keeper.take(change(before))
            await keeper.save(*self._events(action, before, happened))

    def _events(
        self, action: NextAction, before: SubscriptionState, happened: str
    ) -> list[DomainEvent]:
        """What happened to the invoice, and to the subscription where its status moved."""
        keeper = self._keeper
        subject = effect_key(action.invoice_id or "", f"{action.at:%Y%m%dT%H%M%S}")
        event = keeper.event(happened, subject)
        details = {**event.details, "invoice_id": action.invoice_id}
        events = [event.model_copy(update={"details": details})]
        if keeper.state.status is not before.status:
            events.append(keeper.event(f"{keeper.state.noun}.{keeper.state.status}", subject))
        return events
