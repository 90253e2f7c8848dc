"""Every try to collect an invoice, kept for ever."""

from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Row, bindparam, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.statement import Statement
from adapters.db.tables.invoice import invoices
from adapters.db.tables.payment_attempt import OUTCOMES_THAT_MAY_CHANGE, payment_attempts
from billing.invoice import InvoiceRecord, InvoiceStatus
from billing.money import Money
from billing.payment import CollectionOutcome
from billing.ports.books import EarlierAttempts, PaymentAttempt

_OUTCOMES: Final[TypeAdapter[CollectionOutcome | None]] = TypeAdapter(CollectionOutcome | None)
_IS_OPEN: Final = or_(
    payment_attempts.c.outcome_kind.is_(None),
    *(payment_attempts.c.outcome_kind == kind for kind in OUTCOMES_THAT_MAY_CHANGE),
)
_INSERT: Final = insert(payment_attempts).values(
    {column.name: bindparam(column.name) for column in payment_attempts.c}
)
_PUT: Final = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=[payment_attempts.c.invoice_id, payment_attempts.c.number],
        set_={
            column.name: _INSERT.excluded[column.name]
            for column in payment_attempts.c
            if not column.primary_key
        },
        where=_IS_OPEN,
    )
)
_LATEST_FIRST: Final = (
    payment_attempts.c.attempted_at.desc(),
    payment_attempts.c.started_at.desc(),
    payment_attempts.c.number.desc(),
)


_BY_PAYMENT: Final = Statement(
    select(payment_attempts).where(payment_attempts.c.payment_id == bindparam("payment_id"))
)
_WAITING: Final = (
    select(payment_attempts.c.payment_id)
    .join(invoices, invoices.c.id == payment_attempts.c.invoice_id)
    .where(
        invoices.c.status == InvoiceStatus.OPEN,
        payment_attempts.c.outcome_kind.in_(OUTCOMES_THAT_MAY_CHANGE),
        payment_attempts.c.payment_id.is_not(None),
        payment_attempts.c.started_at < bindparam("started_before"),
    )
    .order_by(payment_attempts.c.started_at)
)
_OF_INVOICE: Final = select(literal("invoice").label("why"), payment_attempts).where(
    payment_attempts.c.invoice_id == bindparam("invoice_id")
)
_DECLINED: Final = (
    select(literal("declined").label("why"), payment_attempts)
    .join(invoices, invoices.c.id == payment_attempts.c.invoice_id)
    .where(
        invoices.c.customer_id == bindparam("customer_id"),
        payment_attempts.c.amount_minor == bindparam("amount_minor"),
        payment_attempts.c.currency == bindparam("currency"),
        payment_attempts.c.attempted_at >= bindparam("since"),
        payment_attempts.c.outcome_kind == "declined",
    )
)
_LAST_OF_METHOD: Final = (
    select(literal("method").label("why"), payment_attempts)
    .where(
        payment_attempts.c.payment_method_id == bindparam("payment_method_id"),
        payment_attempts.c.outcome_kind.is_not(None),
    )
    .order_by(*_LATEST_FIRST)
    .limit(1)
)
_EARLIER: Final = Statement(union_all(_OF_INVOICE, _DECLINED, _LAST_OF_METHOD))
_START_PAYMENT: Final = Statement("""
    WITH owed AS (
        SELECT id FROM invoices WHERE id = :invoice_id AND status = 'open' FOR NO KEY UPDATE
    )
    UPDATE payment_attempts SET payment_id = :payment_id
    FROM owed
    WHERE invoice_id = owed.id AND number = :number AND failed_creations = :failed_creations
        AND coalesce(payment_id, :payment_id) = :payment_id AND outcome_kind IS NULL
""")


class SqlPaymentAttempts:
    """Implements `billing.ports.books.PaymentAttempts`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, invoice_id: str, number: int) -> PaymentAttempt | None:
        """One attempt."""
        found = await self._connection.execute(
            select(payment_attempts).where(
                payment_attempts.c.invoice_id == invoice_id, payment_attempts.c.number == number
            )
        )
        row = found.one_or_none()
        return None if row is None else as_attempt(row)

    async def unfinished(self, invoice_id: str) -> tuple[PaymentAttempt, ...]:
        """Attempts that might still take money, oldest first."""
        found = await self._connection.execute(
            select(payment_attempts)
            .where(payment_attempts.c.invoice_id == invoice_id, _IS_OPEN)
            .order_by(payment_attempts.c.number)
        )
        return tuple(as_attempt(row) for row in found)

    async def put(self, attempt: PaymentAttempt) -> None:
        """Stores or replaces by invoice and number; an outcome that is final never changes."""
        await _PUT.run(self._connection, _columns(attempt))

    async def by_payment(self, payment_id: str) -> PaymentAttempt | None:
        """The attempt that made a payment at the gateway."""
        row = await _BY_PAYMENT.row(self._connection, {"payment_id": payment_id})
        return None if row is None else as_attempt(row)

    async def waiting(self, *, started_before: datetime) -> tuple[str, ...]:
        """Of open invoices, payments whose outcome somebody else decides; see the port."""
        found = await self._connection.scalars(_WAITING, {"started_before": started_before})
        return tuple(found)

    async def start_payment(self, attempt: PaymentAttempt) -> bool:
        """Locks the invoice, so that nobody closes it in the same moment; see the port."""
        started = await _START_PAYMENT.run(
            self._connection,
            {
                "invoice_id": attempt.invoice_id,
                "number": attempt.number,
                "payment_id": attempt.payment_id,
                "failed_creations": attempt.failed_creations,
            },
        )
        return started > 0

    async def earlier(
        self, invoice: InvoiceRecord, *, payment_method_id: str | None, since: datetime
    ) -> EarlierAttempts:
        """See the port. One statement: this is asked before every attempt."""
        found = await _EARLIER.rows(
            self._connection,
            {
                "invoice_id": invoice.id,
                "customer_id": invoice.customer_id,
                "amount_minor": invoice.amount_due.amount_minor,
                "currency": invoice.total.currency,
                "since": since,
                "payment_method_id": payment_method_id,
            },
        )
        known: dict[str, list[PaymentAttempt]] = {"invoice": [], "declined": [], "method": []}
        for row in found:
            known[row.why].append(as_attempt(row))
        return EarlierAttempts(
            of_invoice=tuple(sorted(known["invoice"], key=lambda each: each.number)),
            declined=tuple(sorted(known["declined"], key=_time, reverse=True)),
            last_of_method=next(iter(known["method"]), None),
        )


def _time(attempt: PaymentAttempt) -> tuple[datetime, datetime, int]:
    return attempt.attempted_at, attempt.started_at, attempt.number


def as_attempt(row: Row[Any]) -> PaymentAttempt:
    """The value of a row of `payment_attempts`."""
    return PaymentAttempt(
        invoice_id=row.invoice_id,
        number=row.number,
        payment_method_id=row.payment_method_id,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        started_at=row.started_at,
        attempted_at=row.attempted_at,
        payment_id=row.payment_id,
        failed_creations=row.failed_creations,
        failed_confirmations=row.failed_confirmations,
        outcome=_OUTCOMES.validate_python(row.outcome),
    )


def _columns(attempt: PaymentAttempt) -> dict[str, Any]:
    return {
        "invoice_id": attempt.invoice_id,
        "number": attempt.number,
        "payment_method_id": attempt.payment_method_id,
        "amount_minor": attempt.amount.amount_minor,
        "currency": attempt.amount.currency,
        "started_at": attempt.started_at,
        "attempted_at": attempt.attempted_at,
        "payment_id": attempt.payment_id,
        "failed_creations": attempt.failed_creations,
        "failed_confirmations": attempt.failed_confirmations,
        "outcome_kind": None if attempt.outcome is None else attempt.outcome.kind,
        "outcome": attempt.outcome,
    }
