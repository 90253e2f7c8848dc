"""Currencies: which ones can be charged, and from what amount.

Owns Stripe's minimum charge per currency, in minor units, and its rules for odd currencies.
Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
"""

from simulator.errors import InvalidRequest

MINIMUM_AMOUNT_MINOR = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "isk": 10000, "jpy": 50,
    "kwd": 150, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200,
    "sek": 300, "sgd": 50, "thb": 1000, "ugx": 200000, "usd": 50,
}  # fmt: skip
_LARGEST_AMOUNT_MINOR = 99_999_999
_LAST_DIGIT_ZERO = {"kwd"}
_WHOLE_UNITS_ONLY = {"isk", "ugx"}


def check_currency(currency: str) -> None:
    """Raises InvalidRequest for a currency that the simulator cannot charge."""
    if currency not in MINIMUM_AMOUNT_MINOR:
        known = ", ".join(sorted(MINIMUM_AMOUNT_MINOR))
        raise InvalidRequest(
            f"Invalid currency: {currency}. The simulator supports: {known}", param="currency"
        )


def check_amount(amount_minor: int, currency: str) -> None:
    """Raises InvalidRequest for an amount that Stripe would not charge in that currency."""
    check_currency(currency)
    if amount_minor < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount_minor < MINIMUM_AMOUNT_MINOR[currency]:
        raise InvalidRequest(
            f"Amount must be at least {MINIMUM_AMOUNT_MINOR[currency]} {currency}",
            code="amount_too_small",
            param="amount",
        )
    if amount_minor > _LARGEST_AMOUNT_MINOR:
        raise InvalidRequest(
            f"Amount must be no more than {_LARGEST_AMOUNT_MINOR} {currency}",
            code="amount_too_large",
            param="amount",
        )
    if currency in _LAST_DIGIT_ZERO and amount_minor % 10:
        raise InvalidRequest("Amount must be a multiple of 10.", param="amount")
    if currency in _WHOLE_UNITS_ONLY and amount_minor % 100:
        raise InvalidRequest("Amount must be a multiple of 100.", param="amount")
