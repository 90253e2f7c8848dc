"""Checkout sessions, read."""

from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.tables.checkout_session import CheckoutSessionStatus, checkout_sessions
from billing.value import Instant, Value

_ORDER: Final = Order(at=checkout_sessions.c.created_at, id=checkout_sessions.c.id)


class CheckoutSession(Value):
    """A page on which a customer completes one subscription."""

    id: str
    subscription_id: str
    customer_id: str
    stripe_session_id: str | None
    """None until the gateway made the page."""
    url: str | None
    success_url: str
    cancel_url: str
    status: CheckoutSessionStatus
    expires_at: Instant
    created_at: Instant

    @property
    def is_open(self) -> bool:
        """Whether the customer can still complete it."""
        return self.status is CheckoutSessionStatus.OPEN


async def get(connection: AsyncConnection, checkout_session_id: str) -> CheckoutSession | None:
    """One session."""
    found = await connection.execute(
        select(checkout_sessions).where(checkout_sessions.c.id == checkout_session_id)
    )
    row = found.one_or_none()
    return None if row is None else as_checkout_session(row)


async def of_subscription(
    connection: AsyncConnection, subscription_id: str
) -> CheckoutSession | None:
    """The session that a subscription was begun on, if it was begun on one."""
    found = await connection.execute(
        select(checkout_sessions).where(checkout_sessions.c.subscription_id == subscription_id)
    )
    row = found.one_or_none()
    return None if row is None else as_checkout_session(row)


async def page_of(
    connection: AsyncConnection,
    *,
    customer_id: str | None = None,
    cursor: str | None = None,
    limit: int,
) -> Page[CheckoutSession]:
    """Sessions newest first."""
    query = select(checkout_sessions)
    if customer_id is not None:
        query = query.where(checkout_sessions.c.customer_id == customer_id)
    return await read_page(
        connection, query, order=_ORDER, as_item=as_checkout_session, cursor=cursor, limit=limit
    )


def as_checkout_session(row: Row[Any]) -> CheckoutSession:
    """The value of a row of `checkout_sessions`."""
    return CheckoutSession.model_validate(row._asdict())
