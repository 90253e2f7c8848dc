"""How Stripe writes an amount (policy P6).

Owns the currencies whose number at Stripe differs from ISO minor units, or may not take every
value. Source: https://docs.stripe.com/currencies#zero-decimal and #special-cases there.
"""

from typing import Final

from billing.currency import minor_digits
from billing.errors import GatewayRefused
from billing.money import Money

_HUNDREDTHS_FOR_WHOLE_UNITS: Final = frozenset({"ISK", "UGX"})
"""ISO 4217 gives them no decimals; Stripe counts hundredths of them that must be zero."""

_THREE_DIGITS: Final = 3


def to_stripe(amount: Money) -> tuple[int, str]:
    """The number and the lower-case currency that Stripe expects.

    Raises `GatewayRefused` (`amount_not_chargeable`) for thousandths that do not end in zero: the
    price should not have allowed them, and rounding here would leave the invoice unpaid.
    """
    currency = amount.currency
    if currency in _HUNDREDTHS_FOR_WHOLE_UNITS:
        return amount.amount_minor * 100, currency.lower()
    if minor_digits(currency) == _THREE_DIGITS and amount.amount_minor % 10:
        raise GatewayRefused(
            "amount_not_chargeable",
            f"{amount} cannot be charged: amounts in {currency} must end in zero",
            currency=currency,
        )
    return amount.amount_minor, currency.lower()


def from_stripe(number: int, currency: str) -> Money:
    """The amount that Stripe means by a number and a lower-case currency.

    Raises `GatewayRefused` (`amount_not_readable`) for hundredths of a currency that has none, and
    for a currency that is not ours.
    """
    code = currency.upper()
    if code in _HUNDREDTHS_FOR_WHOLE_UNITS:
        whole, hundredths = divmod(number, 100)
        if hundredths:
            raise GatewayRefused(
                "amount_not_readable", f"Stripe named {number} hundredths of {code}, which has none"
            )
        return Money(amount_minor=whole, currency=code)
    try:
        return Money(amount_minor=number, currency=code)
    except ValueError:
        raise GatewayRefused(
            "amount_not_readable", f"Stripe named an amount in {code[:8]!r}, which is not supported"
        ) from None
