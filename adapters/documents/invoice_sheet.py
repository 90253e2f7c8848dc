"""What the PDF of an invoice says: what was recorded when it was finalised, and nothing later.

Owns the wording and the order. Whether it is paid by now stands on its hosted page: the document is
the same for ever (policy P29).
"""

from collections.abc import Iterator

from adapters.db.queries.invoices import Invoice
from adapters.document_words import between_lines_and_total
from adapters.documents.sheet import Fact, Item, Line, Sheet, Total, is_on_letter_paper, lines_of
from adapters.locale_format import LocaleFormat
from billing.address import Address
from billing.particulars import Particulars


def invoice_sheet(invoice: Invoice) -> Sheet:
    """The invoice, written in the customer's locale of then."""
    said, record = invoice.particulars, invoice.record
    written = LocaleFormat(said.customer.locale)
    return Sheet(
        kind="Invoice",
        title=f"Invoice {record.number}",
        letter=is_on_letter_paper(said.customer.locale),
        seller=seller_lines(said),
        customer=customer_lines(said),
        facts=tuple(_facts(invoice, written)),
        memo=lines_of(said.settings.memo),
        items=tuple(
            Item(
                description=line.description,
                period=written.span(line.period),
                amount=written.money(line.amount),
            )
            for line in invoice.lines
        ),
        totals=tuple(_totals(invoice, written)),
        footer=lines_of(said.settings.footer),
    )


def seller_lines(said: Particulars) -> tuple[Line, ...]:
    """Who sells."""
    tax_id = None if said.seller.tax_id is None else f"Tax ID {said.seller.tax_id}"
    return lines_of(said.seller.name, said.seller.address, tax_id)


def customer_lines(said: Particulars) -> tuple[Line, ...]:
    """Who buys, and where."""
    customer = said.customer
    vat_id = None if customer.vat_id is None else f"VAT ID {customer.vat_id}"
    return lines_of(customer.name, customer.email, *_address_lines(customer.address), vat_id)


def _address_lines(address: Address | None) -> Iterator[str]:
    if address is None:
        return
    yield from (line for line in (address.line1, address.line2) if line)
    place = (address.postal_code, address.city, address.region, address.country)
    yield " ".join(part for part in place if part)


def _facts(invoice: Invoice, written: LocaleFormat) -> Iterator[Fact]:
    yield Fact(name="Invoice number", value=invoice.record.number)
    yield Fact(name="Date of issue", value=written.day(invoice.finalized_at))
    yield Fact(name="Date due", value=written.day(invoice.record.due_at))
    if invoice.record.net_days is not None:
        yield Fact(name="Terms", value=f"{invoice.record.net_days} days net")
    purchase_order = invoice.particulars.settings.purchase_order
    if purchase_order is not None:
        yield Fact(name="Purchase order", value=purchase_order)


def _totals(invoice: Invoice, written: LocaleFormat) -> Iterator[Total]:
    """What was due at issue; a negative total went to the customer's balance."""
    total, balance = invoice.record.total, invoice.record.from_balance
    between = tuple(between_lines_and_total(invoice.lines, written))
    if between:
        yield Total(name="Subtotal", value=written.money(invoice.record.subtotal))
    for name, value in between:
        yield Total(name=name, value=value)
    if total.amount_minor < 0:
        yield Total(name="Total", value=written.money(total))
        yield Total(name="Added to your balance", value=written.money(-total), strong=True)
        return
    if balance.amount_minor or between:
        yield Total(name="Total", value=written.money(total))
    if balance.amount_minor:
        yield Total(name="From your balance", value=written.money(-balance))
    yield Total(name="Amount due at issue", value=written.money(total - balance), strong=True)
