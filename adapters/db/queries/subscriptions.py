"""Subscriptions and what happened to them, read."""

from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.tables.domain_event import domain_events
from adapters.db.tables.subscription import (
    live_subscriptions,
    subscriptions,
    trial_redemptions,
)
from billing.subscription import SubscriptionState, SubscriptionStatus
from billing.value import Instant, Value

_ORDER: Final = Order(at=subscriptions.c.created_at, id=subscriptions.c.id)
_TIMELINE: Final = Order(at=domain_events.c.at, id=domain_events.c.id)
_SELECT: Final[Select[Any]] = select(
    subscriptions.c.id,
    subscriptions.c.created_at,
    subscriptions.c.state,
    subscriptions.c.metadata,
    subscriptions.c.test_clock_id,
)
_GET: Final = _SELECT.where(subscriptions.c.id == bindparam("subscription_id"))


class Subscription(Value):
    """A subscription as last recorded, with what its workflow does not know."""

    state: SubscriptionState
    metadata: dict[str, str]
    test_clock_id: str | None


class SubscriptionFilter(Value):
    """Which subscriptions; every condition given must hold. The created range is half-open."""

    customer_id: str | None = None
    status: SubscriptionStatus | None = None
    product_id: str | None = None
    price_id: str | None = None
    test_clock_id: str | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    purchases: bool = False
    """What was bought once, and no subscriptions."""


class TimelineEntry(Value):
    """One thing that happened to a subscription."""

    key: str
    type: str
    at: Instant
    details: dict[str, str | int | None]


async def get(connection: AsyncConnection, subscription_id: str) -> Subscription | None:
    """One subscription."""
    found = await connection.execute(_GET, {"subscription_id": subscription_id})
    row = found.one_or_none()
    return None if row is None else _as_subscription(row)


async def state_of(connection: AsyncConnection, subscription_id: str) -> SubscriptionState | None:
    """The state alone."""
    found = await get(connection, subscription_id)
    return None if found is None else found.state


async def page_of(
    connection: AsyncConnection,
    where: SubscriptionFilter,
    *,
    cursor: str | None = None,
    limit: int,
) -> Page[Subscription]:
    """Subscriptions, or purchases, newest first."""
    query = _SELECT.where(subscriptions.c.is_purchase.is_(where.purchases))
    for column, wanted in (
        (subscriptions.c.customer_id, where.customer_id),
        (subscriptions.c.status, where.status),
        (subscriptions.c.product_id, where.product_id),
        (subscriptions.c.price_id, where.price_id),
        (subscriptions.c.test_clock_id, where.test_clock_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if where.created_from is not None:
        query = query.where(subscriptions.c.created_at >= where.created_from)
    if where.created_before is not None:
        query = query.where(subscriptions.c.created_at < where.created_before)
    return await read_page(
        connection, query, order=_ORDER, as_item=_as_subscription, cursor=cursor, limit=limit
    )


async def timeline(
    connection: AsyncConnection,
    subscription_id: str,
    *,
    cursor: str | None = None,
    limit: int,
) -> Page[TimelineEntry]:
    """What happened to a subscription, latest first."""
    query = select(domain_events).where(domain_events.c.subscription_id == subscription_id)
    return await read_page(
        connection, query, order=_TIMELINE, as_item=_as_entry, cursor=cursor, limit=limit
    )


async def unfinished_on_clock(connection: AsyncConnection, test_clock_id: str) -> tuple[str, ...]:
    """Subscriptions of a test clock that something can still happen to, oldest first.

    An ended one counts while its next action, or an invoice to void or a message to send, is open.
    """
    state = subscriptions.c.state
    found = await connection.scalars(
        select(subscriptions.c.id)
        .where(
            subscriptions.c.test_clock_id == test_clock_id,
            subscriptions.c.ended_at.is_(None)
            | (state["open_invoices"] != [])
            | (state["messages"] != []),
        )
        .order_by(subscriptions.c.created_at, subscriptions.c.id)
    )
    return tuple(found)


async def live_in_family(
    connection: AsyncConnection, *, customer_id: str, family: str
) -> str | None:
    """The subscription that holds the customer's one place in a family (policy P16)."""
    found: str | None = await connection.scalar(
        select(live_subscriptions.c.subscription_id).where(
            live_subscriptions.c.customer_id == customer_id,
            live_subscriptions.c.family == family,
        )
    )
    return found


async def trial_is_used(connection: AsyncConnection, *, customer_id: str, family: str) -> bool:
    """Whether the customer had the family's one trial (policy P10)."""
    found = await connection.scalar(
        select(trial_redemptions.c.subscription_id).where(
            trial_redemptions.c.customer_id == customer_id,
            trial_redemptions.c.family == family,
        )
    )
    return found is not None


def _as_subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        state=SubscriptionState.model_validate(row.state),
        metadata=row.metadata,
        test_clock_id=row.test_clock_id,
    )


def _as_entry(row: Row[Any]) -> TimelineEntry:
    return TimelineEntry(key=row.key, type=row.type, at=row.at, details=row.details)
