"""Credit notes: what was given back of invoices, and why.

Owns reading them. They are issued with what they follow from: a refund that is asked for
(`api.refunds`), a cancellation, a pause, a refund made at the gateway.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from adapters.db.engine import snapshot
from adapters.db.queries import credit_notes
from adapters.documents.archive import credit_note_pdf
from api.dependencies import Deps
from api.fields import CreditNoteId, CustomerId, InvoiceId
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.pdf import PdfResponse
from api.refund_view import CreditNoteView
from api.route import ApiRoute
from api.sale import WantedSale
from billing.errors import NotFound

router = APIRouter(prefix="/v1/credit_notes", tags=["credit_notes"], route_class=ApiRoute)


@router.get("", operation_id="list_credit_notes", summary="List credit notes")
async def list_credit_notes(
    deps: Deps,
    sale: WantedSale,
    customer: Annotated[CustomerId | None, Query()] = None,
    invoice: Annotated[InvoiceId | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[CreditNoteView]:
    """The one issued last first."""
    async with snapshot(deps.engine) as connection:
        page = await credit_notes.page_of(
            connection,
            customer_id=customer,
            subscription_id=sale,
            invoice_id=invoice,
            cursor=cursor,
            limit=limit,
        )
    return Page[CreditNoteView].of(page, CreditNoteView.of)


@router.get("/{credit_note_id}", operation_id="read_credit_note", summary="Read a credit note")
async def read_credit_note(credit_note_id: CreditNoteId, deps: Deps) -> CreditNoteView:
    """One credit note with its lines and where its money went."""
    async with snapshot(deps.engine) as connection:
        note = await credit_notes.get(connection, credit_note_id)
    if note is None:
        raise NotFound("credit_note_not_found", f"no credit note {credit_note_id}")
    return CreditNoteView.of(note)


@router.get(
    "/{credit_note_id}/pdf",
    operation_id="read_credit_note_pdf",
    summary="Read a credit note as PDF",
    response_class=PdfResponse,
)
async def read_credit_note_pdf(credit_note_id: CreditNoteId, deps: Deps) -> PdfResponse:
    """The document as it was issued: the same bytes whenever it is read."""
    return PdfResponse.of(await credit_note_pdf(deps.engine, credit_note_id))
