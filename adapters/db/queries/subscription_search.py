"""Subscriptions as operators look for them: by what Temporal's search attributes say of them.

Owns the conditions in SQL. What they mean is `workflows.search_attributes`; both must agree.
"""

from typing import Any, Final

from sqlalchemy import DateTime, Select, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.subscriptions import Subscription
from adapters.db.tables.subscription import subscriptions
from billing.agenda import ActionKind
from billing.subscription import SubscriptionState, SubscriptionStatus
from billing.value import Instant, Value

_BILLED: Final = (
    SubscriptionStatus.TRIALING,
    SubscriptionStatus.ACTIVE,
    SubscriptionStatus.PAST_DUE,
)
_USED_UP: Final = cast("$.open_invoices[*] ? (@.rungs_used >= $least)", JSONPATH)


class SubscriptionSearch(Value):
    """Every condition given must hold."""

    purchases: bool = False
    """What was bought once, and no subscriptions."""

    status: SubscriptionStatus | None = None
    customer_id: str | None = None
    price_id: str | None = None
    """What operators call the plan."""
    next_billing_before: Instant | None = None
    dunning_attempt: int | None = None
    """At least so many attempts of the ladder are used up on an open invoice."""


async def search(
    connection: AsyncConnection, where: SubscriptionSearch, *, limit: int
) -> tuple[Subscription, ...]:
    """Up to `limit` subscriptions, newest first."""
    newest_first = (subscriptions.c.created_at.desc(), subscriptions.c.id.desc())
    found = await connection.execute(_matching(where).order_by(*newest_first).limit(limit))
    return tuple(
        Subscription(
            state=SubscriptionState.model_validate(row.state),
            metadata=row.metadata,
            test_clock_id=row.test_clock_id,
        )
        for row in found
    )


def _matching(where: SubscriptionSearch) -> Select[Any]:
    known = subscriptions.c
    query = select(known.state, known.metadata, known.test_clock_id)
    query = query.where(known.is_purchase.is_(where.purchases))
    for column, wanted in (
        (known.status, where.status),
        (known.customer_id, where.customer_id),
        (known.price_id, where.price_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if where.next_billing_before is not None:
        unbilled_from = cast(known.state["unbilled_from"].astext, DateTime(timezone=True))
        goes_on = and_(
            known.ended_at.is_(None),
            known.cancel_at.is_(None),
            known.status.in_(_BILLED),
            func.coalesce(unbilled_from, known.period_end) < where.next_billing_before,
        )
        has_ended = and_(
            known.next_action_kind == ActionKind.BILL_LAST,
            known.next_action_at < where.next_billing_before,
        )
        query = query.where(or_(goes_on, has_ended))
    if where.dunning_attempt is not None:
        least = func.jsonb_build_object("least", where.dunning_attempt)
        query = query.where(func.jsonb_path_exists(known.state, _USED_UP, least))
    return query
