"""What the reasons for a refused payment mean, in an operator's words.

Owns the sentences. The codes are Stripe's (https://docs.stripe.com/declines/codes) and a few of
ours. Does not own what a decline allows next (`billing.decline`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ASK_BANK: Final = "the bank gives no reason; only the customer can ask it for one"
_NOT_ALLOWED: Final = "the card may not be used for this kind of purchase"
_WRONG_DETAILS: Final = "the card's details are wrong: the customer must enter it anew"
_LIMIT: Final = "the card's limit of money or uses is reached for now"
_BLOCKED: Final = "the card is blocked; do not tell the customer more than that it was declined"
_PIN: Final = "the card wants its PIN, which cannot be given here: another card is needed"
_REVOKED: Final = "the customer told the bank to stop these charges: ask them, and do not insist"
_TECHNICAL: Final = "the bank could not decide just then; it usually passes"

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "approve_with_id": _ASK_BANK,
        "authentication_required": "the bank wants the customer to confirm the payment in person",
        "call_issuer": _ASK_BANK,
        "card_declined": _ASK_BANK,
        "card_not_supported": _NOT_ALLOWED,
        "card_velocity_exceeded": _LIMIT,
        "currency_not_supported": "the card cannot pay in this currency",
        "do_not_honor": _ASK_BANK,
        "do_not_try_again": _ASK_BANK,
        "duplicate_transaction": "the bank saw the same amount on the card a moment before",
        "expired_card": "the card has expired: the customer must save the new one",
        "fraudulent": _BLOCKED,
        "generic_decline": _ASK_BANK,
        "highest_risk_level": "Stripe holds the payment for too risky and did not ask the bank",
        "incorrect_cvc": _WRONG_DETAILS,
        "incorrect_number": _WRONG_DETAILS,
        "incorrect_pin": _PIN,
        "incorrect_zip": _WRONG_DETAILS,
        "insufficient_funds": "there is not enough money on the account behind the card",
        "invalid_account": "the card or its account no longer exists: another card is needed",
        "invalid_amount": "the bank does not allow this amount",
        "invalid_cvc": _WRONG_DETAILS,
        "invalid_expiry_month": _WRONG_DETAILS,
        "invalid_expiry_year": _WRONG_DETAILS,
        "invalid_number": _WRONG_DETAILS,
        "invalid_pin": _PIN,
        "issuer_not_available": _TECHNICAL,
        "lost_card": _BLOCKED,
        "merchant_blacklist": _BLOCKED,
        "new_account_information_available": _WRONG_DETAILS,
        "no_action_taken": _ASK_BANK,
        "no_payment_method": "the customer has no saved payment method",
        "not_permitted": _NOT_ALLOWED,
        "offline_pin_required": _PIN,
        "online_or_offline_pin_required": _PIN,
        "payment_canceled": "the payment was canceled at Stripe before it was made",
        "pickup_card": _BLOCKED,
        "pin_try_exceeded": _PIN,
        "processing_error": _TECHNICAL,
        "reenter_transaction": _TECHNICAL,
        "restricted_card": _BLOCKED,
        "retry_limit_reached": (
            "this card was asked for this amount as often as the card networks allow: only another"
            " card helps"
        ),
        "revocation_of_all_authorizations": _REVOKED,
        "revocation_of_authorization": _REVOKED,
        "security_violation": _ASK_BANK,
        "service_not_allowed": _NOT_ALLOWED,
        "stolen_card": _BLOCKED,
        "stop_payment_order": _REVOKED,
        "testmode_decline": "a test card was used for real money",
        "transaction_not_allowed": _NOT_ALLOWED,
        "try_again_later": _TECHNICAL,
        "withdrawal_count_limit_exceeded": _LIMIT,
    }
)


def explained(reason: str) -> str:
    """The code and what it means; a code that nobody has described yet, as it is."""
    words = _WORDS.get(reason)
    return f"`{reason}`" if words is None else f"`{reason}`, {words}"
