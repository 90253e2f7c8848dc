"""Recording a subscription's state where it is listed and searched.

Owns the write of a state that changed without money: commands, ends, notices. Money is written by
`activities.period_billing` and `activities.collection`, each with its state.
"""

from temporalio import activity

from activities.overtaking import is_ahead
from activities.writing_off import write_off
from billing.actor import Actor
from billing.event import DomainEvent
from billing.lineage import is_unheard_of
from billing.ports.storage import UnitOfWork
from billing.subscription import SubscriptionState, SubscriptionStatus
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
    ahead: SubscriptionState | None = None
    """What is recorded and unknown to the run, as after a reset: nothing was stored."""


class Records:
    """Writes states, one transaction each."""

    def __init__(self, *, open_transaction: UnitOfWork) -> None:
        self._open_transaction = open_transaction

    @activity.defn
    async def record(self, request: Record) -> Recorded:
        """Stores the state, its events and the audit entry; repeating it changes nothing.

        A state whose run does not know what is recorded is not stored: after a reset, or where the
        answer of an effect was lost with its worker. Nor does any state lead out of the end.
        """
        async with self._open_transaction() as tx:
            known = await tx.subscriptions.recorded(request.state.subscription_id)
            if known is not None and _is_ahead(known, request.state):
                return Recorded(stored_revision=known.revision, ahead=known)
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
            if request.state.status is SubscriptionStatus.INCOMPLETE_EXPIRED:
                await tx.coupons.release(request.state.subscription_id)
            return Recorded(stored_revision=stored)


def _is_ahead(known: SubscriptionState, state: SubscriptionState) -> bool:
    is_over = known.has_ended and not state.has_ended
    return is_over or is_ahead(known, of=state) or _is_unheard_of(known, state)


def _is_unheard_of(known: SubscriptionState, state: SubscriptionState) -> bool:
    """What is recorded again by a repetition is known."""
    is_same = known.model_copy(update={"lineage": state.lineage}) == state
    return not is_same and is_unheard_of(
        state.lineage,
        recorded=known.lineage,
        recorded_revision=known.revision,
        revision=state.revision,
    )
