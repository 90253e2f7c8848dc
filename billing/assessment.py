"""From what is charged to what is owed: discounts, then tax, on all lines of one invoice together.

Owns the order and the roundings (policy P2, P3, P4): a discount is rounded once and so is a tax per
jurisdiction and rate, and each is shared among the lines. A preview and the invoice itself go
through here, so that both say the same. Does not own discounts (`billing.discount`) nor rates
(`billing.tax`), nor what is carried from one invoice to the next, which was assessed before.
"""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from billing.discount import Discountable, DiscountUse, RedeemedDiscount, discounted
from billing.invoice_line import InvoiceLine
from billing.money import allocate_minor
from billing.tax import LineTax, TaxTreatment, tax_on, tax_within
from billing.value import Value

_WHOLE: Final = Fraction(1)


class ItemTerms(Value):
    """What discounts and taxes something that is sold once, at a price of its own."""

    item_id: str
    product_id: str
    treatment: TaxTreatment | None = None
    """None where no tax is charged."""
    tax_inclusive: bool = False


class PriceTerms(Value):
    """What discounts and taxes a line of another price than the invoice's own."""

    price_id: str
    price_version: int
    product_id: str
    treatment: TaxTreatment | None = None
    """None where no tax is charged."""
    tax_inclusive: bool = False


class Assessment(Value):
    """What discounts and taxes the lines of one invoice."""

    product_id: str
    """What is charged for; credits have the tax of what they give back of."""
    items: tuple[ItemTerms, ...] = ()
    """Of lines that have a one-off price of their own. Any other item is taxed as what is
    subscribed, and of no product."""
    undiscounted: tuple[str, ...] = ()
    """Items that no discount is for."""
    others: tuple[PriceTerms, ...] = ()
    """Of lines at other prices: what was had before, and is billed in arrears."""
    discounts: tuple[RedeemedDiscount, ...] = ()
    period_number: int = 0
    """Of the period that is charged for."""
    again: Fraction = _WHOLE
    """Which share of a fixed discount is for a charge in a period that it has discounted before."""
    treatment: TaxTreatment | None = None
    """None where no tax is charged."""
    tax_inclusive: bool = False
    """Whether the price includes the tax."""


class Assessed(Value):
    """The lines with their discounts and taxes, and what that uses of the discounts."""

    lines: tuple[InvoiceLine, ...]
    uses: tuple[DiscountUse, ...] = ()


def assessed(lines: Sequence[InvoiceLine], by: Assessment) -> Assessed:
    """What of `lines` charges is discounted and taxed; what credits stays as it is."""
    charged = [index for index, line in enumerate(lines) if line.credits is None]
    if not charged:
        return Assessed(lines=tuple(lines))
    found = discounted(
        [_discountable(lines[index], by) for index in charged],
        by.discounts,
        currency=lines[0].amount.currency,
        period_number=by.period_number,
        again=by.again,
    )
    result = list(lines)
    for index, taken in zip(charged, found.by_amount, strict=True):
        result[index] = lines[index].model_copy(
            update={"discounts": taken, "tax": _zero_tax(lines[index], by)}
        )
    return Assessed(lines=_taxed(result), uses=found.uses)


def _terms_of(line: InvoiceLine, by: Assessment) -> ItemTerms | PriceTerms | None:
    if line.item_id is not None:
        return next((terms for terms in by.items if terms.item_id == line.item_id), None)
    sold = line.price_id, line.price_version
    return next((each for each in by.others if (each.price_id, each.price_version) == sold), None)


def _discountable(line: InvoiceLine, by: Assessment) -> Discountable:
    """What somebody named is of no product: a coupon for some products is not for it."""
    terms = _terms_of(line, by)
    if line.item_id is not None and line.item_id in by.undiscounted:
        return Discountable(product_id=None, amount_minor=0)
    named = None if line.item_id is not None else by.product_id
    product_id = named if terms is None else terms.product_id
    return Discountable(product_id=product_id, amount_minor=line.amount.amount_minor)


def _zero_tax(line: InvoiceLine, by: Assessment) -> LineTax | None:
    basis = _terms_of(line, by) or by
    if basis.treatment is None:
        return None
    return LineTax.under(
        basis.treatment, inclusive=basis.tax_inclusive, currency=line.amount.currency
    )


def _taxed(lines: Sequence[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """Every charge with its share of what the whole invoice carries at its rate."""
    alike: dict[object, list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        if line.tax is not None:
            alike[line.tax.kind].append(index)
    result = list(lines)
    for indices in alike.values():
        for index, minor in _shares(lines, indices).items():
            tax = lines[index].tax
            if tax is not None:
                result[index] = lines[index].model_copy(update={"tax": tax.with_amount(minor)})
    return tuple(result)


def _shares(lines: Sequence[InvoiceLine], indices: Sequence[int]) -> dict[int, int]:
    """The tax of each charge among lines of one rate.

    The whole is rounded once. Credits carry what their debits did, so charges share the rest; where
    nothing is charged at the rate, there is none.
    """
    credited = [index for index in indices if lines[index].credits is not None]
    charged = [index for index in indices if lines[index].credits is None]
    bases = [lines[index].net.amount_minor for index in charged]
    base = sum(bases)
    if not base:
        return dict.fromkeys(charged, 0)
    whole = _whole_tax(lines[charged[0]].tax, sum(lines[i].net.amount_minor for i in indices))
    rest = whole - sum(_tax_minor(lines[index]) for index in credited)
    sign = 1 if base > 0 else -1
    weights = [max(sign * minor, 0) for minor in bases]
    shares = allocate_minor(sign * max(sign * rest, 0), weights)
    return dict(zip(charged, shares, strict=True))


def _whole_tax(tax: LineTax | None, net_minor: int) -> int:
    if tax is None:
        return 0
    return tax_within(net_minor, tax.rate) if tax.inclusive else tax_on(net_minor, tax.rate)


def _tax_minor(line: InvoiceLine) -> int:
    return 0 if line.tax is None else line.tax.amount.amount_minor
