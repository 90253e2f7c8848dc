"""Charges: single attempts to move money.

Owns the charge object and how an attempt is recorded. Does not decide what an attempt means for the
intent behind it (`payment_intents`) nor pay anything back (`refunds`).
"""

from typing import ClassVar, Literal

from simulator.addresses import BillingDetails
from simulator.balance_transactions import Movement, record
from simulator.declines import Decline
from simulator.lists import ListParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import Parameters, Text
from simulator.payment_methods import PaymentMethod
from simulator.resource import Fields, Resource, new_id


class ThreeDSecure(Fields):
    """How the holder was authenticated."""

    authentication_flow: str = "challenge"
    electronic_commerce_indicator: str = "05"
    exemption_indicator: None = None
    result: str = "authenticated"
    result_reason: None = None
    transaction_id: str
    version: str = "2.2.0"


class ChargedCardChecks(Fields):
    """What the issuer said about the card's data."""

    address_line1_check: str | None = None
    address_postal_code_check: str | None = None
    cvc_check: str | None = None


class ChargedCard(Fields):
    """The card as it was charged."""

    amount_authorized: int | None
    authorization_code: str | None
    brand: str
    checks: ChargedCardChecks
    country: str
    exp_month: int
    exp_year: int
    fingerprint: str
    funding: str
    installments: None = None
    last4: str
    mandate: None = None
    network: str
    three_d_secure: ThreeDSecure | None
    wallet: None = None


class ChargedSepaDebit(Fields):
    """The SEPA account as it was debited."""

    bank_code: str
    branch_code: str
    country: str
    fingerprint: str
    last4: str
    mandate: str | None


class ChargedUsBankAccount(Fields):
    """The US account as it was debited."""

    account_holder_type: str | None
    account_type: str | None
    bank_name: str | None
    fingerprint: str
    last4: str
    mandate: str | None
    payment_reference: None = None
    routing_number: str


class PaymentMethodDetails(Fields):
    """What was charged, under the name of its type."""

    card: ChargedCard | None = None
    sepa_debit: ChargedSepaDebit | None = None
    type: str
    us_bank_account: ChargedUsBankAccount | None = None


class Outcome(Fields):
    """What the network and the issuer said."""

    advice_code: str | None = None
    network_advice_code: None = None
    network_decline_code: str | None = None
    network_status: str
    reason: str | None = None
    risk_level: str = "normal"
    risk_score: int = 20
    seller_message: str
    type: str


class FraudDetails(Fields):
    """Reports of fraud; the simulator has none."""


class Charge(Resource):
    """A charge, with exactly the fields that Stripe returns."""

    KIND: ClassVar[str] = "charge"
    NOUN: ClassVar[str] = "charge"
    PREFIX: ClassVar[str] = "ch"

    object: Literal["charge"] = "charge"
    amount: int
    amount_captured: int
    amount_refunded: int = 0
    application: None = None
    application_fee: None = None
    application_fee_amount: None = None
    balance_transaction: str | None = None
    billing_details: BillingDetails
    calculated_statement_descriptor: str | None = "PERENNIAL TEST"
    captured: bool
    currency: str
    customer: str | None
    description: str | None
    disputed: bool = False
    failure_balance_transaction: None = None
    failure_code: str | None = None
    failure_message: str | None = None
    fraud_details: FraudDetails = FraudDetails()
    metadata: dict[str, str]
    on_behalf_of: None = None
    outcome: Outcome | None
    paid: bool
    payment_intent: str
    payment_method: str
    payment_method_details: PaymentMethodDetails
    receipt_email: str | None = None
    receipt_number: None = None
    receipt_url: str | None = None
    refunded: bool = False
    review: None = None
    shipping: None = None
    source: None = None
    source_transfer: None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    status: Literal["succeeded", "pending", "failed"]
    transfer_data: None = None
    transfer_group: None = None

    @property
    def refundable_minor(self) -> int:
        """What is left to pay back, in minor units."""
        return self.amount_captured - self.amount_refunded


class Attempt(Fields):
    """What is to be charged: the part of an intent that its charge repeats."""

    payment_intent: str
    amount: int
    currency: str
    customer: str | None
    description: str | None
    metadata: dict[str, str]
    receipt_email: str | None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None


class ChargeListParameters(ListParameters):
    """Filters of the charge list."""

    customer: Text | None = None
    payment_intent: Text | None = None


def retrieve(operation: Operation, identifier: str, _: Parameters) -> Charge:
    """The charge, or 404."""
    return operation.get(Charge, identifier)


def list_(operation: Operation, _: str, parameters: ChargeListParameters) -> Page:
    """Charges, newest first."""
    filters = {
        name: value
        for name, value in (
            ("customer", parameters.customer),
            ("payment_intent", parameters.payment_intent),
        )
        if value is not None
    }
    return page_of(operation.store, Charge, parameters, filters, url="/v1/charges")


def record_success(
    operation: Operation, attempt: Attempt, method: PaymentMethod, *, authenticated: bool
) -> Charge:
    """A charge that captured its whole amount at once."""
    charge = _charge(operation, attempt, method, authenticated=authenticated)
    charge = charge.changed(
        amount_captured=attempt.amount,
        balance_transaction=_paid_in(operation, charge),
        captured=True,
        paid=True,
        status="succeeded",
        outcome=_approved(),
    )
    operation.create(charge, "charge.succeeded")
    return charge


def record_failure(
    operation: Operation,
    attempt: Attempt,
    method: PaymentMethod,
    decline: Decline,
    *,
    authenticated: bool,
) -> Charge:
    """A charge that the issuer refused."""
    charge = _failed(_charge(operation, attempt, method, authenticated=authenticated), decline)
    operation.create(charge, "charge.failed")
    return charge


def record_pending(operation: Operation, attempt: Attempt, method: PaymentMethod) -> Charge:
    """A debit that was sent to the bank and has no outcome yet."""
    charge = _charge(operation, attempt, method, authenticated=False).changed(
        amount_captured=attempt.amount,
        captured=True,
        status="pending",
        outcome=_approved(),
    )
    operation.create(charge, "charge.pending")
    return charge


def settle_pending(operation: Operation, charge: Charge, failure: Decline | None) -> Charge:
    """The pending debit with its outcome."""
    if failure is not None:
        return operation.save(_failed(charge, failure), "charge.failed", before=charge)
    settled = charge.changed(
        balance_transaction=_paid_in(operation, charge), paid=True, status="succeeded"
    )
    return operation.save(settled, "charge.succeeded", before=charge)


def _paid_in(operation: Operation, charge: Charge) -> str:
    transaction = record(
        operation,
        Movement(
            type="charge" if charge.payment_method_details.type == "card" else "payment",
            reporting_category="charge",
            amount_minor=charge.amount,
            currency=charge.currency,
            source=charge.id,
            description=charge.description,
        ),
    )
    return transaction.id


def _failed(charge: Charge, decline: Decline) -> Charge:
    return charge.changed(
        amount_captured=0,
        captured=False,
        paid=False,
        status="failed",
        failure_code=decline.code,
        failure_message=decline.message,
        outcome=Outcome(
            advice_code=decline.advice_code,
            network_decline_code=decline.network_decline_code,
            network_status="declined_by_network",
            reason=decline.decline_code or decline.code,
            seller_message="The bank did not return any further details with this decline.",
            type="issuer_declined",
        ),
    )


def _approved() -> Outcome:
    return Outcome(
        network_status="approved_by_network",
        seller_message="Payment complete.",
        type="authorized",
    )


def _charge(
    operation: Operation, attempt: Attempt, method: PaymentMethod, *, authenticated: bool
) -> Charge:
    return Charge(
        id=new_id(Charge.PREFIX),
        created=operation.now,
        livemode=operation.livemode,
        amount=attempt.amount,
        amount_captured=0,
        billing_details=method.billing_details,
        captured=False,
        currency=attempt.currency,
        customer=attempt.customer,
        description=attempt.description,
        metadata=attempt.metadata,
        outcome=None,
        paid=False,
        payment_intent=attempt.payment_intent,
        payment_method=method.id,
        payment_method_details=_details(attempt, method, authenticated=authenticated),
        receipt_email=attempt.receipt_email,
        statement_descriptor=attempt.statement_descriptor,
        statement_descriptor_suffix=attempt.statement_descriptor_suffix,
        status="pending",
    )


def _details(
    attempt: Attempt, method: PaymentMethod, *, authenticated: bool
) -> PaymentMethodDetails:
    card = sepa = us_account = None
    mandate = method.simulated.mandate
    if method.card is not None:
        shown = method.card.model_dump(
            include={
                "brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4"
            }
        )  # fmt: skip
        card = ChargedCard(
            **shown,
            amount_authorized=attempt.amount,
            authorization_code="123456",
            checks=ChargedCardChecks(**method.card.checks.model_dump()),
            network=method.card.brand,
            three_d_secure=ThreeDSecure(transaction_id=new_id("tds")) if authenticated else None,
        )
    if method.sepa_debit is not None:
        shown = method.sepa_debit.model_dump(exclude={"generated_from"})
        sepa = ChargedSepaDebit(**shown, mandate=mandate)
    if method.us_bank_account is not None:
        shown = method.us_bank_account.model_dump(
            exclude={"financial_connections_account", "networks", "status_details"}
        )
        us_account = ChargedUsBankAccount(**shown, mandate=mandate)
    return PaymentMethodDetails(
        type=method.type, card=card, sepa_debit=sepa, us_bank_account=us_account
    )
