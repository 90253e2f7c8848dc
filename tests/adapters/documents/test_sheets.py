"""What invoices and credit notes say on paper."""

from datetime import UTC, datetime, timedelta

from adapters.db.queries.credit_notes import CreditNote
from adapters.db.queries.invoices import Invoice
from adapters.documents.credit_note_sheet import credit_note_sheet
from adapters.documents.invoice_sheet import invoice_sheet
from billing.credit_note import CreditNoteDraft, CreditNoteLine, CreditReason
from billing.invoice import InvoiceLine, InvoiceRecord, InvoiceStatus
from billing.money import Money
from billing.particulars import InvoiceSettings, Particulars, Recipient, Seller
from billing.period import Period
from billing.proration import LineRef

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
PERIOD = Period(start=START, end=datetime(2026, 2, 28, 9, 30, tzinfo=UTC))
SAID = Particulars(
    seller=Seller(name="Perennial Tools GmbH", address="Hauptstr. 1\n10115 Berlin", tax_id="DE1"),
    customer=Recipient(name="Ada", email="ada@example.com", locale="de-DE"),
    settings=InvoiceSettings(memo="Cost centre 4711", purchase_order="PO-42", footer="Thanks"),
)


def euros(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


def invoice(
    *, total: int = 8000, balance: int = 0, paid: int = 0, said: Particulars = SAID
) -> Invoice:
    line = InvoiceLine(
        description="Team, 5 seats, every month",
        price_id="team_monthly",
        price_version=1,
        quantity=5,
        period=PERIOD,
        amount=euros(total),
    )
    return Invoice(
        record=InvoiceRecord(
            id="in_1",
            number="PN-000007",
            status=InvoiceStatus.PAID if paid else InvoiceStatus.OPEN,
            customer_id="cus_1",
            subscription_id="sub_1",
            total=euros(total),
            paid=euros(paid),
            from_balance=euros(balance),
            period=PERIOD,
            due_at=START,
        ),
        period=PERIOD,
        finalized_at=START,
        paid_at=START + timedelta(days=3) if paid else None,
        voided_at=None,
        uncollectible_at=None,
        particulars=said,
        lines=(line,),
        attempts=(),
    )


def test_an_invoice_names_both_sides_the_order_and_what_is_due() -> None:
    sheet = invoice_sheet(invoice(balance=2000))
    assert [line.text for line in sheet.seller] == [
        "Perennial Tools GmbH",
        "Hauptstr. 1",
        "10115 Berlin",
        "Tax ID DE1",
    ]
    assert [line.text for line in sheet.customer] == ["Ada", "ada@example.com"]
    assert {fact.name: fact.value for fact in sheet.facts} == {
        "Invoice number": "PN-000007",
        "Date of issue": "31. Januar 2026",
        "Date due": "31. Januar 2026",
        "Purchase order": "PO-42",
    }
    assert [line.text for line in (*sheet.memo, *sheet.footer)] == ["Cost centre 4711", "Thanks"]
    assert [(row.name, row.value) for row in sheet.totals] == [
        ("Total", "80,00\u00a0€"),
        ("From your balance", "-20,00\u00a0€"),
        ("Amount due at issue", "60,00\u00a0€"),
    ]


def test_being_paid_changes_nothing_on_paper() -> None:
    assert invoice_sheet(invoice()) == invoice_sheet(invoice(paid=8000))


def test_a_negative_invoice_says_where_the_money_went() -> None:
    names = [row.name for row in invoice_sheet(invoice(total=-500)).totals]
    assert names == ["Total", "Added to your balance"]


def test_an_invoice_from_before_there_were_particulars_is_still_a_document() -> None:
    sheet = invoice_sheet(invoice(said=Particulars()))
    assert (sheet.seller, sheet.customer, sheet.memo, sheet.footer) == ((), (), (), ())
    assert sheet.letter


def test_a_credit_note_names_its_invoice_and_where_the_money_goes() -> None:
    note = CreditNote(
        number="CN-000001",
        draft=CreditNoteDraft(
            id="cn_1",
            source="cancel:1",
            invoice_id="in_1",
            customer_id="cus_1",
            subscription_id="sub_1",
            currency="EUR",
            reason=CreditReason.CANCELED,
            issued_at=START,
            lines=(
                CreditNoteLine(
                    description="Unused time of Team",
                    debit=LineRef(invoice_id="in_1", position=1),
                    period=PERIOD,
                    amount=euros(4000),
                ),
            ),
            to_balance=euros(1000),
            to_card=euros(3000),
        ),
        refund=None,
    )
    sheet = credit_note_sheet(note, invoice())
    assert ("Corrects invoice", "PN-000007") in [(fact.name, fact.value) for fact in sheet.facts]
    assert [(row.name, row.value) for row in sheet.totals] == [
        ("To your card or account", "30,00\u00a0€"),
        ("To your balance", "10,00\u00a0€"),
        ("Total credited", "40,00\u00a0€"),
    ]


def test_an_invoice_on_net_terms_names_them() -> None:
    sent = invoice().record.model_copy(update={"net_days": 30})
    facts = invoice_sheet(invoice().model_copy(update={"record": sent})).facts
    assert ("Terms", "30 days net") in [(fact.name, fact.value) for fact in facts]
