"""What customers have in their favour, and every movement of it."""

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
from billing.balance import BalanceCause


class CustomerBalanceRow(Row, table=True):
    """The sum of a customer's movements in one currency; a trigger keeps it, nobody else may."""

    __tablename__ = "customer_balances"
    __table_args__ = (
        references("customer_id", "customers.id"),
        currency_code(),
        CheckConstraint("balance_minor >= 0", name="balance_minor"),
    )

    customer_id: str = Field(primary_key=True)
    currency: str = Field(sa_type=CURRENCY, primary_key=True)
    balance_minor: int = Field(sa_type=MINOR_UNITS)


class BalanceMovementRow(Row, table=True):
    """One movement, once per source key; append-only. `id` grows in the order of writing."""

    __tablename__ = "balance_movements"
    __table_args__ = (
        references("customer_id", "customers.id"),
        references("invoice_id", "invoices.id", deferred=True),
        references("credit_note_id", "credit_notes.id", deferred=True),
        one_of("cause", BalanceCause),
        currency_code(),
        CheckConstraint("amount_minor <> 0", name="amount_minor"),
        index("balance_movements", "customer_id at id"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    source_key: str = Field(unique=True)
    customer_id: str
    cause: str
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    currency: str = Field(sa_type=CURRENCY)
    at: datetime = Field(sa_type=INSTANT)
    invoice_id: str | None
    credit_note_id: str | None
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


customer_balances = table_of(CustomerBalanceRow)
balance_movements = table_of(BalanceMovementRow)
