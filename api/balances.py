"""Customers' balances: what we owe them, to be set against their next invoices.

Owns reading them. They move with invoices, credit notes and refunds that failed.
"""

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from adapters.db.engine import reading
from adapters.db.queries import balances
from api.customers import require_customer
from api.dependencies import Deps
from api.fields import CustomerId
from api.money_view import MoneyView
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.refund_view import CREDIT_NOTE_ID
from api.route import ApiRoute
from billing.balance import BalanceCause, BalanceMovement

router = APIRouter(prefix="/v1/customers", tags=["customers"], route_class=ApiRoute)


class BalanceView(BaseModel):
    """What a customer has in their favour; never below zero."""

    customer: str
    balances: list[MoneyView] = Field(description="One per currency that it ever moved in")


class BalanceMovementView(BaseModel):
    """One movement; a positive amount is in the customer's favour."""

    cause: BalanceCause
    amount: MoneyView
    at: datetime
    invoice: str | None
    credit_note: str | None = Field(examples=[CREDIT_NOTE_ID])

    @classmethod
    def of(cls, movement: BalanceMovement) -> Self:
        """The movement, without its internal key."""
        return cls(
            cause=movement.cause,
            amount=MoneyView.of(movement.amount),
            at=movement.at,
            invoice=movement.invoice_id,
            credit_note=movement.credit_note_id,
        )


@router.get(
    "/{customer_id}/balance", operation_id="read_balance", summary="Read a customer's balance"
)
async def read_balance(customer_id: CustomerId, deps: Deps) -> BalanceView:
    """What is set against the customer's next invoices, per currency."""
    async with reading(deps.engine) as connection:
        await require_customer(connection, customer_id)
        found = await balances.of_customer(connection, customer_id)
    return BalanceView(customer=customer_id, balances=[MoneyView.of(amount) for amount in found])


@router.get(
    "/{customer_id}/balance/movements",
    operation_id="list_balance_movements",
    summary="List what moved a customer's balance",
)
async def list_balance_movements(
    customer_id: CustomerId, deps: Deps, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[BalanceMovementView]:
    """Latest first, in all currencies."""
    async with reading(deps.engine) as connection:
        await require_customer(connection, customer_id)
        page = await balances.movements_of(connection, customer_id, cursor=cursor, limit=limit)
    return Page[BalanceMovementView].of(page, BalanceMovementView.of)
