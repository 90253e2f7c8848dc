"""What the API says about the discounts and taxes of a document's lines (policy P3, P4).

Owns their public shapes, for invoices, credit notes and previews alike.
"""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, Field

from api.money_view import MoneyView
from billing.invoice_line import InvoiceLine
from billing.money import Money
from billing.tax import LineTax, TaxReason
from billing.tax_line import TaxLine, tax_lines


class DiscountView(BaseModel):
    """What a coupon takes off; positive."""

    coupon: str = Field(examples=["SPRING"])
    name: str = Field(examples=["Spring sale"])
    amount: MoneyView

    @classmethod
    def of_line(cls, line: InvoiceLine) -> list[Self]:
        """Those of one line, in the order in which they were applied."""
        return cls.all_of([line])

    @classmethod
    def all_of(cls, lines: Sequence[InvoiceLine]) -> list[Self]:
        """Those of a document: each coupon once."""
        taken: dict[str, tuple[str, Money]] = {}
        for line in lines:
            for each in line.discounts:
                _, before = taken.get(each.coupon_id, ("", Money.zero(each.amount.currency)))
                taken[each.coupon_id] = (each.name, before + each.amount)
        return [
            cls(coupon=coupon_id, name=name, amount=MoneyView.of(amount))
            for coupon_id, (name, amount) in taken.items()
        ]


class LineTaxView(BaseModel):
    """A line's share of the document's tax."""

    jurisdiction: str = Field(examples=["US-NY"])
    rate: str = Field(description="Percent, as a decimal", examples=["8.875"])
    inclusive: bool = Field(description="Whether the line's amount includes it")
    amount: MoneyView

    @classmethod
    def of(cls, tax: LineTax | None) -> Self | None:
        """None where no tax is charged."""
        if tax is None:
            return None
        return cls(
            jurisdiction=tax.jurisdiction,
            rate=f"{tax.rate:f}",
            inclusive=tax.inclusive,
            amount=MoneyView.of(tax.amount),
        )


class TaxView(BaseModel):
    """A rate, what it was charged on, and how much that came to."""

    jurisdiction: str = Field(examples=["US-NY"])
    name: str = Field(examples=["Sales tax"])
    rate: str = Field(description="Percent, as a decimal", examples=["8.875"])
    inclusive: bool = Field(description="Whether prices include it, or it comes on top")
    taxable: MoneyView = Field(description="After discounts and without the tax")
    amount: MoneyView
    reason: TaxReason | None = Field(description="Why none is charged")
    note: str | None = Field(
        description="The reason in words, as on the invoice",
        examples=["Reverse charge: the customer accounts for the VAT"],
    )

    @classmethod
    def all_of(cls, lines: Sequence[InvoiceLine]) -> list[Self]:
        """Those of a document."""
        return [cls._of(tax) for tax in tax_lines(lines)]

    @classmethod
    def _of(cls, tax: TaxLine) -> Self:
        return cls(
            jurisdiction=tax.jurisdiction,
            name=tax.name,
            rate=f"{tax.rate:f}",
            inclusive=tax.inclusive,
            taxable=MoneyView.of(tax.taxable),
            amount=MoneyView.of(tax.amount),
            reason=tax.reason,
            note=None if tax.reason is None else tax.reason.words,
        )
