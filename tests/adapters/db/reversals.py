"""Credits, credit notes, refunds and disputes of the company's invoices, as values and written."""

from billing.credit_note import CreditNoteDraft, CreditNoteLine, CreditReason, draft_for
from billing.dispute import Dispute, DisputeState
from billing.invoice import InvoiceDraft, InvoiceLine
from billing.ledger import credit_note_issued
from billing.money import Money
from billing.period import Period
from billing.ports.storage import Transaction
from billing.proration import LineRef
from billing.refund import Refund, refund_id
from tests.adapters.db.company import PERIOD, START, post


def usd(minor: int) -> Money:
    """So many cents."""
    return Money(amount_minor=minor, currency="USD")


def debit(invoice: InvoiceDraft, position: int = 1) -> LineRef:
    """One line of an invoice."""
    return LineRef(invoice_id=invoice.id, position=position)


def with_credit(
    invoice: InvoiceDraft, *, of: LineRef, minor: int, period: Period = PERIOD
) -> InvoiceDraft:
    """The invoice with one more line, which gives back so many cents of another line."""
    line = invoice.lines[0].model_copy(
        update={
            "description": "Unused time",
            "amount": usd(-minor),
            "credits": of,
            "period": period,
        }
    )
    return with_line(invoice, line)


def with_line(invoice: InvoiceDraft, line: InvoiceLine) -> InvoiceDraft:
    """The invoice with one more line."""
    return invoice.model_copy(
        update={"lines": (*invoice.lines, line), "total": invoice.total + line.amount}
    )


def note(
    invoice: InvoiceDraft,
    minor: int,
    *,
    to_card: int = 0,
    source: str = "request:1",
    period: Period = PERIOD,
) -> CreditNoteDraft:
    """So many cents of an invoice's first line given back, a part of them to the card."""
    return draft_for(
        source=source,
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        reason=CreditReason.REQUESTED,
        lines=[
            CreditNoteLine(
                description="Unused time", debit=debit(invoice), period=period, amount=usd(minor)
            )
        ],
        to_card=usd(to_card),
        now=START,
    )


def refund(of: CreditNoteDraft) -> Refund:
    """What brings the card's part of a note to the card, not asked for yet."""
    return Refund(
        id=refund_id(of.id),
        credit_note_id=of.id,
        invoice_id=of.invoice_id,
        customer_id=of.customer_id,
        subscription_id=of.subscription_id,
        payment_id=f"pi_{of.invoice_id}",
        amount=of.to_card,
        requested_at=START,
    )


def dispute(
    invoice: InvoiceDraft, minor: int = 8000, state: DisputeState = DisputeState.OPEN
) -> Dispute:
    """A dispute of the payment that paid an invoice."""
    return Dispute(
        id=f"dp_{invoice.id}",
        payment_id=f"pi_{invoice.id}",
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        amount=usd(minor),
        state=state,
        reason="fraudulent",
        opened_at=START,
        closed_at=START if state.is_closed else None,
    )


async def give_back(tx: Transaction, credit_note: CreditNoteDraft) -> None:
    """The note issued and in the books, with its refund pending."""
    await tx.credit_notes.issue(credit_note)
    await post(tx, credit_note_issued(credit_note))
    if credit_note.to_card.amount_minor:
        await tx.refunds.put(refund(credit_note))
