"""PDFs of recorded invoices: made once, kept, and frozen like the invoice itself (policy P29)."""

import asyncio
from hashlib import sha256

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries import invoices
from adapters.db.repositories.invoice_settings import OWN
from adapters.db.tables.customer import customers
from adapters.db.tables.document import documents
from adapters.documents.archive import credit_note_pdf, invoice_pdf
from billing.errors import NotFound
from billing.particulars import InvoiceSettings, Particulars, Seller
from tests.adapters.db.company import START, draft, open_shop, subscribe
from tests.adapters.db.conftest import engine, transaction
from tests.adapters.db.reversals import note

__all__ = ["engine", "transaction"]

SELLER = Seller(name="Perennial Tools GmbH", address="Hauptstr. 1\n10115 Berlin", tax_id="DE1")


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        settings = tx.invoice_settings
        await settings.put_seller(SELLER, changed_at=START)
        await settings.put(OWN, InvoiceSettings(memo="ours", footer="ours"), changed_at=START)
        theirs = InvoiceSettings(memo="theirs", purchase_order="PO-1")
        await settings.put("cus_1", theirs, changed_at=START)
        await settings.put("sub_1", InvoiceSettings(purchase_order="PO-2"), changed_at=START)
        await tx.invoices.finalize(draft(0))


async def particulars(engine: AsyncEngine, period_number: int = 0) -> Particulars:
    async with reading(engine) as connection:
        found = await invoices.get(connection, draft(period_number).id)
    assert found is not None
    return found.particulars


async def test_an_invoice_freezes_who_sells_who_buys_and_the_nearest_texts(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    first = await particulars(engine)
    assert first.seller == SELLER
    assert (first.customer.email, first.customer.locale) == ("c1@example.com", "en-US")
    assert first.settings == InvoiceSettings(memo="theirs", purchase_order="PO-2", footer="ours")
    async with transaction() as tx:
        await tx.connection.execute(update(customers).values(name="Ada", locale="de-DE"))
        await tx.invoice_settings.put_seller(Seller(), changed_at=START)
        for subject in (OWN, "cus_1", "sub_1"):
            await tx.invoice_settings.put(subject, InvoiceSettings(), changed_at=START)
        await tx.invoices.finalize(draft(0))
        await tx.invoices.finalize(draft(1))
    assert await particulars(engine) == first
    second = await particulars(engine, 1)
    assert (second.customer.name, second.customer.locale) == ("Ada", "de-DE")
    assert (second.seller, second.settings) == (Seller(), InvoiceSettings())


async def test_a_document_is_made_once_and_served_again_byte_for_byte(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    together = await asyncio.gather(*(invoice_pdf(engine, draft(0).id) for _ in range(4)))
    async with transaction() as tx:
        await tx.invoices.mark_paid(draft(0).id, paid_at=START)
        await tx.connection.execute(update(customers).values(name="Somebody else"))
    later = await invoice_pdf(engine, draft(0).id)
    assert {pdf.content for pdf in together} == {later.content}
    assert later.sha256 == sha256(later.content).hexdigest()
    assert later.number == "PN-000001"
    async with reading(engine) as connection:
        assert await connection.scalar(select(func.count()).select_from(documents)) == 1


async def test_a_credit_note_is_a_document_too(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    given = note(draft(0), 1_000)
    async with transaction() as tx:
        await tx.invoices.mark_paid(draft(0).id, paid_at=START)
        await tx.credit_notes.issue(given)
    first, again = [await credit_note_pdf(engine, given.id) for _ in range(2)]
    assert first == again
    assert (first.number, first.content[:5]) == ("CN-000001", b"%PDF-")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE documents SET content = ''",
        "DELETE FROM documents",
        "INSERT INTO documents VALUES ('invoice', 'in_2', 'content', 'no hash of it')",
    ],
)
async def test_the_database_refuses_other_bytes(engine: AsyncEngine, statement: str) -> None:
    await invoice_pdf(engine, draft(0).id)
    with pytest.raises(DBAPIError):
        async with engine.begin() as connection:
            await connection.execute(text(statement))


async def test_there_are_no_documents_of_nothing(engine: AsyncEngine) -> None:
    with pytest.raises(NotFound, match="invoice_not_found"):
        await invoice_pdf(engine, "in_none")
    with pytest.raises(NotFound, match="credit_note_not_found"):
        await credit_note_pdf(engine, "cn_none")
