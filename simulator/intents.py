"""What PaymentIntents and SetupIntents have in common.

Owns the fields and parameters of both, and the steps that both take: finding the method to confirm
with, and the way to a 3D Secure challenge and back. Does not own what either does with the money or
the method (`payment_confirmation`, `setup_intents`).
"""

from typing import Annotated, ClassVar, Literal, Self, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import BeforeValidator, model_validator

from simulator.bank_accounts import CURRENCY_OF_TYPE
from simulator.cards import Authentication
from simulator.declines import Decline
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.operation import Operation, unsupported
from simulator.parameters import (
    FormBoolean,
    FormInteger,
    ParameterHash,
    Parameters,
    Text,
    WebAddress,
)
from simulator.payment_method_sources import resolve
from simulator.payment_methods import MethodType, PaymentMethod, check_usable
from simulator.resource import Fields, Resource, new_id

IntentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "succeeded",
    "canceled",
]

AnIntent = TypeVar("AnIntent", bound="Intent")

_OPEN: tuple[IntentStatus, ...] = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
)
_EVERY_TYPE: tuple[MethodType, ...] = ("card", "sepa_debit", "us_bank_account")


class AutomaticPaymentMethods(Fields):
    """Whether Stripe chooses the types of payment method."""

    allow_redirects: Literal["always", "never"] = "always"
    enabled: bool


class RedirectToUrl(Fields):
    """Where the customer must go, and comes back to."""

    return_url: str | None
    url: str


class NextAction(Fields):
    """What the customer must do before the intent can go on."""

    redirect_to_url: RedirectToUrl | None = None
    type: Literal["redirect_to_url", "use_stripe_sdk"]
    use_stripe_sdk: JsonObject | None = None


class IntentError(Fields):
    """Why the last attempt failed; the payment method is the whole object, as at Stripe."""

    advice_code: str | None = None
    charge: str | None = None
    code: str
    decline_code: str | None = None
    doc_url: str | None = None
    message: str
    network_decline_code: str | None = None
    payment_method: JsonObject | None = None
    type: str


class Intent(Resource):
    """What PaymentIntents and SetupIntents both have. `TITLE` is how Stripe's messages name it."""

    TITLE: ClassVar[str]

    allowed_payment_method_types: list[MethodType] | None
    automatic_payment_methods: AutomaticPaymentMethods | None
    cancellation_reason: str | None = None
    client_secret: str
    customer: str | None
    description: str | None
    metadata: dict[str, str]
    next_action: NextAction | None = None
    payment_method: str | None = None
    payment_method_types: list[MethodType]
    status: IntentStatus


class AutomaticPaymentMethodsParameters(ParameterHash):
    """Whether Stripe shall choose the types of payment method."""

    enabled: FormBoolean
    allow_redirects: Literal["always", "never"] = "always"


class OnlineAcceptance(ParameterHash):
    """From where the customer agreed."""

    ip_address: Text
    user_agent: Text


class OfflineAcceptance(ParameterHash):
    """The customer agreed on paper; there is nothing to say about it."""


class CustomerAcceptance(ParameterHash):
    """How the customer agreed to be debited."""

    type: Literal["online", "offline"]
    accepted_at: FormInteger | None = None
    online: OnlineAcceptance | None = None
    offline: Text | OfflineAcceptance | None = None

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if self.type == "online" and self.online is None:
            raise InvalidRequest(
                "Missing required param: mandate_data[customer_acceptance][online].",
                code="parameter_missing",
                param="mandate_data[customer_acceptance][online]",
            )
        return self


class MandateData(ParameterHash):
    """The customer's consent to debits from a bank account."""

    customer_acceptance: CustomerAcceptance


class Confirmation(Parameters):
    """What a confirmation of either may bring along."""

    mandate_data: MandateData | None = None
    payment_method: Text | None = None
    return_url: WebAddress | None = None


def intent_error(decline: Decline, method: PaymentMethod, charge: str | None = None) -> IntentError:
    """The error that an intent keeps after a refused attempt."""
    return IntentError(
        advice_code=decline.advice_code,
        charge=charge,
        code=decline.code,
        decline_code=decline.decline_code,
        doc_url=f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        message=decline.message,
        network_decline_code=decline.network_decline_code,
        payment_method=method.public(),
        type="card_error",
    )


def only_when_confirming(parameters: Parameters, *names: str) -> None:
    """Raises InvalidRequest for the first of these that was given without `confirm`."""
    for name in names:
        if getattr(parameters, name):
            raise InvalidRequest(
                f"You can only provide `{name}` when `confirm` is `true`.", param=name
            )


def method_to_confirm(
    operation: Operation, intent: Intent, parameters: Confirmation
) -> PaymentMethod:
    """The method that an intent is confirmed with, its mandate given.

    Raises InvalidRequest for an intent that has ended, and for a method that it cannot use.
    """
    check_open(intent, "confirm")
    reference = parameters.payment_method or intent.payment_method
    if reference is None:
        raise InvalidRequest(
            f"You cannot confirm this {intent.TITLE} because it's missing a payment method. You can"
            f" either update the {intent.TITLE} with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method or ConfirmationToken.",
            code=f"{intent.KIND}_unexpected_state",
            details={intent.KIND: intent.public()},
        )
    method = resolve(operation, reference, param="payment_method")
    check_method(method, intent.customer, intent.payment_method_types)
    check_return_url(intent.automatic_payment_methods, parameters.return_url)
    return with_mandate(operation, method, parameters.mandate_data)


def challenged(operation: Operation, intent: AnIntent, *, return_url: str | None) -> AnIntent:
    """The intent, waiting for its customer to pass 3D Secure. Not yet stored."""
    action = challenge(
        operation,
        intent=intent.id,
        client_secret=intent.client_secret,
        return_url=return_url,
    )
    return intent.changed(status="requires_action", next_action=action)


def challenged_method(operation: Operation, intent: Intent) -> PaymentMethod:
    """The method behind a challenge. Raises InvalidRequest where there is no challenge."""
    if intent.status != "requires_action" or intent.payment_method is None:
        raise unexpected_state(intent, "authenticate")
    return operation.get(PaymentMethod, intent.payment_method)


def check_open(intent: Intent, action: str) -> None:
    """Raises InvalidRequest for an intent that has ended or is with a bank."""
    if intent.status not in _OPEN:
        raise unexpected_state(intent, action)


def unexpected_state(intent: Intent, action: str) -> InvalidRequest:
    """The refusal of a step that the intent's status does not allow."""
    message = (
        f"You cannot confirm this {intent.TITLE} because it has already succeeded after being"
        " previously confirmed."
        if action == "confirm" and intent.status == "succeeded"
        else f"You cannot {action} this {intent.TITLE} because it has a status of {intent.status}."
    )
    return InvalidRequest(
        message,
        code=f"{intent.KIND}_unexpected_state",
        details={intent.KIND: intent.public()},
    )


def _refuse_removed_types(_: object) -> tuple[str, ...]:
    raise InvalidRequest(
        "The parameter payment_method_types is no longer supported. Use"
        " allowed_payment_method_types, or manage payment methods dynamically.",
        code="payment_method_types_no_longer_supported",
        param="payment_method_types",
    )


RemovedTypes = Annotated[tuple[str, ...], BeforeValidator(_refuse_removed_types)]
"""`payment_method_types`, which API version 2026-09-30.endive removed from intents. Source:
https://docs.stripe.com/changelog/endive/2026-09-30 (payment method types parameter)"""


class AcceptedTypes(Fields):
    """Which types of payment method an intent takes, and how that was chosen."""

    allowed_payment_method_types: list[MethodType] | None
    automatic_payment_methods: AutomaticPaymentMethods | None
    payment_method_types: list[MethodType]


def accepted_types(
    automatic: AutomaticPaymentMethodsParameters | None,
    allowed: tuple[MethodType, ...],
    currency: str | None,
) -> AcceptedTypes:
    """The choice of payment method types that a new intent keeps.

    Types that do not fit the currency are filtered out in silence; without a choice, automatic
    payment methods are on. Source:
    https://docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter
    """
    if allowed and automatic is not None:
        raise InvalidRequest(
            "You may only specify one of these parameters: automatic_payment_methods,"
            " allowed_payment_method_types.",
            param="automatic_payment_methods",
        )
    if automatic is not None and not automatic.enabled:
        raise unsupported("automatic_payment_methods[enabled]", "false")
    compatible = [kind for kind in allowed or _EVERY_TYPE if _fits(kind, currency)]
    if not compatible:
        raise InvalidRequest(
            "None of the allowed payment method types is compatible with this intent.",
            param="allowed_payment_method_types",
        )
    if allowed:
        return AcceptedTypes(
            allowed_payment_method_types=list(allowed),
            automatic_payment_methods=None,
            payment_method_types=compatible,
        )
    redirects = "always" if automatic is None else automatic.allow_redirects
    return AcceptedTypes(
        allowed_payment_method_types=None,
        automatic_payment_methods=AutomaticPaymentMethods(enabled=True, allow_redirects=redirects),
        payment_method_types=compatible,
    )


def _fits(kind: MethodType, currency: str | None) -> bool:
    return kind == "card" or currency is None or CURRENCY_OF_TYPE[kind] == currency


def check_return_url(automatic: AutomaticPaymentMethods | None, return_url: str | None) -> None:
    """Raises InvalidRequest where Stripe wants a place to send the customer back to."""
    if automatic is not None and automatic.allow_redirects == "always" and return_url is None:
        raise InvalidRequest(
            "This intent is configured to accept payment methods enabled in your Dashboard."
            " Because some of these payment methods might redirect your customer off of your page,"
            " you must provide a `return_url`. If you don't want to accept redirect-based payment"
            " methods, set `automatic_payment_methods[enabled]` to `true` and"
            " `automatic_payment_methods[allow_redirects]` to `never`.",
            param="return_url",
        )


def check_method(method: PaymentMethod, customer: str | None, types: list[MethodType]) -> None:
    """Raises InvalidRequest for a method that this intent cannot use."""
    check_usable(method)
    if method.type not in types:
        raise InvalidRequest(
            f"The payment method type `{method.type}` is not accepted by this intent"
            f" ({', '.join(types)}).",
            param="payment_method",
        )
    if method.customer is not None and method.customer != customer:
        problem = (
            f"The PaymentMethod {method.id} belongs to the Customer {method.customer}. Please"
            " include the Customer in the `customer` parameter."
            if customer is None
            else f"The PaymentMethod {method.id} does not belong to the Customer you supplied"
            f" {customer}. Please use this PaymentMethod with the Customer it belongs to instead."
        )
        raise InvalidRequest(problem, param="payment_method")


def with_mandate(
    operation: Operation, method: PaymentMethod, consent: MandateData | None
) -> PaymentMethod:
    """The method with the mandate that a bank debit needs; a card needs none."""
    if method.known_bank_account is None or method.simulated.mandate is not None:
        return method
    if consent is None:
        raise InvalidRequest(
            f"Missing required param: mandate_data. A `{method.type}` payment method needs the"
            " customer's acceptance of a mandate.",
            code="parameter_missing",
            param="mandate_data",
        )
    simulated = method.simulated.changed(mandate=new_id("mandate"))
    return operation.save(method.changed(simulated=simulated), None)


def needs_authentication(method: PaymentMethod, *, off_session: bool) -> bool:
    """Whether the holder must pass 3D Secure for this payment."""
    card = method.known_card
    if card is None:
        return False
    match card.authentication:
        case Authentication.NEVER:
            return False
        case Authentication.ALWAYS:
            return True
        case Authentication.ALREADY_SET_UP:
            return not off_session
        case Authentication.UNLESS_SET_UP:
            return not (off_session and method.simulated.set_up)


def challenge(
    operation: Operation, *, intent: str, client_secret: str, return_url: str | None
) -> NextAction:
    """The way to the 3D Secure challenge page."""
    query = urlencode({"client_secret": client_secret, "return_url": return_url or ""})
    url = f"{operation.public_url}/3d_secure/{intent}?{query}"
    if return_url is None:
        sdk: JsonObject = {"type": "three_d_secure_redirect", "stripe_js": url}
        return NextAction(type="use_stripe_sdk", use_stripe_sdk=sdk)
    redirect = RedirectToUrl(return_url=return_url, url=url)
    return NextAction(type="redirect_to_url", redirect_to_url=redirect)


def with_query(url: str, parameters: dict[str, str]) -> str:
    """The URL with parameters added to those it has."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return urlunsplit(parts._replace(query=query))
