"""What the API says about credit notes and refunds.

Owns their public shapes.
"""

from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel, Field

from adapters.db.queries.credit_notes import CreditNote
from api.invoice_parts import LineTaxView
from api.money_view import MoneyView
from api.period_view import PeriodView
from api.sale import PurchaseOf, SubscriptionOf, sale_of
from billing.credit_note import CreditNoteLine, CreditReason
from billing.refund import Refund, RefundState

CREDIT_NOTE_ID: Final = "cn_4a1b9c0d2e3f4a1b9c0d2e3f"
REFUND_ID: Final = "re_4a1b9c0d2e3f4a1b9c0d2e3f"


class RefundView(BaseModel):
    """Money on its way back to a payment's source."""

    id: str = Field(examples=[REFUND_ID])
    state: RefundState = Field(
        description="Only moves forward; what succeeded may still fail. What failed is the"
        " customer's balance"
    )
    credit_note: str = Field(examples=[CREDIT_NOTE_ID])
    invoice: str
    customer: str
    subscription: SubscriptionOf
    purchase: PurchaseOf
    amount: MoneyView
    payment: str = Field(description="The payment's id at the gateway")
    gateway_refund: str | None = Field(
        description="The refund's id at the gateway, once it is made there", examples=["re_3PqZ"]
    )
    failure_reason: str | None = Field(examples=["expired_or_canceled_card"])
    is_external: bool = Field(description="Made in the gateway's dashboard")
    requested_at: datetime

    @classmethod
    def of(cls, refund: Refund) -> Self:
        """The refund, without how it is carried out."""
        return cls(
            id=refund.id,
            state=refund.state,
            credit_note=refund.credit_note_id,
            invoice=refund.invoice_id,
            customer=refund.customer_id,
            **sale_of(refund.subscription_id),
            amount=MoneyView.of(refund.amount),
            payment=refund.payment_id,
            gateway_refund=refund.gateway_refund_id,
            failure_reason=refund.failure_reason,
            is_external=refund.is_external,
            requested_at=refund.requested_at,
        )


class CreditNoteLineView(BaseModel):
    """What is given back of one line of the invoice."""

    description: str
    invoice_line: int = Field(description="Which line of the invoice, counted from 1")
    period: PeriodView = Field(description="The time that is given back")
    amount: MoneyView
    tax: LineTaxView | None = Field(description="What goes back of the line's tax")

    @classmethod
    def of(cls, line: CreditNoteLine) -> Self:
        """The line; positive, as what the customer gets."""
        return cls(
            description=line.description,
            invoice_line=line.debit.position,
            period=PeriodView.of(line.period),
            amount=MoneyView.of(line.amount),
            tax=LineTaxView.of(line.tax),
        )


class CreditNoteView(BaseModel):
    """A correction of one invoice: immutable."""

    id: str = Field(examples=[CREDIT_NOTE_ID])
    number: str = Field(examples=["CN-000001"])
    invoice: str
    customer: str
    subscription: SubscriptionOf
    purchase: PurchaseOf
    reason: CreditReason
    total: MoneyView = Field(description="With tax")
    tax: MoneyView = Field(description="What of the total is tax")
    to_card: MoneyView = Field(description="Refunded to where the payment came from")
    to_balance: MoneyView = Field(description="Set against the customer's next invoices")
    issued_at: datetime
    lines: list[CreditNoteLineView]
    refund: RefundView | None = Field(description="What brings the card's part back")

    @classmethod
    def of(cls, note: CreditNote) -> Self:
        """The note, whole."""
        draft = note.draft
        return cls(
            id=draft.id,
            number=note.number,
            invoice=draft.invoice_id,
            customer=draft.customer_id,
            **sale_of(draft.subscription_id),
            reason=draft.reason,
            total=MoneyView.of(draft.total),
            tax=MoneyView.of(draft.tax),
            to_card=MoneyView.of(draft.to_card),
            to_balance=MoneyView.of(draft.to_balance),
            issued_at=draft.issued_at,
            lines=[CreditNoteLineView.of(line) for line in draft.lines],
            refund=None if note.refund is None else RefundView.of(note.refund),
        )
