"""What a migration to another price version does to one subscription (policy P33).

Owns who is fit for it, the renewal at which it moves, and the ways out. What is planned is decided
again at that renewal, by the same rule. A change that the customer asks for meanwhile comes first:
another quantity moves at the new price of that quantity, another price ends the migration. Does not
own which subscriptions are asked (`billing.migration_account`) nor when (`workflows.migration`).
"""

from datetime import datetime, timedelta
from typing import Final

from billing import anchor, messages
from billing.errors import Conflict, InvalidInput
from billing.message import Message
from billing.migration import MigrationProgress, SkipReason
from billing.price import Price
from billing.pricing import check_quantity, price_of
from billing.subscription import (
    PlannedMigration,
    SubscriptionState,
    SubscriptionStatus,
    Terms,
)
from billing.value import Instant, Value


class AtRenewal(Value):
    """What a renewal bills, and what becomes of the migration with it."""

    terms: Terms
    migration: PlannedMigration | None
    messages: tuple[Message, ...] = ()
    """To a customer who was told of a price that does not come."""
    moves: bool = False
    """Whether this renewal is the one at the new price."""


def planned(
    state: SubscriptionState,
    *,
    migration_id: str,
    target: Terms,
    migrates_at: datetime,
    notice: timedelta,
    now: datetime,
) -> SubscriptionState:
    """The customer is told, and it moves at a renewal on or after both dates.

    Once per migration: asked again, nothing changes. Raises `Conflict` whose code is the
    `SkipReason` of a subscription that is not fit.
    """
    if state.migration is not None and state.migration.migration_id == migration_id:
        return state
    not_before = max(migrates_at, now + notice)
    reason = unfitness(state, target, moves_at=moves_at(state, not_before))
    if reason is not None:
        raise Conflict(reason, _UNFIT)
    if state.terms.anchored_at is not None:
        target = target.model_copy(update={"anchored_at": state.terms.anchored_at})
    plan = PlannedMigration(
        migration_id=migration_id, target=target, not_before=not_before, planned_at=now
    )
    told = messages.price_will_change(state, plan, now, at=moves_at(state, not_before))
    return state.changed(migration=plan, messages=(*state.messages, told))


_UNFIT: Final = "the subscription stays at its price; the code says why"


def undone(state: SubscriptionState, migration_id: str, now: datetime) -> SubscriptionState:
    """It stays at its price, and the customer is told so.

    Undone again, nothing changes. Raises `Conflict` (`already_migrated`, `no_planned_migration`).
    """
    plan = state.migration
    if plan is None or plan.migration_id != migration_id:
        raise Conflict("no_planned_migration", "no such migration is planned for it")
    match plan.progress:
        case MigrationProgress.SCHEDULED:
            after = _settled(plan, MigrationProgress.ROLLED_BACK, now)
            told = messages.price_change_withdrawn(state, after, now)
            return state.changed(migration=after, messages=(*state.messages, told))
        case MigrationProgress.MIGRATED:
            raise Conflict("already_migrated", "it has renewed at the new price already")
        case _:
            return state


def unfitness(
    state: SubscriptionState, target: Terms, *, moves_at: datetime | None
) -> SkipReason | None:
    """Why it is not moved to `target`, if so: the first reason that applies (policy P33)."""
    found = _obstacle(state, moves_at)
    if found is not None:
        return found
    if state.pending_change is not None:
        return SkipReason.CHANGE_PENDING
    if state.waiting_migration is not None:
        return SkipReason.OTHER_MIGRATION
    if target.currency != state.terms.currency:
        return SkipReason.CURRENCY
    return None if target.billing is state.terms.billing else SkipReason.BILLING


def _obstacle(state: SubscriptionState, moves_at: datetime | None) -> SkipReason | None:
    """What is asked again at the renewal."""
    if state.status in _BY_STATUS:
        return _BY_STATUS[state.status]
    if state.cancellation is not None or (moves_at is not None and state.ends_by(moves_at)):
        return SkipReason.CANCEL_PENDING
    if state.change is not None:
        return SkipReason.CHANGE_PENDING
    until = state.terms.contract_until
    is_locked = until is not None and (moves_at is None or moves_at < until)
    return SkipReason.CONTRACT_LOCKED if is_locked else None


_BY_STATUS: Final = {
    SubscriptionStatus.CANCELED: SkipReason.ENDED,
    SubscriptionStatus.COMPLETED: SkipReason.ENDED,
    SubscriptionStatus.INCOMPLETE_EXPIRED: SkipReason.ENDED,
    SubscriptionStatus.INCOMPLETE: SkipReason.NOT_STARTED,
    SubscriptionStatus.TRIALING: SkipReason.TRIALING,
    SubscriptionStatus.PAUSED: SkipReason.PAUSED,
    SubscriptionStatus.PAST_DUE: SkipReason.PAST_DUE,
    SubscriptionStatus.UNPAID: SkipReason.UNPAID,
}


def moves_at(state: SubscriptionState, not_before: datetime) -> datetime | None:
    """The first renewal at `not_before` or later; None where nothing renews yet."""
    if state.period is None or state.anchor_at is None:
        return None
    if state.period.end >= not_before:
        return state.period.end
    interval = state.terms.require_interval()
    number = anchor.period_number(state.anchor_at, interval, not_before)
    period = anchor.period(state.anchor_at, interval, number)
    return period.start if period.start == not_before else period.end


def at_renewal(state: SubscriptionState) -> AtRenewal:
    """What the next whole period is billed at, and what becomes of the migration then.

    What is left of a period after a pause is no renewal: it is billed at the price it began with.
    """
    terms = state.terms if state.pending_change is None else state.pending_change.target
    plan = state.waiting_migration
    if plan is None or state.period is None or state.unbilled_from is not None:
        return AtRenewal(terms=terms, migration=state.migration)
    boundary = state.period.end
    if state.pending_change is not None:
        follows = followed(plan, state.pending_change.migrates_to, boundary)
        if not follows.is_waiting:
            return AtRenewal(terms=terms, migration=follows)
        plan = follows
    if boundary < plan.not_before:
        return AtRenewal(terms=terms, migration=plan)
    reason = _obstacle(state, boundary)
    if reason is None:
        moved = _settled(plan, MigrationProgress.MIGRATED, boundary)
        migration = moved.model_copy(update={"replaced": terms})
        return AtRenewal(terms=plan.target, migration=migration, moves=True)
    skipped = _settled(plan, MigrationProgress.SKIPPED, boundary, reason=reason)
    told = messages.price_change_withdrawn(state, skipped, boundary)
    return AtRenewal(terms=terms, migration=skipped, messages=() if state.has_ended else (told,))


def followed(plan: PlannedMigration, migrates_to: Terms | None, at: datetime) -> PlannedMigration:
    """The plan after a change of the customer's: of another quantity, or dropped for it."""
    if not plan.is_waiting:
        return plan
    if migrates_to is None:
        return _settled(plan, MigrationProgress.SKIPPED, at, reason=SkipReason.CHANGED)
    return plan.model_copy(update={"target": migrates_to})


def migrates_to(
    state: SubscriptionState, wanted: Terms, target_price: Price | None
) -> Terms | None:
    """What a waiting migration moves to once `wanted` is in force; None where it does not."""
    plan = state.waiting_migration
    if plan is None or target_price is None:
        return None
    current = state.terms
    if (wanted.price_id, wanted.price_version) != (current.price_id, current.price_version):
        return None
    try:
        sold = target_price.keeping(wanted.configuration)
        check_quantity(sold, wanted.quantity)
    except InvalidInput:
        return None
    return plan.target.model_copy(
        update={
            "quantity": wanted.quantity,
            "configuration": sold.configuration,
            "period_amount": price_of(sold, wanted.quantity),
        }
    )


def dropped(
    plan: PlannedMigration | None, reason: SkipReason, at: Instant
) -> PlannedMigration | None:
    """A waiting plan that something else has overtaken; any other stays as it is."""
    if plan is None or not plan.is_waiting:
        return plan
    return _settled(plan, MigrationProgress.SKIPPED, at, reason=reason)


def _settled(
    plan: PlannedMigration,
    progress: MigrationProgress,
    at: datetime,
    *,
    reason: SkipReason | None = None,
) -> PlannedMigration:
    return plan.model_copy(update={"progress": progress, "settled_at": at, "reason": reason})
