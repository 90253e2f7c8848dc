"""Recording a subscription's state where it is listed and searched.

Owns the write of a state that changed without money: commands, ends, notices. Money is written by
`activities.period_billing` and `activities.collection`, each with its state.
"""

from temporalio import activity

from activities.writing_off import write_off
from billing.actor import Actor
from billing.event import DomainEvent
from billing.ports.storage import UnitOfWork
from billing.subscription import EndReason, PromisedBack, SubscriptionState
from billing.value import Instant, Value


class AuditEntry(Value):
    """Who asked for the change (policy P34)."""

    command_id: str
    command: str
    actor: Actor
    reason: str | None
    at: Instant


class Record(Value):
    """A new state, what happened, and who wanted it."""

    state: SubscriptionState
    events: tuple[DomainEvent, ...] = ()
    audit: AuditEntry | None = None


class Recorded(Value):
    """The highest revision that storage knows."""

    stored_revision: int
    ended_at: Instant | None = None
    """Set where the subscription is recorded as ended and the state says otherwise: a reset."""
    end_reason: EndReason | None = None
    promised_back: PromisedBack | None = None


class Records:
    """Writes states, one transaction each."""

    def __init__(self, *, open_transaction: UnitOfWork) -> None:
        self._open_transaction = open_transaction

    @activity.defn
    async def record(self, request: Record) -> Recorded:
        """Stores the state, its events and the audit entry; repeating it changes nothing.

        Nothing leads out of the end: a state from before it, after a reset, is not stored.
        """
        async with self._open_transaction() as tx:
            known = await tx.subscriptions.recorded(request.state.subscription_id)
            if known is not None and known.has_ended and not request.state.has_ended:
                return Recorded(
                    stored_revision=known.revision,
                    ended_at=known.ended_at,
                    end_reason=known.end_reason,
                    promised_back=known.promised_back,
                )
            stored = await tx.subscriptions.save(request.state)
            await write_off(tx, request.state, stored_revision=stored)
            await tx.events.append(*request.events)
            if request.audit is not None:
                await tx.audit.append(
                    command_id=request.audit.command_id,
                    command=request.audit.command,
                    subject=request.state.subscription_id,
                    actor=request.audit.actor,
                    reason=request.audit.reason,
                    at=request.audit.at,
                )
            if request.state.has_ended:
                await tx.subscriptions.release(request.state.subscription_id)
            return Recorded(stored_revision=stored)
