"""The discounts and taxes of a document in words, as customers read them below its lines.

Owns those words, for the PDF of an invoice and for its page.
"""

from collections.abc import Iterator, Sequence

from adapters.locale_format import LocaleFormat
from billing.invoice_line import InvoiceLine
from billing.money import Money
from billing.tax_line import TaxLine, tax_lines


def between_lines_and_total(
    lines: Sequence[InvoiceLine], written: LocaleFormat
) -> Iterator[tuple[str, str]]:
    """What is taken off and what comes on top, each with its amount; nothing where neither is."""
    taken: dict[str, Money] = {}
    for line in lines:
        for discount in line.discounts:
            before = taken.get(discount.name, Money.zero(discount.amount.currency))
            taken[discount.name] = before + discount.amount
    for name, amount in taken.items():
        yield name, written.money(-amount)
    for tax in tax_lines(lines):
        yield _said(tax, written), written.money(tax.amount)


def _said(tax: TaxLine, written: LocaleFormat) -> str:
    if tax.reason is not None:
        return tax.reason.words
    on = f"of {written.money(tax.taxable)}"
    rate = f"{tax.name} ({tax.jurisdiction}) {tax.rate:f} %"
    return f"{rate} {on}, included" if tax.inclusive else f"{rate} {on}"
