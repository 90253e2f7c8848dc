"""Currencies: their minor units, and which amounts can be charged.

Owns the table (ISO 4217 digits; Stripe's minimum charges where documented). Does not own how a
gateway writes an amount (`adapters/stripe`), nor formatting for people in a locale.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator

from billing.errors import InvalidInput

_TWO_DIGITS: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD "
    "CDF CHF CNY COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL "
    "HTG HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR "
    "MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD "
    "SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD YER "
    "ZAR ZMW"
)
_ZERO_DIGITS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS: Final = "BHD JOD KWD OMR TND"
_DECIMALS_CHARGED: Final = 2

MINOR_DIGITS: Final = MappingProxyType(
    {
        code: digits
        for digits, codes in ((2, _TWO_DIGITS), (0, _ZERO_DIGITS), (3, _THREE_DIGITS))
        for code in codes.split()
    }
)
"""Digits after the decimal point, per supported currency."""

_MINIMUM_CHARGES: Final = MappingProxyType(
    {
        "USD": 50, "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50,
        "CZK": 1500, "DKK": 250, "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50,
        "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200,
        "SEK": 300, "SGD": 50, "THB": 1000,
    }
)  # fmt: skip


def _known(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise ValueError("not a supported ISO 4217 currency code (upper case)")
    return code


CurrencyCode = Annotated[str, AfterValidator(_known)]
"""An upper-case ISO 4217 code of a currency that we can charge."""


def minor_digits(code: str) -> int:
    """How many digits follow the decimal point. Raises `InvalidInput` (`unknown_currency`)."""
    try:
        return MINOR_DIGITS[code]
    except KeyError:
        raise InvalidInput("unknown_currency", f"{code!r} is not a supported currency") from None


def minimum_charge_minor(code: str) -> int:
    """The smallest amount that is collected (policy P5, Stripe's documented minimums).

    Currencies without a documented minimum are collected from one minor unit up.
    """
    return _MINIMUM_CHARGES.get(code, 1)


def minimum_charges_minor() -> Mapping[str, int]:
    """Those of the currencies in which it is more than one minor unit."""
    return _MINIMUM_CHARGES


def charge_step_minor(code: str) -> int:
    """What every amount that is collected must be a multiple of (policy P6).

    The last of three decimals must be zero (https://docs.stripe.com/currencies#special-cases).
    """
    return 10 if minor_digits(code) > _DECIMALS_CHARGED else 1


def largest_charge_minor(minor: int, code: str) -> int:
    """The most of `minor` that one charge can take: whole steps, and zero below the minimum."""
    whole = minor - minor % charge_step_minor(code)
    return whole if whole >= minimum_charge_minor(code) else 0


def smallest_charge_minor(minor: int, code: str) -> int:
    """The least that one charge can take and that is not less than `minor`."""
    least = max(minor, minimum_charge_minor(code))
    return least + -least % charge_step_minor(code)
