"""The invoice that a subscription gets next, before it is made.

Owns its operation. The amounts are made by the same rules as the invoice (`billing.upcoming`).
"""

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from activities.foreseeing import foreseen
from adapters.db.engine import snapshots
from api.dependencies import Deps
from api.fields import SubscriptionId
from api.invoice_parts import DiscountView, TaxView
from api.invoices import InvoiceLineView
from api.money_view import MoneyView
from api.period_view import PeriodView
from api.route import ApiRoute
from billing.errors import NotFound
from billing.purchase import is_purchase_id
from billing.upcoming import UpcomingInvoice

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"], route_class=ApiRoute)


class UpcomingInvoiceView(BaseModel):
    """An invoice that is not made yet: what it will be if nothing else happens before it."""

    customer: str
    subscription: str | None = Field(description="Null for a purchase that is not made yet")
    period: PeriodView
    due_at: datetime = Field(description="When it is finalised and collected")
    discounts: list[DiscountView]
    taxes: list[TaxView] = Field(description="At the rates that are known for the period's start")
    total: MoneyView
    from_balance: MoneyView = Field(description="What the customer's balance of now pays")
    amount_due: MoneyView = Field(description="What will be collected")
    lines: list[InvoiceLineView]

    @classmethod
    def of(cls, upcoming: UpcomingInvoice) -> Self:
        """The draft and what becomes of it."""
        draft = upcoming.draft
        return cls(
            customer=draft.customer_id,
            subscription=None if is_purchase_id(draft.subscription_id) else draft.subscription_id,
            period=PeriodView.of(draft.period),
            due_at=draft.due_at,
            discounts=DiscountView.all_of(draft.lines),
            taxes=TaxView.all_of(draft.lines),
            total=MoneyView.of(draft.total),
            from_balance=MoneyView.of(upcoming.from_balance),
            amount_due=MoneyView.of(upcoming.amount_due),
            lines=[InvoiceLineView.of(line) for line in draft.lines],
        )


@router.get(
    "/{subscription_id}/upcoming_invoice",
    operation_id="read_upcoming_invoice",
    summary="Preview the next invoice",
)
async def read_upcoming_invoice(subscription_id: SubscriptionId, deps: Deps) -> UpcomingInvoiceView:
    """The next invoice, to the cent; 404 (`no_upcoming_invoice`) where none will come by itself.

    A pending change, invoice items and what was carried over are in it. What is open already, usage
    to come, and changes that were not asked for yet are not.
    """
    upcoming = await foreseen(snapshots(deps.engine), deps.tax_rates, subscription_id)
    if upcoming is None:
        raise NotFound("no_upcoming_invoice", f"nothing will be billed of {subscription_id}")
    return UpcomingInvoiceView.of(upcoming)
