"""Checkout sessions, written: recorded before their page is made, closed once."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.checkout_sessions import CheckoutSession, as_checkout_session
from adapters.db.tables.checkout_session import CheckoutSessionStatus, checkout_sessions


class SqlCheckoutSessions:
    """Records sessions, their pages at the gateway and their ends."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, session: CheckoutSession) -> CheckoutSession:
        """Records the session; the same id again is the session recorded first."""
        await self._connection.execute(
            insert(checkout_sessions)
            .values(session.model_dump())
            .on_conflict_do_nothing(index_elements=[checkout_sessions.c.id])
        )
        found = await self._connection.execute(
            select(checkout_sessions).where(checkout_sessions.c.id == session.id)
        )
        return as_checkout_session(found.one())

    async def get_for_update(self, checkout_session_id: str) -> CheckoutSession | None:
        """The session, locked until the transaction ends."""
        found = await self._connection.execute(
            select(checkout_sessions)
            .where(checkout_sessions.c.id == checkout_session_id)
            .with_for_update(key_share=True)
        )
        row = found.one_or_none()
        return None if row is None else as_checkout_session(row)

    async def set_page(
        self, checkout_session_id: str, *, stripe_session_id: str, url: str, expires_at: datetime
    ) -> bool:
        """The page that the gateway made for the session; the first one stays."""
        return await self._change(
            (checkout_sessions.c.id == checkout_session_id)
            & checkout_sessions.c.stripe_session_id.is_(None),
            stripe_session_id=stripe_session_id,
            url=url,
            expires_at=expires_at,
        )

    async def replace_page(
        self, checkout_session_id: str, *, replaced: str | None, by: str, url: str
    ) -> bool:
        """Another page takes the place of `replaced` and the session is open again.

        False where another page took its place already.
        """
        return await self._change(
            (checkout_sessions.c.id == checkout_session_id)
            & checkout_sessions.c.stripe_session_id.is_not_distinct_from(replaced),
            stripe_session_id=by,
            url=url,
            status=CheckoutSessionStatus.OPEN,
        )

    async def mark_complete(self, checkout_session_id: str) -> bool:
        """Open to complete; False where it was closed before."""
        return await self._change(
            (checkout_sessions.c.id == checkout_session_id) & _IS_OPEN,
            status=CheckoutSessionStatus.COMPLETE,
        )

    async def mark_expired(self, stripe_session_id: str) -> bool:
        """Open to expired, by the page's id; False where it was closed or replaced before."""
        return await self._change(
            (checkout_sessions.c.stripe_session_id == stripe_session_id) & _IS_OPEN,
            status=CheckoutSessionStatus.EXPIRED,
        )

    async def _change(self, where: ColumnElement[bool], **values: Any) -> bool:  # noqa: ANN401
        changed = await self._connection.execute(
            update(checkout_sessions).where(where).values(**values)
        )
        return changed.rowcount > 0


_IS_OPEN = checkout_sessions.c.status == CheckoutSessionStatus.OPEN
