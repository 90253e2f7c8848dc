"""Amounts, days and declines as customers read them: in messages and on hosted pages.

Owns how each is written, in plain English. Instants are told in UTC, because a customer's zone is
not known. Does not own the texts around them (`adapters/mail`, `api/hosted`).
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from billing.currency import minor_digits
from billing.money import Money

_SYMBOLS: Final = MappingProxyType({"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"})
"""Symbols that mean one currency only in English; others are named by their code."""

_DETAILS: Final = "the card's details were not accepted"
_LIMIT: Final = "the card has reached its limit"
_PASSES: Final = "your bank could not decide just then"
_DECLINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "authentication_required": "your bank wants you to confirm it",
        "card_not_supported": "the card cannot be used for this kind of payment",
        "card_velocity_exceeded": _LIMIT,
        "currency_not_supported": "the card cannot pay in this currency",
        "expired_card": "the card has expired",
        "incorrect_cvc": "the card's security code was not accepted",
        "incorrect_number": _DETAILS,
        "incorrect_zip": _DETAILS,
        "insufficient_funds": "there were not sufficient funds",
        "invalid_account": "the card or its account no longer exists",
        "invalid_cvc": "the card's security code was not accepted",
        "invalid_expiry_month": _DETAILS,
        "invalid_expiry_year": _DETAILS,
        "invalid_number": _DETAILS,
        "issuer_not_available": _PASSES,
        "no_payment_method": "there is no payment method",
        "not_permitted": "the card cannot be used for this kind of payment",
        "payment_canceled": "the payment was not completed",
        "processing_error": _PASSES,
        "reenter_transaction": _PASSES,
        "retry_limit_reached": "the card was tried too often",
        "try_again_later": _PASSES,
        "withdrawal_count_limit_exceeded": _LIMIT,
    }
)
"""Other reasons are not told: some, such as a stolen card, are not for us to tell."""


def formatted(amount: Money) -> str:
    """`$1,234.50`, or `CHF 1,234.50` where a symbol would be ambiguous; never rounded."""
    digits = minor_digits(amount.currency)
    number = f"{Decimal(abs(amount.amount_minor)).scaleb(-digits):,.{digits}f}"
    sign = "-" if amount.amount_minor < 0 else ""
    return f"{sign}{_SYMBOLS.get(amount.currency, amount.currency + ' ')}{number}"


def unit_price(exact_minor: Decimal, currency: str) -> str:
    """What one unit costs: as many decimals as the price has, and at least the currency's."""
    digits = minor_digits(currency)
    exact = exact_minor.scaleb(-digits).normalize()
    exponent = exact.as_tuple().exponent
    shown = max(digits, -exponent if isinstance(exponent, int) else 0)
    return f"{_SYMBOLS.get(currency, currency + ' ')}{exact:,.{shown}f}"


def day(instant: datetime) -> str:
    """`31 January 2026`."""
    return f"{instant.day} {instant:%B} {instant.year}"


def moment(instant: datetime) -> str:
    """`31 January 2026 at 09:30 UTC`."""
    return f"{day(instant)} at {instant:%H:%M} UTC"


def counted(number: int, unit_name: str) -> str:
    """`1 seat`, `1,200 seats`."""
    return f"{number:,} {unit_name if number == 1 else unit_name + 's'}"


def why_declined(reason: str | None) -> str:
    """The end of a sentence that says what could not be paid."""
    return _DECLINES.get(reason or "", "your bank declined it")
