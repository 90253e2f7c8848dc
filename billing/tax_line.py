"""What an invoice carries of one tax: one line per jurisdiction and rate (policy P4).

Owns the summary of lines' taxes for whoever reads the document. Its amounts are the lines' own
shares, so that the parts sum to the whole. Does not own the shares (`billing.assessment`).
"""

from collections import defaultdict
from collections.abc import Iterable

from billing.invoice_line import InvoiceLine
from billing.money import Money
from billing.tax import TaxTreatment


class TaxLine(TaxTreatment):
    """A rate, what it was charged on, and how much that came to; or why nothing was charged.

    Of all categories together, as the rate is rounded.
    """

    inclusive: bool
    """Whether the prices include it already."""
    taxable: Money
    """After discounts and without the tax itself."""
    amount: Money


def tax_lines(lines: Iterable[InvoiceLine]) -> tuple[TaxLine, ...]:
    """In the order in which the invoice's lines have them."""
    alike: dict[object, list[InvoiceLine]] = defaultdict(list)
    for line in lines:
        if line.tax is not None:
            alike[line.tax.kind].append(line)
    return tuple(_summed(group) for group in alike.values())


def _summed(group: list[InvoiceLine]) -> TaxLine:
    taxes = [line.tax for line in group if line.tax is not None]
    first, nothing = taxes[0], Money.zero(taxes[0].amount.currency)
    amount = sum((tax.amount for tax in taxes), nothing)
    net = sum((line.net for line in group), nothing)
    return TaxLine(
        jurisdiction=first.jurisdiction,
        name=first.name,
        rate=first.rate,
        reason=first.reason,
        inclusive=first.inclusive,
        taxable=net - amount if first.inclusive else net,
        amount=amount,
    )
