"""Declines as customers read them, in plain English: in messages and on hosted pages.

Owns which reasons are told and in which words. Does not own how amounts and days are written
(`adapters.locale_format`) nor the texts around them (`adapters/mail`, `api/hosted`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

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


def why_declined(reason: str | None) -> str:
    """The end of a sentence that says what could not be paid."""
    return _DECLINES.get(reason or "", "your bank declined it")
