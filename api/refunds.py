"""Refunds: giving back what was paid, to where it came from (policy P31).

Owns asking for a refund and reading refunds. What is given back is decided and recorded here, in
one transaction; a workflow carries out the card's part.
"""

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import Annotated, assert_never

import structlog
from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.service import RPCError

from activities.requested_credit import RequestedCredit, credit_on_request
from adapters.db.engine import reading, snapshot, transactions
from adapters.db.queries import credit_notes, customers, invoices, refunds
from adapters.temporal.refund_workflows import TemporalRefunds
from api.authentication import CallerOf
from api.dependencies import Dependencies, Deps
from api.fields import (
    AmountMinor,
    Body,
    CustomerId,
    InvoiceId,
    Reason,
    RefundId,
    example,
)
from api.idempotency import Ids
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.present import present_on
from api.refund_view import CreditNoteView, RefundView
from api.route import ApiRoute
from api.sale import WantedSale
from billing.credit_note import UnusedPart, credit_note_id
from billing.errors import BooksBroken, NotFound
from billing.refund import RefundState

router = APIRouter(prefix="/v1", tags=["refunds"], route_class=ApiRoute)

log = structlog.get_logger(__name__)


class RefundTo(StrEnum):
    """Where the money goes."""

    SOURCE = "source"
    BALANCE = "balance"

    @property
    def part(self) -> UnusedPart:
        """The same for the rules."""
        match self:
            case RefundTo.SOURCE:
                return UnusedPart.REFUND
            case RefundTo.BALANCE:
                return UnusedPart.CREDIT
            case _:
                assert_never(self)


class RefundInput(Body):
    """How much of an invoice is given back, whereto and why."""

    model_config = example(
        {"amount_minor": 1600, "to": "source", "reason": "One seat was not used"}
    )

    amount_minor: AmountMinor | None = Field(
        default=None, description="In minor units; without it all that is left"
    )
    to: RefundTo = Field(
        default=RefundTo.SOURCE,
        description="`source`: to the card what the card paid, the rest to the balance;"
        " `balance`: all of it to the customer's balance",
    )
    reason: Reason


@router.post(
    "/invoices/{invoice_id}/refund",
    status_code=201,
    operation_id="refund_invoice",
    summary="Refund an invoice",
)
async def refund_invoice(
    invoice_id: InvoiceId, body: RefundInput, deps: Deps, caller: CallerOf, ids: Ids
) -> CreditNoteView:
    """Issues a credit note and starts the refund of the card's part, which may take days.

    Never more than was paid. Refused for an invoice that is not paid (`invoice_not_paid`), while
    its payment is disputed (`charge_disputed`) and once all of it was given back
    (`nothing_to_refund`).
    """
    async with transactions(deps.engine)() as tx:
        request = RequestedCredit(
            command_id=ids.new("cmd"),
            invoice_id=invoice_id,
            amount_minor=body.amount_minor,
            to=body.to.part,
            actor=caller.actor,
            reason=body.reason,
            now=await _present(tx.connection, invoice_id),
        )
        refund_ids = await credit_on_request(tx, request)
    for refund_id in refund_ids:
        await _start(deps, refund_id)
    async with snapshot(deps.engine) as connection:
        note = await credit_notes.get(connection, credit_note_id(invoice_id, request.source))
    if note is None:
        raise BooksBroken("credit_note_missing", f"{request.source} led to no credit note")
    return CreditNoteView.of(note)


@router.get("/refunds", operation_id="list_refunds", summary="List refunds")
async def list_refunds(
    *,
    deps: Deps,
    customer: Annotated[CustomerId | None, Query()] = None,
    sale: WantedSale,
    invoice: Annotated[InvoiceId | None, Query()] = None,
    state: Annotated[RefundState | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[RefundView]:
    """The one asked for last first."""
    async with reading(deps.engine) as connection:
        page = await refunds.page_of(
            connection,
            customer_id=customer,
            subscription_id=sale,
            invoice_id=invoice,
            state=state,
            cursor=cursor,
            limit=limit,
        )
    return Page[RefundView].of(page, RefundView.of)


@router.get("/refunds/{refund_id}", operation_id="read_refund", summary="Read a refund")
async def read_refund(refund_id: RefundId, deps: Deps) -> RefundView:
    """One refund and where it stands."""
    async with reading(deps.engine) as connection:
        refund = await refunds.get(connection, refund_id)
    if refund is None:
        raise NotFound("refund_not_found", f"no refund {refund_id}")
    return RefundView.of(refund)


async def _present(connection: AsyncConnection, invoice_id: str) -> datetime:
    """What time it is for the invoice's customer."""
    invoice = await invoices.get(connection, invoice_id)
    if invoice is None:
        raise NotFound("invoice_not_found", f"no invoice {invoice_id}")
    customer = await customers.get(connection, invoice.record.customer_id)
    present = await present_on(connection, None if customer is None else customer.test_clock_id)
    return present.now


async def _start(deps: Dependencies, refund_id: str) -> None:
    """What is recorded is carried out: now, or by the hourly reconciliation."""
    workflows = TemporalRefunds(deps.temporal, task_queue=deps.task_queue)
    try:
        async with asyncio.timeout(deps.caller_patience.total_seconds()):
            await workflows.start(refund_id)
    except (TimeoutError, RPCError) as error:
        log.warning("refund.start_postponed", refund_id=refund_id, error=type(error).__name__)
