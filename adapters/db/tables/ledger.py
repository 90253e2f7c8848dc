"""The journal: append-only, and balanced per entry and currency by a trigger (policy P30)."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    INSTANT,
    MINOR_UNITS,
    NOW,
    Row,
    currency_code,
    index,
    one_of,
    references,
    table_of,
)
from billing.ledger import Account


class JournalEntryRow(Row, table=True):
    """One event that moved value, once per source key."""

    __tablename__ = "journal_entries"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("invoice_id", "invoices.id", deferred=True),
        index("journal_entries", "customer_id occurred_at"),
        index("journal_entries", "invoice_id"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    source_key: str = Field(unique=True)
    occurred_at: datetime = Field(sa_type=INSTANT)
    customer_id: str
    invoice_id: str
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


class PostingRow(Row, table=True):
    """One side of an entry; a positive amount is a debit."""

    __tablename__ = "postings"
    __table_args__ = (
        references("entry_id", "journal_entries.id"),
        one_of("account", Account),
        currency_code(),
        CheckConstraint("position >= 1", name="position"),
        index("postings", "account currency"),
    )

    entry_id: int = Field(sa_type=BigInteger, primary_key=True)
    position: int = Field(primary_key=True)
    account: str
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    currency: str = Field(sa_type=CURRENCY)


journal_entries = table_of(JournalEntryRow)
postings = table_of(PostingRow)
