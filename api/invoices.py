"""Invoices: what is owed, for which period, and what was tried to collect it.

Owns reading invoices. They are written by activities alone.
"""

from datetime import datetime
from functools import partial
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from adapters.db.engine import reading, snapshot
from adapters.db.queries import invoices
from adapters.documents.archive import invoice_pdf
from adapters.explanation_words import explained
from adapters.hosted_link import HostedLinks
from adapters.locale_format import ENGLISH
from api.dependencies import Deps
from api.fields import CustomerId, InvoiceId
from api.invoice_parts import DiscountView, LineTaxView, TaxView
from api.money_view import MoneyView
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.pdf import PdfResponse
from api.period_view import PeriodView
from api.received_payments import ReceivedPaymentView
from api.route import ApiRoute
from api.sale import PurchaseOf, SubscriptionOf, WantedSale, sale_of
from billing.errors import NotFound
from billing.invoice import InvoiceLine, InvoiceStatus
from billing.payment import Declined
from billing.ports.books import PaymentAttempt
from billing.proration import LineRef

router = APIRouter(prefix="/v1/invoices", tags=["invoices"], route_class=ApiRoute)


class CreditedLineView(BaseModel):
    """A line of an earlier invoice, by its position counted from 1."""

    invoice: str
    position: int

    @classmethod
    def of(cls, line: LineRef) -> Self:
        """The line."""
        return cls(invoice=line.invoice_id, position=line.position)


class InvoiceLineView(BaseModel):
    """One amount for one thing over its own period."""

    description: str = Field(examples=["Team, 5 seats, every month"])
    price: str | None = Field(description="Null for what is charged once, without a price")
    price_version: int | None
    quantity: int
    period: PeriodView
    amount: MoneyView = Field(
        description="Before discounts; negative where the line gives something back"
    )
    discounts: list[DiscountView]
    tax: LineTaxView | None
    credits: CreditedLineView | None = Field(description="The line that it gives back a part of")
    explanation: str | None = Field(
        description="How the amount came about; null where it follows from another line",
        examples=["5 seats at $16.00 = $80.00"],
    )
    invoice_item: str | None = Field(description="The one-off charge that it is for")

    @classmethod
    def of(cls, line: InvoiceLine) -> Self:
        """The line."""
        return cls(
            description=line.description,
            price=line.price_id,
            price_version=line.price_version,
            quantity=line.quantity,
            period=PeriodView.of(line.period),
            amount=MoneyView.of(line.amount),
            discounts=DiscountView.of_line(line),
            tax=LineTaxView.of(line.tax),
            credits=None if line.credits is None else CreditedLineView.of(line.credits),
            explanation=None if line.explanation is None else explained(ENGLISH, line.explanation),
            invoice_item=line.item_id,
        )


class PaymentAttemptView(BaseModel):
    """One try to collect the invoice."""

    number: int
    amount: MoneyView
    payment_method: str
    payment: str | None = Field(description="The payment's id at the gateway")
    started_at: datetime = Field(description="Real time, also on test clocks")
    outcome: str | None = Field(examples=["paid"])
    decline: str | None = Field(examples=["insufficient_funds"])

    @classmethod
    def of(cls, attempt: PaymentAttempt) -> Self:
        """The attempt and what came of it."""
        outcome = attempt.outcome
        return cls(
            number=attempt.number,
            amount=MoneyView.of(attempt.amount),
            payment_method=attempt.payment_method_id,
            payment=attempt.payment_id,
            started_at=attempt.started_at,
            outcome=None if outcome is None else outcome.kind,
            decline=outcome.decline.reason if isinstance(outcome, Declined) else None,
        )


class InvoiceView(BaseModel):
    """A finalised invoice: immutable, but for how it is closed."""

    id: str
    number: str = Field(examples=["PN-000001"])
    status: InvoiceStatus
    customer: str
    subscription: SubscriptionOf
    purchase: PurchaseOf
    period: PeriodView
    change: str | None = Field(
        description="The change of the subscription that it pays for",
        examples=["chg_4a1b9c0d2e3f4a1b9c0d2e3f"],
    )
    subtotal: MoneyView = Field(description="The sum of the lines")
    discounts: list[DiscountView]
    taxes: list[TaxView] = Field(description="Per jurisdiction and rate, also what is not charged")
    total: MoneyView = Field(
        description="Less discounts and with tax; negative where a change gives more back than it"
        " costs"
    )
    from_balance: MoneyView = Field(description="What the customer's balance paid")
    amount_paid: MoneyView = Field(description="What payments brought in")
    amount_due: MoneyView = Field(description="What is still to be collected")
    pay_url: str | None = Field(
        description="Where the customer pays it; null where nothing is due",
        examples=["https://billing.example.com/hosted/invoices/in_4a1b9c0d?signature=7c9e6679"],
    )
    due_at: datetime
    net_days: int | None = Field(
        description="Of one that was sent and is not charged: days from its finalising to `due_at`",
        examples=[30],
    )
    finalized_at: datetime
    paid_at: datetime | None
    voided_at: datetime | None
    uncollectible_at: datetime | None = Field(description="When it was written off as a bad debt")
    memo: str | None
    purchase_order: str | None = Field(examples=["PO-2026-0042"])
    footer: str | None
    lines: list[InvoiceLineView]
    attempts: list[PaymentAttemptView]
    received_payments: list[ReceivedPaymentView] = Field(
        description="What came of it outside the gateway"
    )

    @classmethod
    def of(cls, invoice: invoices.Invoice, *, links: HostedLinks) -> Self:
        """The invoice, whole."""
        record = invoice.record
        is_due = record.amount_due.amount_minor > 0
        return cls(
            id=record.id,
            number=record.number,
            status=record.status,
            customer=record.customer_id,
            **sale_of(record.subscription_id),
            period=PeriodView.of(invoice.period),
            change=record.change_id,
            subtotal=MoneyView.of(record.subtotal),
            discounts=DiscountView.all_of(invoice.lines),
            taxes=TaxView.all_of(invoice.lines),
            total=MoneyView.of(record.total),
            from_balance=MoneyView.of(record.from_balance),
            amount_paid=MoneyView.of(record.paid),
            amount_due=MoneyView.of(record.amount_due),
            pay_url=links.invoice(record.id) if is_due else None,
            due_at=record.due_at,
            net_days=record.net_days,
            finalized_at=invoice.finalized_at,
            paid_at=invoice.paid_at,
            voided_at=invoice.voided_at,
            uncollectible_at=invoice.uncollectible_at,
            memo=invoice.particulars.settings.memo,
            purchase_order=invoice.particulars.settings.purchase_order,
            footer=invoice.particulars.settings.footer,
            lines=[InvoiceLineView.of(line) for line in invoice.lines],
            attempts=[PaymentAttemptView.of(attempt) for attempt in invoice.attempts],
            received_payments=[ReceivedPaymentView.of(payment) for payment in invoice.received],
        )


@router.get("", operation_id="list_invoices", summary="List invoices")
async def list_invoices(
    deps: Deps,
    sale: WantedSale,
    customer: Annotated[CustomerId | None, Query()] = None,
    status: Annotated[InvoiceStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[InvoiceView]:
    """The one finalised last first."""
    async with snapshot(deps.engine) as connection:
        page = await invoices.page_of(
            connection,
            customer_id=customer,
            subscription_id=sale,
            status=status,
            cursor=cursor,
            limit=limit,
        )
    links = HostedLinks.of(deps.settings)
    return Page[InvoiceView].of(page, partial(InvoiceView.of, links=links))


@router.get("/{invoice_id}", operation_id="read_invoice", summary="Read an invoice")
async def read_invoice(invoice_id: InvoiceId, deps: Deps) -> InvoiceView:
    """One invoice with its lines and attempts."""
    async with reading(deps.engine) as connection:
        invoice = await invoices.get(connection, invoice_id)
    if invoice is None:
        raise NotFound("invoice_not_found", f"no invoice {invoice_id}")
    return InvoiceView.of(invoice, links=HostedLinks.of(deps.settings))


@router.get(
    "/{invoice_id}/pdf",
    operation_id="read_invoice_pdf",
    summary="Read an invoice as PDF",
    response_class=PdfResponse,
)
async def read_invoice_pdf(invoice_id: InvoiceId, deps: Deps) -> PdfResponse:
    """The document as it was finalised: the same bytes whenever it is read."""
    return PdfResponse.of(await invoice_pdf(deps.engine, invoice_id))
