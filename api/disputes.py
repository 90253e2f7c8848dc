"""Disputes: payments that a cardholder's bank takes back, for now or for good.

Owns reading them. They are opened and decided by banks; they are answered in the gateway's
dashboard.
"""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from adapters.db.engine import reading
from adapters.db.queries import disputes
from api.dependencies import Deps
from api.fields import CustomerId, DisputeId
from api.money_view import MoneyView
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.route import ApiRoute
from api.sale import PurchaseOf, SubscriptionOf, WantedSale, sale_of
from billing.dispute import Dispute, DisputeState
from billing.errors import NotFound

router = APIRouter(prefix="/v1/disputes", tags=["disputes"], route_class=ApiRoute)


class DisputeView(BaseModel):
    """A dispute of a payment."""

    id: str = Field(description="The gateway's", examples=["du_1PqZ"])
    state: DisputeState = Field(
        description="Only moves forward; an `inquiry` is a question and withdraws nothing"
    )
    amount: MoneyView
    reason: str = Field(description="As the gateway names it", examples=["fraudulent"])
    payment: str = Field(description="The payment's id at the gateway")
    invoice: str
    customer: str
    subscription: SubscriptionOf
    purchase: PurchaseOf
    opened_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, dispute: Dispute) -> Self:
        """The dispute."""
        return cls(
            id=dispute.id,
            state=dispute.state,
            amount=MoneyView.of(dispute.amount),
            reason=dispute.reason,
            payment=dispute.payment_id,
            invoice=dispute.invoice_id,
            customer=dispute.customer_id,
            **sale_of(dispute.subscription_id),
            opened_at=dispute.opened_at,
            closed_at=dispute.closed_at,
        )


@router.get("", operation_id="list_disputes", summary="List disputes")
async def list_disputes(
    deps: Deps,
    sale: WantedSale,
    customer: Annotated[CustomerId | None, Query()] = None,
    state: Annotated[DisputeState | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[DisputeView]:
    """The one opened last first."""
    async with reading(deps.engine) as connection:
        page = await disputes.page_of(
            connection,
            customer_id=customer,
            subscription_id=sale,
            state=state,
            cursor=cursor,
            limit=limit,
        )
    return Page[DisputeView].of(page, DisputeView.of)


@router.get("/{dispute_id}", operation_id="read_dispute", summary="Read a dispute")
async def read_dispute(dispute_id: DisputeId, deps: Deps) -> DisputeView:
    """One dispute and where it stands."""
    async with reading(deps.engine) as connection:
        dispute = await disputes.get(connection, dispute_id)
    if dispute is None:
        raise NotFound("dispute_not_found", f"no dispute {dispute_id}")
    return DisputeView.of(dispute)
