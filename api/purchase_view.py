"""What the API says about a purchase.

Owns the public shape; all of it follows from the purchase's recorded state. Does not own operations
(`api.purchases`).
"""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from adapters.explanation_words import explained
from adapters.locale_format import ENGLISH
from api.money_view import MoneyView
from api.subscription_view import (
    NextActionView,
    OpenInvoiceView,
    RedeemedDiscountView,
    next_actions_of,
)
from billing.invoice_item import InvoiceItem
from billing.subscription import EndReason, PurchaseKind, SubscriptionState, SubscriptionStatus


class PurchasedItemView(BaseModel):
    """So many units at a one-off price."""

    id: str = Field(examples=["ii_4a1b9c0d2e3f4a1b9c0d2e3f"])
    product: str | None
    price: str | None
    price_version: int | None
    description: str = Field(examples=["Onboarding, 2 sessions"])
    quantity: int
    amount: MoneyView = Field(description="Before discounts and tax")
    explanation: str | None = Field(
        description="How the amount came about", examples=["2 sessions at $250.00 = $500.00"]
    )
    discountable: bool

    @classmethod
    def of(cls, item: InvoiceItem) -> Self:
        """The item as it was sold."""
        sold = item.sold
        return cls(
            id=item.id,
            product=None if sold is None else sold.product_id,
            price=None if sold is None else sold.price_id,
            price_version=None if sold is None else sold.price_version,
            description=item.description,
            quantity=item.quantity,
            amount=MoneyView.of(item.amount),
            explanation=None if sold is None else explained(ENGLISH, sold.explanation),
            discountable=item.discountable,
        )


class PurchaseView(BaseModel):
    """What was bought without a subscription, and where paying for it stands."""

    id: str = Field(examples=["pur_4a1b9c0d2e3f4a1b9c0d2e3f"])
    customer: str
    status: SubscriptionStatus = Field(
        description="`incomplete`: the customer is at the checkout. `incomplete_expired`: nothing"
        " was sold. `active`: sold, and being paid for. `past_due`: its payment was refused and is"
        " tried again. `completed`: nothing is owed for it any more. `canceled`: it was called off,"
        " or not paid until dunning ended"
    )
    paid_by: PurchaseKind = Field(
        description="`checkout`: on a page, before anything is sold. `invoice`: it is sold, charged"
        " at once, and dunned"
    )
    items: list[PurchasedItemView]
    currency: str
    amount: MoneyView = Field(description="Of all items, before discounts and tax")
    discounts: list[RedeemedDiscountView]
    invoice: str | None = Field(description="Null until it is sold")
    open_invoices: list[OpenInvoiceView] = Field(
        description="The invoice, while it is not paid, and where collecting it stands"
    )
    activation_refused: bool = Field(
        description="The payment was refused at the checkout; another method may still complete it"
    )
    grace_until: datetime | None = Field(
        description="Until when attempts to collect go on, where an operator lets them"
    )
    created_at: datetime
    ended_at: datetime | None
    end_reason: EndReason | None
    test_clock: str | None
    next_actions: list[NextActionView] = Field(
        description="What will happen, when and why, first things first"
    )
    revision: int = Field(description="Grows with whatever happens to the purchase")

    @classmethod
    def of(cls, state: SubscriptionState, *, test_clock_id: str | None) -> Self:
        """The state, without what only the workflow needs."""
        return cls(
            id=state.subscription_id,
            customer=state.customer_id,
            status=state.status,
            paid_by=state.purchase or PurchaseKind.INVOICE,
            items=[PurchasedItemView.of(item) for item in state.first_items],
            currency=state.terms.currency,
            amount=MoneyView.of(state.terms.period_amount),
            discounts=[RedeemedDiscountView.of(each) for each in state.discounts],
            invoice=state.last_invoice_id,
            open_invoices=[OpenInvoiceView.of(invoice) for invoice in state.open_invoices],
            activation_refused=state.activation_refused,
            grace_until=state.grace_until,
            created_at=state.created_at,
            ended_at=state.ended_at,
            end_reason=state.end_reason,
            test_clock=test_clock_id,
            next_actions=next_actions_of(state),
            revision=state.revision,
        )
