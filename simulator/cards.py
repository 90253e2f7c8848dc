"""Stripe's documented test cards, as data.

Owns one table: number, names, and how the card behaves. Does not execute anything.
Source: https://docs.stripe.com/testing
"""

from dataclasses import dataclass
from enum import StrEnum


class Authentication(StrEnum):
    """When the holder of a card must pass 3D Secure."""

    NEVER = "never"
    UNLESS_SET_UP = "unless_set_up"
    """On session always; off session unless the card was set up for off-session use."""
    ALREADY_SET_UP = "already_set_up"
    """On session always; off session never, as if it had been set up."""
    ALWAYS = "always"


class RefundCourse(StrEnum):
    """What becomes of the refunds of a card."""

    AT_ONCE = "at_once"
    PENDING_FIRST = "pending_first"
    """`pending`, and some time later `succeeded`."""
    FAILS_LATER = "fails_later"
    """`succeeded`, and some time later `failed`."""


class DisputeKind(StrEnum):
    """How the charges of a card are disputed."""

    FRAUDULENT = "fraudulent"
    NOT_RECEIVED = "not_received"
    INQUIRY = "inquiry"
    """The bank only asks."""


@dataclass(frozen=True, slots=True)
class KnownCard:
    """A test card. `name` is what follows `pm_card_` and `tok_`; some numbers have none.

    `decline` names the decline every charge ends with. `attaches` is False for cards that are
    refused already when they are saved; Stripe checks a card with its issuer at that moment.
    `dispute` says how each of its charges is disputed at once.
    """

    number: str
    name: str | None
    brand: str
    funding: str = "credit"
    country: str = "US"
    decline: str | None = None
    attaches: bool = True
    authentication: Authentication = Authentication.NEVER
    refund: RefundCourse = RefundCourse.AT_ONCE
    dispute: DisputeKind | None = None

    @property
    def last4(self) -> str:
        """The last four digits, as shown to people."""
        return self.number[-4:]

    @property
    def cvc_length(self) -> int:
        """How many digits its security code has."""
        return 4 if self.brand == "amex" else 3


def _refused(number: str, name: str, decline: str) -> KnownCard:
    return KnownCard(number, name, "visa", decline=decline, attaches=False)


def _disputed(number: str, name: str, kind: DisputeKind) -> KnownCard:
    return KnownCard(number, name, "visa", dispute=kind)


def _authenticated(
    number: str, name: str, when: Authentication, decline: str | None = None
) -> KnownCard:
    return KnownCard(number, name, "visa", country="IE", decline=decline, authentication=when)


KNOWN_CARDS: tuple[KnownCard, ...] = (
    KnownCard("4242424242424242", "visa", "visa"),
    KnownCard("4000056655665556", "visa_debit", "visa", funding="debit"),
    KnownCard("5555555555554444", "mastercard", "mastercard"),
    KnownCard("2223003122003222", None, "mastercard"),
    KnownCard("5200828282828210", "mastercard_debit", "mastercard", funding="debit"),
    KnownCard("5105105105105100", "mastercard_prepaid", "mastercard", funding="prepaid"),
    KnownCard("378282246310005", "amex", "amex"),
    KnownCard("371449635398431", None, "amex"),
    KnownCard("6011111111111117", "discover", "discover"),
    KnownCard("6011000990139424", None, "discover"),
    KnownCard("3056930009020004", "diners", "diners"),
    KnownCard("36227206271667", None, "diners"),
    KnownCard("3566002020360505", "jcb", "jcb", country="JP"),
    KnownCard("6200000000000005", "unionpay", "unionpay", country="CN"),
    _refused("4000000000000002", "visa_chargeDeclined", "generic_decline"),
    _refused("4000000000009995", "visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    _refused("4000000000009987", "visa_chargeDeclinedLostCard", "lost_card"),
    _refused("4000000000009979", "visa_chargeDeclinedStolenCard", "stolen_card"),
    _refused("4000000000000069", "chargeDeclinedExpiredCard", "expired_card"),
    _refused("4000000000000127", "chargeDeclinedIncorrectCvc", "incorrect_cvc"),
    _refused("4000000000000119", "chargeDeclinedProcessingError", "processing_error"),
    _refused(
        "4000000000006975", "visa_chargeDeclinedVelocityLimitExceeded", "card_velocity_exceeded"
    ),
    KnownCard("4000000000000341", "chargeCustomerFail", "visa", decline="generic_decline"),
    _authenticated(
        "4000002500003155", "authenticationRequiredOnSetup", Authentication.UNLESS_SET_UP
    ),
    _authenticated("4000002760003184", "authenticationRequired", Authentication.ALWAYS),
    _authenticated(
        "4000003800000446",
        "authenticationRequiredSetupForOffSession",
        Authentication.ALREADY_SET_UP,
    ),
    _authenticated(
        "4000008260003178",
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        Authentication.UNLESS_SET_UP,
        "insufficient_funds",
    ),
    _authenticated("4000000000003220", "threeDSecure2Required", Authentication.UNLESS_SET_UP),
    _authenticated(
        "4000008400001629",
        "threeDSecureRequiredChargeDeclined",
        Authentication.UNLESS_SET_UP,
        "generic_decline",
    ),
    _disputed("4000000000000259", "createDispute", DisputeKind.FRAUDULENT),
    _disputed("4000000000002685", "createDisputeProductNotReceived", DisputeKind.NOT_RECEIVED),
    _disputed("4000000000001976", "createDisputeInquiry", DisputeKind.INQUIRY),
    KnownCard("4000000000007726", "pendingRefund", "visa", refund=RefundCourse.PENDING_FIRST),
    KnownCard("4000000000005126", "refundFail", "visa", refund=RefundCourse.FAILS_LATER),
)

CARDS_BY_NUMBER = {card.number: card for card in KNOWN_CARDS}
CARDS_BY_NAME = {card.name: card for card in KNOWN_CARDS if card.name is not None}


def passes_luhn(number: str) -> bool:
    """Whether the check digit of a card number is right."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(digit * 2, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
