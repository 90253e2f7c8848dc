"""Payments that came outside the gateway: recording what is on the bank statement (policy P22).

Owns recording one on an open invoice or a bad debt, and its public shape. It is a command to the
workflow of the subscription or purchase that owes the invoice; that of an ended one may be over
(`api.bad_debts`). Payments are listed with their invoices (`api.invoices`).
"""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.engine import reading
from adapters.db.queries import invoices
from adapters.db.repositories import received_payments
from api import bad_debts
from api.authentication import CallerOf
from api.commanding import Commanded, Signature
from api.dependencies import Deps
from api.fields import AmountMinor, Body, Currency, InvoiceId, Reason, Timestamp, example
from api.idempotency import Ids
from api.money_view import MoneyView
from api.route import ApiRoute
from billing.errors import BooksBroken, Conflict, NotFound
from billing.invoice import InvoiceRecord, InvoiceStatus
from billing.money import Money
from billing.received_payment import ReceivedBy, ReceivedPayment, Reference, ReportedPayment
from billing.receiving import check_same
from workflows.messages import RecordPayment

router = APIRouter(
    prefix="/v1/invoices/{invoice_id}/payments", tags=["received_payments"], route_class=ApiRoute
)


class ReceivedPaymentInput(Body):
    """What somebody found on the seller's bank statement."""

    model_config = example(
        {
            "amount_minor": 50000,
            "currency": "USD",
            "received_at": "2026-07-05T00:00:00Z",
            "method": "bank_transfer",
            "reference": "2026070500123",
            "reason": "On the statement of July 5",
        }
    )

    amount_minor: AmountMinor = Field(
        description="In minor units; what is more than is owed becomes the customer's balance"
    )
    currency: Currency = Field(description="The invoice's")
    received_at: Timestamp = Field(description="When the money came; not in the future")
    method: ReceivedBy
    reference: Annotated[Reference, Field(description="What tells it from other payments")]
    reason: Reason | None = Field(default=None, description="For the audit log")

    @property
    def reported(self) -> ReportedPayment:
        """The same for the rules."""
        return ReportedPayment(
            amount=Money(amount_minor=self.amount_minor, currency=self.currency),
            received_at=self.received_at,
            method=self.method,
            reference=self.reference,
        )


class ReceivedPaymentView(BaseModel):
    """A payment that came outside the gateway, as recorded."""

    id: str = Field(examples=["rcv_4a1b9c0d2e3f4a1b9c0d2e3f"])
    invoice: str
    amount: MoneyView
    applied: MoneyView = Field(description="What of it pays the invoice")
    to_balance: MoneyView = Field(description="What of it became the customer's balance")
    left: MoneyView = Field(description="What was still to pay of the invoice after it")
    method: ReceivedBy
    reference: str
    received_at: datetime
    recorded_at: datetime = Field(description="The books have it from then on")

    @classmethod
    def of(cls, payment: ReceivedPayment) -> Self:
        """The payment."""
        reported = payment.reported
        return cls(
            id=payment.id,
            invoice=payment.invoice_id,
            amount=MoneyView.of(reported.amount),
            applied=MoneyView.of(payment.applied),
            to_balance=MoneyView.of(payment.to_balance),
            left=MoneyView.of(payment.left),
            method=reported.method,
            reference=reported.reference,
            received_at=reported.received_at,
            recorded_at=payment.booked_at,
        )


@router.post(
    "",
    status_code=201,
    operation_id="record_payment",
    summary="Record a payment that came outside the gateway",
)
async def record_payment(
    invoice_id: InvoiceId, body: ReceivedPaymentInput, deps: Deps, caller: CallerOf, ids: Ids
) -> ReceivedPaymentView:
    """Money for an invoice came by bank transfer, check or otherwise, in whole or in part.

    In full it is what a card's payment is: whatever waited for it happens. After a part, the rest
    is collected as planned. A card's payment that waits for its customer is stopped first; one
    that is on its way refuses this one (`payment_under_way`). The same reference on the same
    invoice is the same payment, whoever records it again; with other facts it is refused
    (`reference_reused`). A bad debt takes it, too: in full it is paid, and a part leaves it
    `uncollectible`. A paid or void invoice takes none (`invoice_paid`, `invoice_not_open`).
    """
    reported = body.reported
    async with reading(deps.engine) as connection:
        invoice, known = await _looked_at(connection, invoice_id, reported)
    if known is not None:
        return ReceivedPaymentView.of(known)
    owing = Commanded(
        id=invoice.subscription_id, deps=deps, ids=ids, caller=caller, expected_version=None
    )
    command = _command(owing.signature(body.reason), invoice_id, reported)
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        recorded = await bad_debts.record_after_the_end(deps.engine, invoice, command)
        if recorded is not None:
            return ReceivedPaymentView.of(recorded)
    await owing.give(command)
    async with reading(deps.engine) as connection:
        payment = await received_payments.find(connection, invoice_id, reported.reference)
    if payment is None:
        raise BooksBroken("payment_missing", f"{reported.reference} is recorded and not there")
    return ReceivedPaymentView.of(payment)


def _command(signed: Signature, invoice_id: str, reported: ReportedPayment) -> RecordPayment:
    return RecordPayment(
        **signed,
        invoice_id=invoice_id,
        amount_minor=reported.amount.amount_minor,
        currency=reported.amount.currency,
        received_at=reported.received_at,
        method=reported.method,
        reference=reported.reference,
    )


async def _looked_at(
    connection: AsyncConnection, invoice_id: str, reported: ReportedPayment
) -> tuple[InvoiceRecord, ReceivedPayment | None]:
    """Early, and where no workflow runs any more; the command's own transaction asks again."""
    invoice = await invoices.get(connection, invoice_id)
    if invoice is None:
        raise NotFound("invoice_not_found", f"no invoice {invoice_id}")
    record = invoice.record
    known = await received_payments.find(connection, invoice_id, reported.reference)
    if known is not None:
        check_same(known, reported)
    elif record.status is InvoiceStatus.PAID:
        raise Conflict("invoice_paid", f"{record.number} is paid")
    elif record.status is InvoiceStatus.VOID:
        raise Conflict("invoice_not_open", f"{record.number} is {record.status}")
    return record, known
