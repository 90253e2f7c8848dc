"""Every try to collect an invoice."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    DOCUMENT,
    INSTANT,
    MINOR_UNITS,
    Row,
    currency_code,
    index,
    references,
    table_of,
)

OUTCOMES_THAT_MAY_CHANGE = ("processing", "action_required")
"""After these the money may still come, or not; every other outcome is final."""

_MAY_CHANGE = "outcome_kind IN ('processing', 'action_required')"
_ZERO = text("0")


class PaymentAttemptRow(Row, table=True):
    """One try; `outcome_kind` repeats the discriminator of `outcome`."""

    __tablename__ = "payment_attempts"
    __table_args__ = (
        references("invoice_id", "invoices.id"),
        currency_code(),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("amount_minor >= 0", name="amount_minor"),
        CheckConstraint(
            "outcome_kind IN ('paid', 'declined', 'action_required', 'processing',"
            " 'no_payment_method', 'already_closed')",
            name="outcome_kind",
        ),
        CheckConstraint("(outcome IS NULL) = (outcome_kind IS NULL)", name="outcome"),
        index("payment_attempts", "payment_id", where="payment_id IS NOT NULL", unique=True),
        index("payment_attempts", "payment_method_id attempted_at"),
        index("payment_attempts", "started_at", where=_MAY_CHANGE),
    )

    invoice_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    payment_method_id: str
    amount_minor: int = Field(sa_type=MINOR_UNITS)
    currency: str = Field(sa_type=CURRENCY)
    started_at: datetime = Field(sa_type=INSTANT)
    attempted_at: datetime = Field(sa_type=INSTANT)
    payment_id: str | None
    failed_creations: int = Field(sa_column_kwargs={"server_default": _ZERO})
    failed_confirmations: int = Field(sa_column_kwargs={"server_default": _ZERO})
    outcome_kind: str | None
    outcome: dict[str, object] | None = Field(sa_type=DOCUMENT)


payment_attempts = table_of(PaymentAttemptRow)
