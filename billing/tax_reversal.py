"""The tax in what is given back of a debit (policy P4, P13).

Owns its amount: at the debit's own rate, in proportion, rounded cumulatively, so that whatever the
parts they never exceed what was charged and in all are exactly that (policy P2). Does not own how
much of a debit is given back (`billing.proration`, `billing.credit_note`).
"""

from fractions import Fraction

from billing.money import Money, round_half_away
from billing.proration import Debit
from billing.tax import LineTax


def tax_of_credit(debit: Debit, amount: Money) -> LineTax | None:
    """The tax that goes back with `amount` of the debit; positive, None where it has none.

    `amount` includes the tax where the debit's does.
    """
    tax, charged = debit.tax, debit.amount.amount_minor
    if tax is None:
        return None
    if charged <= 0:
        return tax.with_amount(0)
    by_then = debit.credited.amount_minor + amount.amount_minor
    exact = Fraction(tax.amount.amount_minor * by_then, charged)
    back = round_half_away(exact) - debit.tax_credited_minor
    return tax.with_amount(_between(0, back, debit.tax_left_minor))


def split_total(debit: Debit, total: Money) -> tuple[Money, LineTax | None]:
    """The amount and its tax that together are `total`, at most what the debit has left in all."""
    tax = debit.tax
    if tax is None or tax.inclusive:
        return total, tax_of_credit(debit, total)
    whole = debit.amount.amount_minor + tax.amount.amount_minor
    by_then = debit.credited.amount_minor + debit.tax_credited_minor + total.amount_minor
    exact = Fraction(tax.amount.amount_minor * by_then, max(whole, 1))
    least = total.amount_minor - debit.creditable.amount_minor
    most = min(debit.tax_left_minor, total.amount_minor)
    back = _between(max(least, 0), round_half_away(exact) - debit.tax_credited_minor, most)
    left = total.amount_minor - back
    return total.model_copy(update={"amount_minor": left}), tax.with_amount(back)


def total_left(debit: Debit) -> Money:
    """What may still be given back of the debit with its tax."""
    left = debit.creditable
    if debit.tax is None or debit.tax.inclusive:
        return left
    return left.model_copy(update={"amount_minor": left.amount_minor + debit.tax_left_minor})


def after_credit(debit: Debit, amount: Money, tax: LineTax | None) -> Debit:
    """The debit once that much more was given back of it."""
    tax_minor = 0 if tax is None else tax.amount.amount_minor
    return debit.model_copy(
        update={
            "credited": debit.credited + amount,
            "tax_credited_minor": debit.tax_credited_minor + tax_minor,
        }
    )


def before_credit(debit: Debit, amount: Money, tax: LineTax | None) -> Debit:
    """The debit as it was before that much was given back of it."""
    tax_minor = 0 if tax is None else tax.amount.amount_minor
    return debit.model_copy(
        update={
            "credited": debit.credited - amount,
            "tax_credited_minor": debit.tax_credited_minor - tax_minor,
            "is_closed": False,
        }
    )


def _between(least: int, minor: int, most: int) -> int:
    return max(least, min(minor, most))
