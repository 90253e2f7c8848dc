"""Money that reached the seller outside the gateway: by bank transfer, by check (policy P22).

Owns what an operator says of such a payment and what is kept of it. Does not own what it means for
a subscription (`billing.receiving`) nor the books (`billing.ledger`).
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import StringConstraints

from billing.ids import derived_id
from billing.invoice import InvoiceRecord
from billing.money import Money
from billing.value import Instant, Value

LONGEST_REFERENCE = 140
"""As much as a bank transfer says."""

Reference = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=LONGEST_REFERENCE,
        pattern=r"^[^\x00-\x1f\x7f]+$",
    ),
]


class ReceivedBy(StrEnum):
    """How the money came."""

    BANK_TRANSFER = "bank_transfer"
    CHECK = "check"
    CASH = "cash"
    OTHER = "other"

    @property
    def words(self) -> str:
        """For customers: `paid by …`."""
        return {"bank_transfer": "bank transfer", "check": "check", "cash": "cash"}.get(
            self, "other means"
        )


class ReportedPayment(Value):
    """What somebody found on the seller's bank statement."""

    amount: Money
    received_at: Instant
    """When the money came."""
    method: ReceivedBy
    reference: Reference
    """What tells it from others, such as the bank's number of the transfer. The same reference on
    the same invoice is the same payment."""


class ReceivedPayment(Value):
    """A payment as recorded; it never changes."""

    id: str
    invoice_id: str
    customer_id: str
    subscription_id: str
    command_id: str
    """Whose recording it was; the audit log has who and why."""
    reported: ReportedPayment
    applied: Money
    """What of it pays the invoice; the rest is the customer's balance."""
    left: Money
    """What was still to pay of the invoice after it."""
    booked_at: Instant
    """When it was recorded, on the subscription's clock: the books have it from then on."""

    @property
    def to_balance(self) -> Money:
        """More than was owed."""
        return self.reported.amount - self.applied

    @property
    def pays_the_rest(self) -> bool:
        """Whether nothing is owed on the invoice after it."""
        return self.left.amount_minor == 0

    @classmethod
    def on(
        cls, invoice: InvoiceRecord, reported: ReportedPayment, *, command_id: str, now: Instant
    ) -> Self:
        """What it does to an open invoice or a bad debt: pays what is owed, and no more."""
        due = invoice.owed
        minor = min(reported.amount.amount_minor, due.amount_minor)
        applied = due.model_copy(update={"amount_minor": minor})
        return cls(
            id=received_payment_id(invoice.id, reported.reference),
            invoice_id=invoice.id,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            command_id=command_id,
            reported=reported,
            applied=applied,
            left=due - applied,
            booked_at=now,
        )


def received_payment_id(invoice_id: str, reference: str) -> str:
    """The same for the same reference, so that it is recorded once (policy P32)."""
    return derived_id("rcv", invoice_id, reference)
