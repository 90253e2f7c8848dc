"""Net terms of customers: whose invoices are sent, and not charged (policy P22).

Owns setting and clearing them, with who did it and why in the audit log. The seller alone grants
credit: no page of customers leads here, and a key needs a scope of its own. Does not own what
becomes of an invoice that was sent (`billing.sending`).
"""

from typing import Final

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import transactions
from adapters.db.queries.customers import Customer
from adapters.temporal.granted_terms import resting_trials, tell_of_terms
from adapters.temporal.subscription_signals import SubscriptionSignals
from api.authentication import CallerOf
from api.customers import CustomerView, require_customer
from api.dependencies import Deps
from api.fields import Body, CustomerId, NetDays, Reason, example
from api.idempotency import RequestIds
from api.present import present_on
from api.route import ApiRoute
from api.workflow_calls import bounded
from billing.actor import Actor
from billing.event import DomainEvent
from billing.ids import effect_key

router = APIRouter(
    prefix="/v1/customers/{customer_id}/net_terms", tags=["net_terms"], route_class=ApiRoute
)

_SET_NET_TERMS: Final = "set_net_terms"
"""The command's name in the audit log."""
_CHANGED: Final = "customer.net_terms_changed"


class NetTermsInput(Body):
    """How long the customer may take to pay an invoice."""

    model_config = example({"net_days": 30, "reason": "Framework contract of 2026-11-02"})

    net_days: NetDays | None = Field(
        description="Days from the invoice to its due date; null: charged automatically again"
    )
    reason: Reason | None = Field(default=None, description="For the audit log")


@router.put("", operation_id="set_customer_net_terms", summary="Set a customer's net terms")
async def set_net_terms(
    customer_id: CustomerId, body: NetTermsInput, deps: Deps, caller: CallerOf
) -> CustomerView:
    """Invoices that are finalised from now on are sent and due so many days later.

    They are never charged to a payment method by themselves. Those that are open already stay as
    they are: sent ones are not charged, and others are tried on. A trial that rests for want of a
    payment method goes on.
    """
    command_id = RequestIds(None).new("cmd")
    changed, resting = await write_net_terms(
        deps.engine,
        customer_id,
        body.net_days,
        command_id=command_id,
        actor=caller.actor,
        reason=body.reason,
    )
    if resting:
        async with bounded(deps.caller_patience):
            await tell_of_terms(SubscriptionSignals(deps.temporal), resting, fact=command_id)
    return CustomerView.of(changed)


async def write_net_terms(
    engine: AsyncEngine,
    customer_id: str,
    net_days: int | None,
    *,
    command_id: str,
    actor: Actor,
    reason: str | None,
) -> tuple[Customer, tuple[str, ...]]:
    """Writes and audits them: the customer, and the resting trials that are to be told.

    For the API and the command line. Raises `NotFound` (`customer_not_found`).
    """
    async with transactions(engine)() as tx:
        customer = await require_customer(tx.connection, customer_id)
        now = (await present_on(tx.connection, customer.test_clock_id)).now
        changed = await tx.customers.set_net_terms(customer_id, net_days)
        await tx.events.append(
            DomainEvent(
                key=effect_key(_CHANGED, customer_id, command_id),
                type=_CHANGED,
                at=now,
                customer_id=customer_id,
                details={"net_days": net_days, "net_days_before": customer.net_days},
            )
        )
        await tx.audit.append(
            command_id=command_id,
            command=_SET_NET_TERMS,
            subject=customer_id,
            actor=actor,
            reason=reason,
            at=now,
        )
    return changed, () if net_days is None else await resting_trials(engine, customer_id)
