"""Credit notes and their lines: what was given back of an invoice (policy P29)."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    INSTANT,
    MINOR_UNITS,
    NOW,
    PERCENT,
    ZERO,
    Row,
    currency_code,
    index,
    one_of,
    references,
    table_of,
    tax_of_line,
)
from billing.credit_note import CreditReason


class CreditNoteRow(Row, table=True):
    """One correction of one invoice, and where the money goes; append-only."""

    __tablename__ = "credit_notes"
    __table_args__ = (
        references("invoice_id", "invoices.id"),
        references("customer_id", "customers.id"),
        references("subscription_id", "subscriptions.id", deferred=True),
        one_of("reason", CreditReason),
        currency_code(),
        CheckConstraint("to_balance_minor >= 0 AND to_card_minor >= 0", name="amounts"),
        index("credit_notes", "issuer sequence", unique=True),
        index("credit_notes", "issuer number", unique=True),
        index("credit_notes", "invoice_id source", unique=True),
        index("credit_notes", "id invoice_id", unique=True),
        index("credit_notes", "issued_at id"),
        index("credit_notes", "customer_id issued_at id"),
        index("credit_notes", "subscription_id issued_at id"),
    )

    id: str = Field(primary_key=True)
    issuer: str
    sequence: int = Field(sa_type=MINOR_UNITS)
    number: str
    source: str
    invoice_id: str
    customer_id: str
    subscription_id: str
    currency: str = Field(sa_type=CURRENCY)
    reason: str
    to_balance_minor: int = Field(sa_type=MINOR_UNITS)
    to_card_minor: int = Field(sa_type=MINOR_UNITS)
    tax_minor: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": ZERO})
    """What of both is tax; a trigger compares all with the lines."""
    issued_at: datetime = Field(sa_type=INSTANT)
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


class CreditNoteLineRow(Row, table=True):
    """What is given back of one line of the note's invoice; positive and append-only."""

    __tablename__ = "credit_note_lines"
    __table_args__ = (
        references("credit_note_id invoice_id", "credit_notes.id credit_notes.invoice_id"),
        references("invoice_id debit_position", "invoice_lines.invoice_id invoice_lines.position"),
        currency_code(),
        CheckConstraint("period_start < period_end", name="period"),
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint(
            "amount_minor >= 0 AND (amount_minor > 0 OR tax_minor > 0)", name="amount_minor"
        ),
        *tax_of_line(),
        index("credit_note_lines", "invoice_id debit_position"),
    )

    credit_note_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    invoice_id: str
    debit_position: int
    description: str
    period_start: datetime = Field(sa_type=INSTANT)
    period_end: datetime = Field(sa_type=INSTANT)
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    currency: str = Field(sa_type=CURRENCY)
    tax_jurisdiction: str | None
    tax_name: str | None
    tax_rate: Decimal | None = Field(sa_type=PERCENT)
    """In percent."""
    tax_reason: str | None
    """Why none is charged."""
    tax_category: str | None
    """Of what was sold; none where it has none, or from before lines had it."""
    tax_inclusive: bool = Field(sa_column_kwargs={"server_default": text("false")})
    """Whether the amount includes it."""
    tax_minor: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": ZERO})


credit_notes = table_of(CreditNoteRow)
credit_note_lines = table_of(CreditNoteLineRow)
