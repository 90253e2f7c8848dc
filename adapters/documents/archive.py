"""The PDFs of invoices and credit notes: made when first asked for, and kept for ever.

Owns that a document is made of recorded facts, once. Two that are made at the same time are one:
the first that is stored is what both answer with. Does not own what a document says.
"""

import asyncio
from functools import lru_cache

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading, snapshot, transactions
from adapters.db.queries import credit_notes, invoices
from adapters.db.queries.credit_notes import CreditNote
from adapters.db.queries.invoices import Invoice
from adapters.db.repositories.documents import KeptDocument, SqlDocuments
from adapters.db.tables.document_counter import Document
from adapters.documents.credit_note_sheet import credit_note_sheet
from adapters.documents.invoice_sheet import invoice_sheet
from adapters.documents.typesetting import Typesetter
from billing.errors import NotFound
from billing.value import Value


class Pdf(Value):
    """A document as it is sent."""

    content: bytes
    sha256: str
    number: str
    """The invoice's or credit note's."""


async def invoice_pdf(engine: AsyncEngine, invoice_id: str) -> Pdf:
    """Raises `NotFound` (`invoice_not_found`)."""
    async with snapshot(engine) as connection:
        invoice = await invoices.get(connection, invoice_id)
        kept = await SqlDocuments(connection).get(Document.INVOICE, invoice_id)
    if invoice is None:
        raise NotFound("invoice_not_found", f"no invoice {invoice_id}")
    if kept is None:
        content = await asyncio.to_thread(_set_invoice, invoice)
        kept = await _kept(engine, Document.INVOICE, invoice_id, content)
    return Pdf(content=kept.content, sha256=kept.sha256, number=invoice.record.number)


async def credit_note_pdf(engine: AsyncEngine, credit_note_id: str) -> Pdf:
    """Raises `NotFound` (`credit_note_not_found`)."""
    async with snapshot(engine) as connection:
        note = await credit_notes.get(connection, credit_note_id)
        if note is None:
            raise NotFound("credit_note_not_found", f"no credit note {credit_note_id}")
        kept = await SqlDocuments(connection).get(Document.CREDIT_NOTE, credit_note_id)
        invoice = await invoices.get(connection, note.draft.invoice_id)
    if invoice is None:
        raise NotFound("invoice_not_found", f"no invoice {note.draft.invoice_id}")
    if kept is None:
        content = await asyncio.to_thread(_set_credit_note, note, invoice)
        kept = await _kept(engine, Document.CREDIT_NOTE, credit_note_id, content)
    return Pdf(content=kept.content, sha256=kept.sha256, number=note.number)


async def _kept(
    engine: AsyncEngine, document: Document, subject_id: str, content: bytes
) -> KeptDocument:
    async with transactions(engine)() as tx:
        await tx.documents.keep(document, subject_id, content)
    async with reading(engine) as connection:
        kept = await SqlDocuments(connection).get(document, subject_id)
    if kept is None:
        raise NotFound("document_not_found", f"no {document} {subject_id}")
    return kept


def _set_invoice(invoice: Invoice) -> bytes:
    return _typesetter().pdf(invoice_sheet(invoice), dated=invoice.finalized_at)


def _set_credit_note(note: CreditNote, invoice: Invoice) -> bytes:
    return _typesetter().pdf(credit_note_sheet(note, invoice), dated=note.draft.issued_at)


@lru_cache(maxsize=1)
def _typesetter() -> Typesetter:
    """One per process: it reads its fonts once."""
    return Typesetter()
