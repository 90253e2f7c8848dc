"""How an amount came about, in the words of a customer.

Owns the phrase of each part. Does not own the parts (`billing.explanation`) nor how amounts and
numbers are written (`adapters.locale_format`).
"""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final, assert_never

from adapters.locale_format import LocaleFormat
from billing.explanation import ChargePart, Exact, Explanation, PartKind
from billing.pricing import rounded

_SHOWN_DECIMALS: Final = 12
_MOST_DAYS: Final = 366


def explained(written: LocaleFormat, explanation: Explanation) -> str:
    """`1,000 units at $0.10 = $100.00; 1 unit at $0.05 = $0.05`: the parts that an amount sums."""
    phrases = [_part(written, part, explanation) for part in explanation.parts]
    if explanation.share != 1:
        total = written.money(rounded(explanation))
        phrases.append(f"for {_share(written, explanation.share)} of the period: {total}")
    return "; ".join(phrases)


def _part(  # noqa: PLR0911 - one return per kind
    written: LocaleFormat, part: ChargePart, of: Explanation
) -> str:
    amount = _amount(written, abs(Fraction(part.amount_minor)), of.currency)
    match part.kind:
        case PartKind.UNITS:
            each = written.unit_price(part.each, of.currency)
            return f"{_count(written, part.count, of.unit_name)} at {each} = {amount}"
        case PartKind.FLAT if part.up_to is not None:
            return f"{amount} flat up to {written.counted(part.up_to, of.unit_name)}"
        case PartKind.FLAT if part.above is not None:
            return f"{amount} flat above {written.counted(part.above, of.unit_name)}"
        case PartKind.FLAT:
            return f"{amount} flat"
        case PartKind.PACKAGES:
            each = written.unit_price(part.each, of.currency)
            size = written.counted(part.package_size or 1, of.unit_name)
            return f"{_count(written, part.count, 'package')} of {size} at {each} = {amount}"
        case PartKind.PERCENTAGE:
            base = _amount(written, part.count, of.currency)
            return f"{written.percent(part.each)} of {base} = {amount}"
        case PartKind.MINIMUM:
            return f"{amount} added to come to the minimum"
        case PartKind.MAXIMUM:
            return f"{amount} taken off to come to the maximum"
        case PartKind.HELD:
            return f"less {amount} for the {_count(written, part.count, of.unit_name)} so far"
        case _:
            assert_never(part.kind)


def _amount(written: LocaleFormat, minor: Exact, currency: str) -> str:
    """As many decimals as the amount has, and no more than make a difference to anybody."""
    return written.unit_price(_decimal(minor), currency)


def _count(written: LocaleFormat, count: Exact, unit_name: str) -> str:
    if count.denominator == 1:
        return written.counted(int(count), unit_name)
    return f"{_decimal(count).normalize():f} {unit_name}s"


def _share(written: LocaleFormat, share: Exact) -> str:
    """`17/31`, or a percentage where the denominator counts seconds."""
    if share.denominator <= _MOST_DAYS:
        return f"{share.numerator}/{share.denominator}"
    return written.percent(round(_decimal(share * 100), 2))


def _decimal(exact: Exact) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return round(Decimal(exact.numerator) / Decimal(exact.denominator), _SHOWN_DECIMALS)
