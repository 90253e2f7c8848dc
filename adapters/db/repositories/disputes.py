"""Disputes, as the gateway last told."""

from typing import Any, Final

from sqlalchemy import Row, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.dispute import disputes
from billing.dispute import Dispute, DisputeState
from billing.money import Money

_CHANGING: Final = ("currency", "amount_minor", "state", "reason", "opened_at", "closed_at")
_INSERT: Final = insert(disputes).values(
    {column.name: bindparam(column.name) for column in disputes.c if column.name != "recorded_at"}
)
_PUT: Final = _INSERT.on_conflict_do_update(
    index_elements=[disputes.c.id],
    set_={name: _INSERT.excluded[name] for name in _CHANGING},
)


class SqlDisputes:
    """Implements `billing.ports.books.Disputes`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, dispute_id: str) -> Dispute | None:
        """One dispute, locked until the transaction ends."""
        found = await self._connection.execute(
            select(disputes).where(disputes.c.id == dispute_id).with_for_update(key_share=True)
        )
        row = found.one_or_none()
        return None if row is None else as_dispute(row)

    async def put(self, dispute: Dispute) -> None:
        """Stores by id, or replaces what the gateway says of it.

        The database refuses a state that lies before the stored one, and another amount or instant
        of opening once money was withdrawn: read it under its lock first.
        """
        await self._connection.execute(_PUT, _columns(dispute))


def as_dispute(row: Row[Any]) -> Dispute:
    """The value of a row of `disputes`."""
    return Dispute(
        id=row.id,
        payment_id=row.payment_id,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        state=DisputeState(row.state),
        reason=row.reason,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )


def _columns(dispute: Dispute) -> dict[str, Any]:
    return {
        "id": dispute.id,
        "payment_id": dispute.payment_id,
        "invoice_id": dispute.invoice_id,
        "customer_id": dispute.customer_id,
        "subscription_id": dispute.subscription_id,
        "currency": dispute.amount.currency,
        "amount_minor": dispute.amount.amount_minor,
        "state": dispute.state,
        "reason": dispute.reason,
        "opened_at": dispute.opened_at,
        "closed_at": dispute.closed_at,
    }
