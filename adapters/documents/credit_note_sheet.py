"""What the PDF of a credit note says: what was recorded when it was issued.

Owns the wording. Who sells and who buys is as on the invoice that it corrects.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from adapters.db.queries.credit_notes import CreditNote
from adapters.db.queries.invoices import Invoice
from adapters.documents.invoice_sheet import customer_lines, seller_lines
from adapters.documents.sheet import Fact, Item, Sheet, Total, is_on_letter_paper, lines_of
from adapters.locale_format import LocaleFormat
from billing.credit_note import CreditReason

_REASONS: Final[Mapping[CreditReason, str]] = MappingProxyType(
    {
        CreditReason.CANCELED: "The subscription was canceled.",
        CreditReason.PAUSED: "The subscription was paused.",
        CreditReason.CHANGE_LAPSED: "The payment arrived after the change had lapsed.",
        CreditReason.REQUESTED: "A refund was agreed.",
        CreditReason.REFUNDED_AT_GATEWAY: "The payment was refunded.",
    }
)


def credit_note_sheet(note: CreditNote, invoice: Invoice) -> Sheet:
    """The note, written in the locale of the invoice that it corrects."""
    said, draft = invoice.particulars, note.draft
    written = LocaleFormat(said.customer.locale)
    return Sheet(
        kind="Credit note",
        title=f"Credit note {note.number}",
        letter=is_on_letter_paper(said.customer.locale),
        seller=seller_lines(said),
        customer=customer_lines(said),
        facts=(
            Fact(name="Credit note number", value=note.number),
            Fact(name="Date of issue", value=written.day(draft.issued_at)),
            Fact(name="Corrects invoice", value=invoice.record.number),
        ),
        memo=lines_of(_REASONS.get(draft.reason)),
        items=tuple(
            Item(
                description=line.description,
                period=written.span(line.period),
                amount=written.money(line.total),
            )
            for line in draft.lines
        ),
        totals=tuple(_totals(note, written)),
        footer=lines_of(said.settings.footer),
    )


def _totals(note: CreditNote, written: LocaleFormat) -> Iterator[Total]:
    draft = note.draft
    if draft.to_card.amount_minor:
        yield Total(name="To your card or account", value=written.money(draft.to_card))
    if draft.to_balance.amount_minor:
        yield Total(name="To your balance", value=written.money(draft.to_balance))
    yield Total(name="Total credited", value=written.money(draft.total), strong=True)
    if draft.tax.amount_minor:
        yield Total(name="Of which tax", value=written.money(draft.tax))
