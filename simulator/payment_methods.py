"""Payment methods: cards and bank accounts, by number, token or documented shortcut.

Owns the payment method object and how one is made. Does not own how a card behaves (`cards`,
`bank_accounts`), the endpoints that attach it (`attachments`) nor charging it (`charges`).
"""

from typing import ClassVar, Literal

from pydantic import Field

from simulator.addresses import BillingDetails
from simulator.bank_accounts import BANK_ACCOUNTS_BY_NUMBER, KnownBankAccount
from simulator.cards import CARDS_BY_NUMBER, KnownCard
from simulator.declines import DECLINES, Decline
from simulator.document import JsonObject
from simulator.errors import CardDeclined, InvalidRequest
from simulator.operation import Operation
from simulator.parameters import Parameters
from simulator.resource import Fields, Resource

MethodType = Literal["card", "sepa_debit", "us_bank_account"]
"""The types of payment method that the simulator imitates."""


class CardChecks(Fields):
    """What the issuer said about the card's data."""

    address_line1_check: str | None = None
    address_postal_code_check: str | None = None
    cvc_check: str | None = None


class CardNetworks(Fields):
    """The networks a card can run on."""

    available: list[str]
    preferred: str | None = None


class ThreeDSecureUsage(Fields):
    """Whether the card supports 3D Secure."""

    supported: bool = True


class Card(Fields):
    """The public part of a card."""

    brand: str
    checks: CardChecks = CardChecks()
    country: str
    display_brand: str
    exp_month: int
    exp_year: int
    fingerprint: str
    funding: str
    generated_from: None = None
    last4: str
    networks: CardNetworks
    three_d_secure_usage: ThreeDSecureUsage = ThreeDSecureUsage()
    wallet: None = None


class SepaDebit(Fields):
    """The public part of a SEPA account."""

    bank_code: str
    branch_code: str = ""
    country: str
    fingerprint: str
    generated_from: None = None
    last4: str


class UsBankNetworks(Fields):
    """The networks a US account can be debited over."""

    preferred: str | None = "ach"
    supported: tuple[str, ...] = ("ach",)


class UsBankAccount(Fields):
    """The public part of a US bank account."""

    account_holder_type: str | None = "individual"
    account_type: str | None = "checking"
    bank_name: str | None = "STRIPE TEST BANK"
    financial_connections_account: str | None = None
    fingerprint: str
    last4: str
    networks: UsBankNetworks = UsBankNetworks()
    routing_number: str = "110000000"
    status_details: None = None


class Simulated(Fields):
    """What Stripe knows about a payment method and does not show.

    `set_up` is True once the holder agreed to off-session use; `spent` once it was used or detached
    without a customer and can never be used again.
    """

    number: str
    set_up: bool = False
    mandate: str | None = None
    spent: bool = False


class PaymentMethod(Resource):
    """A payment method, with exactly the fields that Stripe returns and what it hides."""

    KIND: ClassVar[str] = "payment_method"
    NOUN: ClassVar[str] = "PaymentMethod"
    PREFIX: ClassVar[str] = "pm"

    object: Literal["payment_method"] = "payment_method"
    allow_redisplay: str = "unspecified"
    billing_details: BillingDetails = BillingDetails()
    card: Card | None = None
    customer: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    sepa_debit: SepaDebit | None = None
    type: MethodType
    us_bank_account: UsBankAccount | None = None
    simulated: Simulated

    def public(self) -> JsonObject:
        """The method with the hash of its own type only, as Stripe shows it."""
        shown = super().public()
        for name in ("card", "sepa_debit", "us_bank_account"):
            if shown[name] is None:
                del shown[name]
        return shown

    @property
    def known_card(self) -> KnownCard | None:
        """The test card behind it, or None for a bank account."""
        return CARDS_BY_NUMBER.get(self.simulated.number)

    @property
    def known_bank_account(self) -> KnownBankAccount | None:
        """The test bank account behind it, or None for a card."""
        return BANK_ACCOUNTS_BY_NUMBER.get(self.simulated.number)


def retrieve(operation: Operation, identifier: str, _: Parameters) -> PaymentMethod:
    """The payment method, or 404."""
    return operation.get(PaymentMethod, identifier)


def attach_to(operation: Operation, method: PaymentMethod, customer: str) -> PaymentMethod:
    """The method attached to the customer, its event not yet published; itself if it was already.

    Raises CardDeclined if the issuer refuses, InvalidRequest if the method is somebody else's.
    """
    if method.customer == customer:
        return method
    if method.customer is not None:
        raise InvalidRequest(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    check_usable(method)
    refuse_unless_it_attaches(method)
    return operation.save(method.changed(customer=customer), None)


def clear_customer(operation: Operation, method: PaymentMethod) -> PaymentMethod:
    """The method without its customer, and never usable again; publishes its event."""
    spent = method.simulated.changed(spent=True)
    detached = method.changed(customer=None, simulated=spent)
    return operation.save(detached, "payment_method.detached", before=method)


def check_usable(method: PaymentMethod) -> None:
    """Raises InvalidRequest for a method that was used up without a customer."""
    if method.simulated.spent:
        raise InvalidRequest(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer"
            " attachment, shared with a connected account without Customer attachment, or was"
            " detached from a Customer. It may not be used again. To use a PaymentMethod multiple"
            " times, you must attach it to a Customer first."
        )


def refuse_unless_it_attaches(method: PaymentMethod) -> None:
    """Raises CardDeclined for the cards that their issuer refuses already when they are saved."""
    card = method.known_card
    if card is not None and card.decline is not None and not card.attaches:
        raise declined(DECLINES[card.decline])


def declined(decline: Decline, details: JsonObject | None = None) -> CardDeclined:
    """The error for a decline, with the advice that goes with it."""
    shown: JsonObject = {
        name: value
        for name, value in (
            ("advice_code", decline.advice_code),
            ("decline_code", decline.decline_code),
            ("network_decline_code", decline.network_decline_code),
        )
        if value is not None
    }
    return CardDeclined(decline.message, code=decline.code, details=shown | (details or {}))
