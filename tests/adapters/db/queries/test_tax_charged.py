"""The tax report: by rate what documents carry, and in all what the ledger's account moved by."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries import tax_charged
from adapters.db.queries.tax_charged import TaxCharged
from adapters.report_table import tax_csv
from billing.credit_note import CreditReason, amount_lines, draft_for
from billing.invoice import InvoiceDraft, draft_for_period
from billing.ledger import credit_note_issued, invoice_voided
from billing.ports.storage import Transaction
from billing.tax import TaxReason, TaxTreatment
from tests.adapters.db.company import PERIOD, TEAM, bill, open_shop, post, sell, subscribe
from tests.adapters.db.reversals import usd

NEW_YORK = TaxTreatment(jurisdiction="US-NY", name="Sales tax", rate=Decimal("8.875"))
GERMANY = TaxTreatment(jurisdiction="DE", name="VAT", rate=Decimal(19), category="software")
GERMAN_BOOKS = GERMANY.model_copy(update={"category": "books"})
REVERSED = TaxTreatment(
    jurisdiction="FR", name="VAT", rate=Decimal(0), reason=TaxReason.REVERSE_CHARGE
)
MONTHS = [date(2026, month, 1) for month in (1, 2, 3)]


def _invoice(
    number: int, month: int, treatment: TaxTreatment | None, *, inclusive: bool = False
) -> InvoiceDraft:
    """Ten seats, USD 160.00, finalised in the last instant of the month before or in the month."""
    return draft_for_period(
        customer_id="cus_1",
        subscription_id="sub_1",
        price=TEAM.model_copy(update={"tax_inclusive": inclusive}),
        product_name="Team",
        quantity=10,
        period=PERIOD,
        period_number=number,
        treatment=treatment,
        now=datetime(2026, month, 1, tzinfo=UTC),
    )


async def _give_back(tx: Transaction, invoice: InvoiceDraft, minor: int, month: int) -> None:
    settled = await tx.invoices.settled(invoice.id)
    note = draft_for(
        source="asked",
        invoice_id=invoice.id,
        customer_id="cus_1",
        subscription_id="sub_1",
        reason=CreditReason.REQUESTED,
        lines=amount_lines(await tx.invoices.debits_of(invoice.id), usd(minor), paid=settled.left),
        to_card=usd(0),
        now=datetime(2026, month, 1, tzinfo=UTC),
    )
    await tx.credit_notes.issue(note)
    await post(tx, credit_note_issued(note))


@pytest.fixture(autouse=True)
async def year(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        sold, included = _invoice(0, 1, NEW_YORK), _invoice(1, 1, GERMANY, inclusive=True)
        books = _invoice(5, 1, GERMAN_BOOKS, inclusive=True)
        for invoice in (sold, included, _invoice(2, 2, REVERSED), _invoice(3, 2, None), books):
            await sell(tx, invoice)
        await _give_back(tx, included, 59_50, 2)
        never_paid = await bill(tx, _invoice(4, 2, NEW_YORK))
        at = datetime(2026, 3, 1, tzinfo=UTC)
        await tx.invoices.mark_void(never_paid.id, voided_at=at)
        await post(tx, invoice_voided(never_paid, voided_at=at))


async def _read(engine: AsyncEngine, first: date, last: date) -> tuple[TaxCharged, ...]:
    async with reading(engine) as connection:
        return await tax_charged.by_rate(connection, first=first, last=last)


async def test_every_rate_and_category_stands_with_what_it_is_on(engine: AsyncEngine) -> None:
    lines = "".join(tax_csv(await _read(engine, MONTHS[0], MONTHS[-1]))).split("\r\n")
    assert lines[1:-1] == [
        "DE,VAT,19,,USD,134.45,25.55,0.00,0.00,134.45,25.55,books",
        "DE,VAT,19,,USD,134.45,25.55,50.00,9.50,84.45,16.05,software",
        "FR,VAT,0,reverse_charge,USD,160.00,0.00,0.00,0.00,160.00,0.00,",
        "US-NY,Sales tax,8.875,,USD,160.00,14.20,0.00,0.00,160.00,14.20,",
    ]
    async with reading(engine) as connection:
        others = await tax_charged.by_rate(
            connection, first=MONTHS[0], last=MONTHS[-1], customer_ids=["cus_other"]
        )
    assert others == ()


async def test_a_months_tax_is_what_the_ledgers_account_moved_by(engine: AsyncEngine) -> None:
    taxes: list[int] = []
    for month in MONTHS:
        rows = await _read(engine, month, month)
        taxes.append(sum(row.tax.amount_minor for row in rows))
        async with reading(engine) as connection:
            moved = await connection.scalar(
                text(
                    "SELECT coalesce(-sum(amount_minor), 0) FROM postings"
                    " JOIN journal_entries ON id = entry_id WHERE account = 'tax_payable'"
                    " AND date_trunc('month', occurred_at AT TIME ZONE 'UTC') = :month"
                ),
                {"month": datetime.combine(month, datetime.min.time())},
            )
        assert moved == taxes[-1]
    assert taxes == [14_20 + 25_55 + 25_55, 14_20 - 9_50, -14_20]
