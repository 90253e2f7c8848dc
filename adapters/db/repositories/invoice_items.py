"""One-off charges: added, taken into an invoice once, canceled, or lapsed with the subscription.

Whoever closes an item does so by an update of what is pending: of two, the later finds nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.appended import Appended
from adapters.db.repositories.operator_tasks import SqlOperatorTasks
from adapters.db.statement import Statement
from adapters.db.tables.invoice_item import invoice_items
from adapters.db.tables.subscription import subscriptions
from billing.errors import Conflict, NotFound
from billing.event import DomainEvent
from billing.ids import effect_key
from billing.invoice_item import InvoiceItem, InvoiceItemStatus, SoldOnce
from billing.money import Money
from billing.period import Period
from billing.subscription import SubscriptionState
from billing.task import OperatorTask, TaskKind

_TAKE: Final = Statement("""
    WITH taken AS (
        UPDATE invoice_items
        SET status = 'invoiced', invoice_id = :invoice_id, closed_at = :at
        WHERE subscription_id = :subscription_id AND status = 'pending'
            AND NOT EXISTS (SELECT FROM invoices WHERE id = :invoice_id)
        RETURNING *
    ),
    found AS (
        SELECT * FROM taken
        UNION ALL SELECT * FROM invoice_items WHERE invoice_id = :invoice_id
    )
    SELECT * FROM found ORDER BY created_at, id
""")


class SqlInvoiceItems:
    """Implements `billing.ports.books.InvoiceItems`, with what the API writes besides."""

    def __init__(self, connection: AsyncConnection, appended: Appended) -> None:
        self._connection = connection
        self._appended = appended

    async def lock_subscription(self, subscription_id: str) -> SubscriptionState | None:
        """The recorded state, which does not change until the transaction ends.

        So an item is never added to a subscription that has just ended.
        """
        state = await self._connection.scalar(
            select(subscriptions.c.state)
            .where(subscriptions.c.id == subscription_id)
            .with_for_update(read=True)
        )
        return None if state is None else SubscriptionState.model_validate(state)

    async def pending(self, subscription_id: str) -> tuple[InvoiceItem, ...]:
        """Those that wait, in the order in which they were added."""
        return await pending_items(self._connection, subscription_id)

    async def add(self, item: InvoiceItem) -> None:
        """Once per id."""
        added = await self._connection.execute(
            insert(invoice_items).values(_columns(item)).on_conflict_do_nothing()
        )
        if added.rowcount:
            self._tell("invoice_item.created", item, item.created_at)

    async def add_invoiced(self, item: InvoiceItem, *, invoice_id: str, at: datetime) -> None:
        """An item that an invoice has from the beginning; once per id."""
        await self.add(
            item.model_copy(
                update={
                    "status": InvoiceItemStatus.INVOICED,
                    "invoice_id": invoice_id,
                    "closed_at": at,
                }
            )
        )

    async def get(self, customer_id: str, item_id: str) -> InvoiceItem:
        """One item of a customer. Raises `NotFound` (`invoice_item_not_found`)."""
        found = await self._connection.execute(
            select(invoice_items).where(
                invoice_items.c.id == item_id, invoice_items.c.customer_id == customer_id
            )
        )
        row = found.one_or_none()
        if row is None:
            raise NotFound("invoice_item_not_found", f"no invoice item {item_id} of this customer")
        return as_item(row)

    async def cancel(self, customer_id: str, item_id: str, *, at: datetime) -> None:
        """No invoice takes it. Raises `NotFound`, and `Conflict` (`invoice_item_not_pending`)."""
        canceled = await self._connection.execute(
            update(invoice_items)
            .where(
                invoice_items.c.id == item_id,
                invoice_items.c.customer_id == customer_id,
                invoice_items.c.status == InvoiceItemStatus.PENDING,
            )
            .values(status=InvoiceItemStatus.CANCELED, closed_at=at)
        )
        item = await self.get(customer_id, item_id)
        if not canceled.rowcount:
            raise Conflict("invoice_item_not_pending", f"the item is {item.status} already")
        self._tell("invoice_item.canceled", item, at)

    async def take(
        self, subscription_id: str, *, invoice_id: str, at: datetime
    ) -> tuple[InvoiceItem, ...]:
        """The pending items, from now on the invoice's; in the order in which they were added.

        Where the invoice is finalised already: those that it took.
        """
        taken = await _TAKE.rows(
            self._connection,
            {"subscription_id": subscription_id, "invoice_id": invoice_id, "at": at},
        )
        return tuple(as_item(row) for row in taken)

    async def lapse(self, state: SubscriptionState, *, at: datetime) -> None:
        """No invoice comes any more: what is pending is an operator's to decide about."""
        lapsed = await self._connection.execute(
            update(invoice_items)
            .where(
                invoice_items.c.subscription_id == state.subscription_id,
                invoice_items.c.status == InvoiceItemStatus.PENDING,
            )
            .values(status=InvoiceItemStatus.LAPSED, closed_at=at)
            .returning(*invoice_items.c)
        )
        for item in [as_item(row) for row in lapsed]:
            self._tell("invoice_item.lapsed", item, at)
            await SqlOperatorTasks(self._connection).add(
                OperatorTask(
                    key=effect_key("invoice_item.lapsed", item.id),
                    kind=TaskKind.ITEMS_LAPSED,
                    subject=item.id,
                    customer_id=item.customer_id,
                    subscription_id=item.subscription_id,
                    created_at=at,
                    details={"description": item.description, **_amount(item)},
                )
            )

    def _tell(self, kind: str, item: InvoiceItem, at: datetime) -> None:
        self._appended.tell(
            DomainEvent(
                key=effect_key(kind, item.id),
                type=kind,
                at=at,
                customer_id=item.customer_id,
                subscription_id=item.subscription_id,
                details={"invoice_item": item.id, **_amount(item)},
            )
        )


async def pending_items(
    connection: AsyncConnection, subscription_id: str
) -> tuple[InvoiceItem, ...]:
    """What waits for a subscription's next invoice, in the order in which it was added."""
    found = await connection.execute(
        select(invoice_items)
        .where(
            invoice_items.c.subscription_id == subscription_id,
            invoice_items.c.status == InvoiceItemStatus.PENDING,
        )
        .order_by(invoice_items.c.created_at, invoice_items.c.id)
    )
    return tuple(as_item(row) for row in found)


def as_item(row: Row[Any]) -> InvoiceItem:
    """The value of a row of `invoice_items`."""
    return item_of(row._asdict())


def item_of(columns: Mapping[str, Any]) -> InvoiceItem:
    """The value of a row of `invoice_items`, or of such a row as JSON."""
    sold = columns["sold"]
    return InvoiceItem(
        id=columns["id"],
        customer_id=columns["customer_id"],
        subscription_id=columns["subscription_id"],
        description=columns["description"],
        quantity=columns["quantity"],
        amount=Money(amount_minor=columns["amount_minor"], currency=columns["currency"]),
        period=Period(start=columns["period_start"], end=columns["period_end"]),
        created_at=columns["created_at"],
        status=InvoiceItemStatus(columns["status"]),
        invoice_id=columns["invoice_id"],
        closed_at=columns["closed_at"],
        sold=None if sold is None else SoldOnce.model_validate(sold),
        discountable=columns["discountable"],
    )


def _amount(item: InvoiceItem) -> dict[str, str | int | None]:
    return {"amount_minor": item.amount.amount_minor, "currency": item.amount.currency}


def _columns(item: InvoiceItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "customer_id": item.customer_id,
        "subscription_id": item.subscription_id,
        "description": item.description,
        "quantity": item.quantity,
        "amount_minor": item.amount.amount_minor,
        "currency": item.amount.currency,
        "period_start": item.period.start,
        "period_end": item.period.end,
        "created_at": item.created_at,
        "status": item.status,
        "invoice_id": item.invoice_id,
        "closed_at": item.closed_at,
        "sold": None if item.sold is None else item.sold.model_dump(mode="json"),
        "discountable": item.discountable,
    }
