"""Credit notes and their gapless numbers (policy P29, P31)."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.line_tax import TAX_ARRAYS, TAX_COLUMNS, TAX_VALUES, as_line_tax, tax_parameters
from adapters.db.repositories.balances import SqlBalances, lock_balance
from adapters.db.repositories.debits import lock_invoice
from adapters.db.repositories.document_number import next_number
from adapters.db.tables.credit_note import credit_note_lines, credit_notes
from adapters.db.tables.document_counter import Document
from billing.balance import BalanceCause, BalanceMovement
from billing.credit_note import CreditNoteDraft, CreditNoteLine, CreditReason
from billing.ids import effect_key
from billing.money import Money
from billing.period import Period
from billing.proration import LineRef

_ISSUE: Final = text(f"""
    WITH known AS (SELECT number FROM credit_notes WHERE id = :id),
    counter AS ({next_number(Document.CREDIT_NOTE)}),
    added AS (
        INSERT INTO credit_notes (
            id, issuer, sequence, number, source, invoice_id, customer_id, subscription_id,
            currency, reason, to_balance_minor, to_card_minor, tax_minor, issued_at
        )
        SELECT :id, issuer, sequence, number, :source, :invoice_id, :customer_id,
            :subscription_id, :currency, :reason, :to_balance_minor, :to_card_minor, :tax_minor,
            :issued_at
        FROM counter
        RETURNING *
    ),
    lines AS (
        INSERT INTO credit_note_lines (
            credit_note_id, position, invoice_id, debit_position, description,
            period_start, period_end, amount_minor, currency, {TAX_COLUMNS}
        )
        SELECT added.id, line.position, line.invoice_id, line.debit_position, line.description,
            line.period_start, line.period_end, line.amount_minor, added.currency, {TAX_VALUES}
        FROM added, unnest(
            CAST(:invoice_ids AS text[]), CAST(:debit_positions AS integer[]),
            CAST(:descriptions AS text[]), CAST(:period_starts AS timestamptz[]),
            CAST(:period_ends AS timestamptz[]), CAST(:amounts_minor AS bigint[]), {TAX_ARRAYS}
        ) WITH ORDINALITY AS line (
            invoice_id, debit_position, description,
            period_start, period_end, amount_minor, {TAX_COLUMNS}, position
        )
    )
    SELECT number FROM added UNION ALL SELECT number FROM known
""")  # noqa: S608 - put together from constants

_OF_SOURCE: Final = (
    select(credit_notes)
    .where(
        credit_notes.c.subscription_id == bindparam("subscription_id"),
        credit_notes.c.source == bindparam("source"),
    )
    .order_by(credit_notes.c.sequence)
)


class SqlCreditNotes:
    """Implements `billing.ports.books.CreditNotes`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def issue(self, draft: CreditNoteDraft) -> str:
        """Numbers and stores the note once per id, moves the balance, and returns its number.

        Other credit notes wait for the number until the transaction ends: call it late. Raises
        `NotFound` (`invoice_not_found`) and `BooksBroken` (`credit_exceeds_debit`).
        """
        # Repetitions, and others that credit the same invoice, wait here and see what was written.
        await lock_invoice(self._connection, draft.invoice_id)
        await lock_balance(self._connection, draft.customer_id, draft.currency)
        issued = await self._connection.execute(_ISSUE, _columns(draft) | _lines(draft))
        number: str = issued.scalar_one()
        if draft.to_balance.amount_minor:
            await SqlBalances(self._connection).move(_movement(draft))
        return number

    async def of_source(self, subscription_id: str, source: str) -> tuple[CreditNoteDraft, ...]:
        """What a cause has led to so far, by number."""
        found = await self._connection.execute(
            _OF_SOURCE, {"subscription_id": subscription_id, "source": source}
        )
        return await with_lines(self._connection, tuple(found))


async def with_lines(
    connection: AsyncConnection, rows: tuple[Row[Any], ...]
) -> tuple[CreditNoteDraft, ...]:
    """The values of rows of `credit_notes`, with one statement for all of their lines."""
    lines: dict[str, list[CreditNoteLine]] = defaultdict(list)
    if rows:
        for line in await connection.execute(
            select(credit_note_lines)
            .where(credit_note_lines.c.credit_note_id.in_([row.id for row in rows]))
            .order_by(credit_note_lines.c.credit_note_id, credit_note_lines.c.position)
        ):
            lines[line.credit_note_id].append(_as_line(line))
    return tuple(_as_draft(row, lines[row.id]) for row in rows)


def _movement(draft: CreditNoteDraft) -> BalanceMovement:
    return BalanceMovement(
        source_key=effect_key("balance.credited", draft.id),
        customer_id=draft.customer_id,
        cause=BalanceCause.CREDIT_NOTE,
        amount=draft.to_balance,
        at=draft.issued_at,
        invoice_id=draft.invoice_id,
        credit_note_id=draft.id,
    )


def _as_draft(row: Row[Any], lines: Iterable[CreditNoteLine]) -> CreditNoteDraft:
    return CreditNoteDraft(
        id=row.id,
        source=row.source,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        currency=row.currency,
        reason=CreditReason(row.reason),
        issued_at=row.issued_at,
        lines=tuple(lines),
        to_balance=Money(amount_minor=row.to_balance_minor, currency=row.currency),
        to_card=Money(amount_minor=row.to_card_minor, currency=row.currency),
    )


def _as_line(row: Row[Any]) -> CreditNoteLine:
    return CreditNoteLine(
        description=row.description,
        debit=LineRef(invoice_id=row.invoice_id, position=row.debit_position),
        period=Period(start=row.period_start, end=row.period_end),
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        tax=as_line_tax(row._asdict()),
    )


def _columns(draft: CreditNoteDraft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "source": draft.source,
        "invoice_id": draft.invoice_id,
        "customer_id": draft.customer_id,
        "subscription_id": draft.subscription_id,
        "currency": draft.currency,
        "reason": draft.reason,
        "to_balance_minor": draft.to_balance.amount_minor,
        "to_card_minor": draft.to_card.amount_minor,
        "tax_minor": draft.tax.amount_minor,
        "issued_at": draft.issued_at,
    }


def _lines(draft: CreditNoteDraft) -> dict[str, Any]:
    return {
        "invoice_ids": [line.debit.invoice_id for line in draft.lines],
        "debit_positions": [line.debit.position for line in draft.lines],
        "descriptions": [line.description for line in draft.lines],
        "period_starts": [line.period.start for line in draft.lines],
        "period_ends": [line.period.end for line in draft.lines],
        "amounts_minor": [line.amount.amount_minor for line in draft.lines],
        **tax_parameters([line.tax for line in draft.lines]),
    }
