"""The tax and the discounts of lines, to and from their columns (policy P3, P4).

Owns that mapping for invoices' and credit notes' lines, which have the same columns.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from billing.discount import LineDiscount
from billing.money import Money
from billing.tax import LineTax, TaxReason

TAX_ARRAYS: Final = """
            CAST(:tax_jurisdictions AS text[]), CAST(:tax_names AS text[]),
            CAST(:tax_rates AS numeric[]), CAST(:tax_reasons AS text[]),
            CAST(:tax_categories AS text[]), CAST(:taxes_inclusive AS boolean[]),
            CAST(:taxes_minor AS bigint[])
"""
"""What `unnest` takes of `tax_parameters`, in the order of `TAX_COLUMNS`."""
TAX_COLUMNS: Final = (
    "tax_jurisdiction, tax_name, tax_rate, tax_reason, tax_category, tax_inclusive, tax_minor"
)
TAX_VALUES: Final = ", ".join(f"line.{column}" for column in TAX_COLUMNS.split(", "))
"""The same of the row called `line`."""


def tax_parameters(taxes: Sequence[LineTax | None]) -> dict[str, Any]:
    """One array per column."""
    return {
        "tax_jurisdictions": [None if tax is None else tax.jurisdiction for tax in taxes],
        "tax_names": [None if tax is None else tax.name for tax in taxes],
        "tax_rates": [None if tax is None else tax.rate for tax in taxes],
        "tax_reasons": [None if tax is None else tax.reason for tax in taxes],
        "tax_categories": [None if tax is None else tax.category for tax in taxes],
        "taxes_inclusive": [tax is not None and tax.inclusive for tax in taxes],
        "taxes_minor": [0 if tax is None else tax.amount.amount_minor for tax in taxes],
    }


def as_line_tax(line: Mapping[str, Any]) -> LineTax | None:
    """What a line's columns say; the rate as a decimal or as its text."""
    if line["tax_rate"] is None:
        return None
    return LineTax(
        jurisdiction=line["tax_jurisdiction"],
        name=line["tax_name"],
        rate=without_padding(Decimal(line["tax_rate"])),
        reason=None if line["tax_reason"] is None else TaxReason(line["tax_reason"]),
        category=line["tax_category"],
        inclusive=line["tax_inclusive"],
        amount=Money(amount_minor=line["tax_minor"], currency=line["currency"]),
    )


def discount_parameters(discounts: Sequence[Sequence[LineDiscount]]) -> dict[str, Any]:
    """One array per column; `discounts` are those of each line, from position 1 on."""
    flat = [
        (line_position, position, taken)
        for line_position, of_line in enumerate(discounts, start=1)
        for position, taken in enumerate(of_line, start=1)
    ]
    return {
        "discount_line_positions": [line_position for line_position, _, _ in flat],
        "discount_positions": [position for _, position, _ in flat],
        "discount_coupon_ids": [taken.coupon_id for _, _, taken in flat],
        "discount_names": [taken.name for _, _, taken in flat],
        "discounts_minor": [taken.amount.amount_minor for _, _, taken in flat],
    }


def without_padding(stored: Decimal) -> Decimal:
    """A column's decimals without those that are zero."""
    whole = stored.to_integral_value()
    return whole if whole == stored else stored.normalize()
