"""Test payment methods, by the names that Stripe documents, and how they behave.

Owns one table. Source: https://docs.stripe.com/testing and https://docs.stripe.com/declines/codes
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from billing.decline import Decline
from billing.ports.gateway import DisputeStatus, RefundStatus

_DECLINED: Final = "Your card was declined."


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`attaches` is False for cards that are refused already when they are saved."""

    type: str
    brand: str | None
    last4: str
    decline: Decline | None = None
    attaches: bool = True
    must_authenticate: bool = False
    is_slow: bool = False
    """A bank debit: `processing` until it is settled."""
    refund: RefundStatus = RefundStatus.SUCCEEDED
    """How each of its refunds begins."""
    refund_failure: str | None = None
    """What its refunds fail with some time later."""
    dispute: DisputeStatus | None = None
    """How each of its payments is disputed, as soon as it is made."""
    dispute_reason: str = "fraudulent"


def _declined(
    decline_code: str,
    advice_code: str | None,
    network_decline_code: str | None,
    *,
    code: str = "card_declined",
    message: str = _DECLINED,
) -> Decline:
    return Decline(
        code=code,
        decline_code=decline_code,
        advice_code=advice_code,
        network_decline_code=network_decline_code,
        message=message,
    )


DECLINES: Final = MappingProxyType(
    {
        decline.reason: decline
        for decline in (
            _declined("generic_decline", "try_again_later", "05"),
            _declined(
                "insufficient_funds",
                "try_again_later",
                "51",
                message="Your card has insufficient funds.",
            ),
            _declined("lost_card", "do_not_try_again", "41"),
            _declined("stolen_card", "do_not_try_again", "43"),
            _declined(
                "expired_card",
                "do_not_try_again",
                "54",
                code="expired_card",
                message="Your card has expired.",
            ),
            _declined(
                "incorrect_cvc",
                "confirm_card_data",
                "N7",
                code="incorrect_cvc",
                message="Your card's security code is incorrect.",
            ),
            _declined(
                "processing_error",
                "try_again_later",
                "96",
                code="processing_error",
                message="An error occurred while processing your card. Try again in a little bit.",
            ),
            _declined(
                "authentication_required",
                None,
                None,
                code="authentication_required",
                message="Your card was declined. This transaction requires authentication.",
            ),
        )
    }
)


def _refused(last4: str, reason: str) -> Behaviour:
    return Behaviour("card", "visa", last4, decline=DECLINES[reason], attaches=False)


BEHAVIOURS: Final = MappingProxyType(
    {
        "pm_card_visa": Behaviour("card", "visa", "4242"),
        "pm_card_mastercard": Behaviour("card", "mastercard", "4444"),
        "pm_card_amex": Behaviour("card", "amex", "0005"),
        "pm_card_visa_chargeDeclined": _refused("0002", "generic_decline"),
        "pm_card_visa_chargeDeclinedInsufficientFunds": _refused("9995", "insufficient_funds"),
        "pm_card_visa_chargeDeclinedLostCard": _refused("9987", "lost_card"),
        "pm_card_visa_chargeDeclinedStolenCard": _refused("9979", "stolen_card"),
        "pm_card_chargeDeclinedExpiredCard": _refused("0069", "expired_card"),
        "pm_card_chargeDeclinedIncorrectCvc": _refused("0127", "incorrect_cvc"),
        "pm_card_chargeDeclinedProcessingError": _refused("0119", "processing_error"),
        "pm_card_chargeCustomerFail": Behaviour(
            "card", "visa", "0341", decline=DECLINES["generic_decline"]
        ),
        "pm_card_createDispute": Behaviour(
            "card", "visa", "0259", dispute=DisputeStatus.NEEDS_RESPONSE
        ),
        "pm_card_createDisputeProductNotReceived": Behaviour(
            "card",
            "visa",
            "2685",
            dispute=DisputeStatus.NEEDS_RESPONSE,
            dispute_reason="product_not_received",
        ),
        "pm_card_createDisputeInquiry": Behaviour(
            "card", "visa", "1976", dispute=DisputeStatus.WARNING_NEEDS_RESPONSE
        ),
        "pm_card_pendingRefund": Behaviour("card", "visa", "7726", refund=RefundStatus.PENDING),
        "pm_card_refundFail": Behaviour(
            "card", "visa", "5126", refund_failure="expired_or_canceled_card"
        ),
        "pm_card_authenticationRequired": Behaviour("card", "visa", "3184", must_authenticate=True),
        "pm_usBankAccount_success": Behaviour("us_bank_account", None, "6789", is_slow=True),
    }
)
"""Other names of Stripe's exist and are refused here: a test that needs one adds it."""
