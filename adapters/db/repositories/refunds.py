"""Refunds and where they stand."""

from typing import Any, Final

from sqlalchemy import Row, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.refund import refunds
from billing.money import Money
from billing.refund import Refund, RefundState

_CHANGING: Final = (
    "state",
    "gateway_refund_id",
    "failed_creations",
    "failure_reason",
    "started_at",
)
_INSERT: Final = insert(refunds).values(
    {column.name: bindparam(column.name) for column in refunds.c if column.name != "recorded_at"}
)
_PUT: Final = _INSERT.on_conflict_do_update(
    index_elements=[refunds.c.id],
    set_={name: _INSERT.excluded[name] for name in _CHANGING},
)
_LOCKED: Final = select(refunds).with_for_update(key_share=True)


class SqlRefunds:
    """Implements `billing.ports.books.Refunds`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, refund_id: str) -> Refund | None:
        """One refund, locked until the transaction ends."""
        found = await self._connection.execute(_LOCKED.where(refunds.c.id == refund_id))
        row = found.one_or_none()
        return None if row is None else as_refund(row)

    async def by_gateway_id(self, gateway_refund_id: str) -> Refund | None:
        """The refund that the gateway knows under its own id, locked."""
        found = await self._connection.execute(
            _LOCKED.where(refunds.c.gateway_refund_id == gateway_refund_id)
        )
        row = found.one_or_none()
        return None if row is None else as_refund(row)

    async def put(self, refund: Refund) -> None:
        """Stores by id, or replaces where the refund stands; its money is not replaced.

        The database refuses a state that lies before the stored one: read it under its lock first.
        """
        await self._connection.execute(_PUT, _columns(refund))

    async def unfinished(self) -> tuple[str, ...]:
        """Ids of refunds that are pending, oldest first."""
        found = await self._connection.scalars(
            select(refunds.c.id)
            .where(refunds.c.state == RefundState.PENDING)
            .order_by(refunds.c.requested_at, refunds.c.id)
        )
        return tuple(found)


def as_refund(row: Row[Any]) -> Refund:
    """The value of a row of `refunds`."""
    return Refund(
        id=row.id,
        credit_note_id=row.credit_note_id,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        payment_id=row.payment_id,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        state=RefundState(row.state),
        gateway_refund_id=row.gateway_refund_id,
        failed_creations=row.failed_creations,
        failure_reason=row.failure_reason,
        is_external=row.is_external,
        requested_at=row.requested_at,
        started_at=row.started_at,
    )


def _columns(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "credit_note_id": refund.credit_note_id,
        "invoice_id": refund.invoice_id,
        "customer_id": refund.customer_id,
        "subscription_id": refund.subscription_id,
        "payment_id": refund.payment_id,
        "currency": refund.amount.currency,
        "amount_minor": refund.amount.amount_minor,
        "state": refund.state,
        "gateway_refund_id": refund.gateway_refund_id,
        "failed_creations": refund.failed_creations,
        "failure_reason": refund.failure_reason,
        "is_external": refund.is_external,
        "requested_at": refund.requested_at,
        "started_at": refund.started_at,
    }
