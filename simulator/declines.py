"""Declines: what each decline code says and advises.

Owns one table, read only. Does not decide who is declined (`cards`, the schedule in the store).

Codes and advice follow https://docs.stripe.com/declines/codes and
https://docs.stripe.com/declines/card#retrying-issuer-declines; the network codes are the ISO 8583
response codes that the card networks use for the same reasons.
"""

from dataclasses import dataclass
from typing import Literal

Advice = Literal["confirm_card_data", "do_not_try_again", "try_again_later"]


@dataclass(frozen=True, slots=True)
class Decline:
    """One reason for refusing a payment. `code` is the error's, `decline_code` the issuer's."""

    code: str
    decline_code: str | None
    message: str
    advice_code: Advice | None
    network_decline_code: str | None


_DECLINED = "Your card was declined."

_TABLE: tuple[tuple[str, str, str, Advice | None, str | None], ...] = (
    ("generic_decline", "card_declined", _DECLINED, "try_again_later", "05"),
    ("do_not_honor", "card_declined", _DECLINED, "try_again_later", "05"),
    (
        "insufficient_funds",
        "card_declined",
        "Your card has insufficient funds.",
        "try_again_later",
        "51",
    ),
    ("lost_card", "card_declined", _DECLINED, "do_not_try_again", "41"),
    ("stolen_card", "card_declined", _DECLINED, "do_not_try_again", "43"),
    ("pickup_card", "card_declined", _DECLINED, "do_not_try_again", "04"),
    ("fraudulent", "card_declined", _DECLINED, "do_not_try_again", "59"),
    (
        "card_velocity_exceeded",
        "card_declined",
        "Your card was declined for making repeated attempts too frequently.",
        "try_again_later",
        "65",
    ),
    ("expired_card", "expired_card", "Your card has expired.", "do_not_try_again", "54"),
    (
        "incorrect_cvc",
        "incorrect_cvc",
        "Your card's security code is incorrect.",
        "confirm_card_data",
        "N7",
    ),
    (
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        "try_again_later",
        "96",
    ),
    (
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        None,
        None,
    ),
)

DECLINES: dict[str, Decline] = {
    name: Decline(code, name, message, advice, network)
    for name, code, message, advice, network in _TABLE
}

AUTHENTICATION_REQUIRED = DECLINES["authentication_required"]

BANK_FAILURES: dict[str, Decline] = {
    code: Decline(code, None, message, None, network)
    for code, message, network in (
        ("insufficient_funds", "The customer's account has insufficient funds.", "R01"),
        ("account_closed", "The customer's bank account has been closed.", "R02"),
        ("no_account", "The customer's bank account could not be located.", "R03"),
        (
            "debit_not_authorized",
            "The customer has notified their bank that this payment was unauthorized.",
            "R10",
        ),
        ("generic_could_not_process", "The bank could not process this payment.", None),
    )
}
