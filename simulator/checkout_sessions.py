"""Checkout Sessions: a hosted page that saves a payment method or takes one payment.

Owns the session, its parameters and how it begins. Does not own how it goes on
(`checkout_progress`), its page (`hosted_pages`) nor the intents behind it.
Source: https://docs.stripe.com/api/checkout/sessions
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from simulator import setup_intents
from simulator.currencies import check_amount, check_currency
from simulator.customers import Customer, existing
from simulator.errors import InvalidRequest
from simulator.intents import accepted_types
from simulator.lists import ListParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import (
    NO_METADATA,
    Currency,
    Email,
    FormInteger,
    FormList,
    Metadata,
    ParameterHash,
    Parameters,
    Text,
    WebAddress,
)
from simulator.resource import Fields, Resource, new_id

_SECONDS_OPEN = 24 * 3600
_SHORTEST_SECONDS_OPEN = 30 * 60
_CLOCK_TOLERANCE_SECONDS = 60
SESSION_ID_PLACEHOLDER = "{CHECKOUT_SESSION_ID}"


class AutomaticTax(Fields):
    """Stripe Tax; the simulator has none."""

    enabled: bool = False
    liability: None = None
    provider: None = None
    status: None = None


class CustomText(Fields):
    """Texts of the merchant on the page; the simulator has none."""

    after_submit: None = None
    shipping_address: None = None
    submit: None = None
    terms_of_service_acceptance: None = None


class PhoneNumberCollection(Fields):
    """Whether the page asks for a phone number."""

    enabled: bool = False


class CustomerDetails(Fields):
    """What the customer said about themselves on the page."""

    address: None = None
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    tax_exempt: str | None = "none"
    tax_ids: list[str] | None = None


class TotalDetails(Fields):
    """What the total is made up of, in minor units."""

    amount_discount: int = 0
    amount_shipping: int | None = 0
    amount_tax: int = 0


class Line(Fields):
    """One line of what is sold; amounts in minor units."""

    name: str
    unit_amount: int
    quantity: int


class SimulatedSession(Fields):
    """What Stripe keeps about a session and does not show in its answers."""

    lines: list[Line] = Field(default_factory=list)
    setup_future_usage: Literal["off_session", "on_session"] | None = None
    intent_metadata: dict[str, str] = Field(default_factory=dict)
    intent_description: str | None = None


class Session(Resource):
    """A Checkout Session, with exactly the fields that Stripe returns and what it hides."""

    KIND: ClassVar[str] = "checkout.session"
    NOUN: ClassVar[str] = "checkout.session"
    PREFIX: ClassVar[str] = "cs_test"

    object: Literal["checkout.session"] = "checkout.session"
    after_expiration: None = None
    allow_promotion_codes: None = None
    allowed_payment_method_types: list[Literal["card"]] | None
    amount_subtotal: int | None
    amount_total: int | None
    automatic_tax: AutomaticTax = AutomaticTax()
    billing_address_collection: None = None
    cancel_url: str | None
    client_reference_id: str | None
    client_secret: None = None
    consent: None = None
    consent_collection: None = None
    currency: str | None
    currency_conversion: None = None
    custom_fields: list[str] = Field(default_factory=list)
    custom_text: CustomText = CustomText()
    customer: str | None
    customer_creation: Literal["always", "if_required"] | None
    customer_details: CustomerDetails | None
    customer_email: str | None
    discounts: None = None
    expires_at: int
    invoice: None = None
    invoice_creation: None = None
    locale: str | None
    metadata: dict[str, str]
    mode: Literal["payment", "setup"]
    payment_intent: str | None = None
    payment_link: None = None
    payment_method_collection: Literal["always", "if_required"] | None
    payment_method_configuration_details: None = None
    payment_method_types: tuple[str, ...] = ("card",)
    payment_status: Literal["paid", "unpaid", "no_payment_required"]
    phone_number_collection: PhoneNumberCollection = PhoneNumberCollection()
    recovered_from: None = None
    saved_payment_method_options: None = None
    setup_intent: str | None = None
    shipping_address_collection: None = None
    shipping_cost: None = None
    shipping_options: list[str] = Field(default_factory=list)
    status: Literal["open", "complete", "expired"] = "open"
    submit_type: None = None
    subscription: None = None
    success_url: str
    total_details: TotalDetails | None
    ui_mode: Literal["hosted_page"] = "hosted_page"
    url: str | None
    simulated: SimulatedSession

    def destination(self) -> str:
        """Where the customer goes after success."""
        return self.success_url.replace(SESSION_ID_PLACEHOLDER, self.id)


class ProductDataParameters(ParameterHash):
    """A product that exists for this session only."""

    name: Text
    description: Text | None = None
    metadata: Metadata = NO_METADATA


class PriceDataParameters(ParameterHash):
    """A price that exists for this session only; `unit_amount` in minor units."""

    currency: Currency
    product_data: ProductDataParameters
    unit_amount: Annotated[FormInteger, Field(ge=0)]


class LineItemParameters(ParameterHash):
    """One line of what is sold."""

    price_data: PriceDataParameters
    quantity: Annotated[FormInteger, Field(ge=1, le=999_999)] = 1


class SetupIntentDataParameters(ParameterHash):
    """What the SetupIntent behind the session carries."""

    description: Text | None = None
    metadata: Metadata = NO_METADATA


class PaymentIntentDataParameters(SetupIntentDataParameters):
    """What the PaymentIntent behind the session carries."""

    setup_future_usage: Literal["off_session", "on_session"] | None = None


class CreateParameters(Parameters):
    """What a Checkout Session is made from."""

    mode: Literal["payment", "setup"]
    success_url: WebAddress
    allowed_payment_method_types: FormList[Literal["card"]] = ()
    cancel_url: WebAddress | None = None
    client_reference_id: Annotated[Text, Field(max_length=200)] | None = None
    currency: Currency | None = None
    customer: Text | None = None
    customer_creation: Literal["always", "if_required"] | None = None
    customer_email: Email | None = None
    expires_at: FormInteger | None = None
    line_items: FormList[LineItemParameters] = ()
    locale: Literal["auto", "en"] | None = None
    metadata: Metadata = NO_METADATA
    payment_intent_data: PaymentIntentDataParameters | None = None
    setup_intent_data: SetupIntentDataParameters | None = None
    ui_mode: Literal["hosted_page"] | None = None

    @model_validator(mode="after")
    def _fits_the_mode(self) -> Self:
        if self.customer is not None and self.customer_email is not None:
            raise InvalidRequest(
                "You may only specify one of these parameters: customer, customer_email.",
                param="customer",
            )
        match self.mode:
            case "setup":
                self._fits_setup()
            case "payment":
                self._fits_payment()
        return self

    def _fits_setup(self) -> None:
        for name in ("line_items", "payment_intent_data"):
            if getattr(self, name):
                raise InvalidRequest(f"You can not pass `{name}` in `setup` mode.", param=name)
        if self.currency is None and not self.allowed_payment_method_types:
            raise InvalidRequest(
                "Missing required param: currency. It is required in `setup` mode when"
                " `allowed_payment_method_types` is not set.",
                code="parameter_missing",
                param="currency",
            )

    def _fits_payment(self) -> None:
        if self.setup_intent_data is not None:
            raise InvalidRequest(
                "You can not pass `setup_intent_data` in `payment` mode.",
                param="setup_intent_data",
            )
        if not self.line_items:
            raise InvalidRequest(
                "Missing required param: line_items.", code="parameter_missing", param="line_items"
            )
        currencies = {item.price_data.currency for item in self.line_items}
        if len(currencies | ({self.currency} if self.currency else set())) != 1:
            raise InvalidRequest(
                "All line items of a session must have the same currency.", param="line_items"
            )


class SessionListParameters(ListParameters):
    """Filters of the session list."""

    customer: Text | None = None
    payment_intent: Text | None = None
    status: Literal["open", "complete", "expired"] | None = None


def create(operation: Operation, _: str, parameters: CreateParameters) -> Session:
    """A new session, open for 24 hours unless said otherwise, and its hosted page."""
    customer = None
    if parameters.customer is not None:
        customer = existing(operation, parameters.customer)
    identifier = new_id(Session.PREFIX)
    total_minor, currency = _total(parameters)
    session = Session(
        id=identifier,
        created=operation.now,
        livemode=operation.livemode,
        allowed_payment_method_types=list(parameters.allowed_payment_method_types) or None,
        amount_subtotal=total_minor,
        amount_total=total_minor,
        cancel_url=parameters.cancel_url,
        client_reference_id=parameters.client_reference_id,
        currency=currency,
        customer=parameters.customer,
        customer_creation=_customer_creation(parameters),
        customer_details=_known_details(parameters, customer),
        customer_email=parameters.customer_email or None,
        expires_at=_expiry(operation.now, parameters.expires_at),
        locale=parameters.locale,
        metadata=parameters.metadata.applied_to({}),
        mode=parameters.mode,
        payment_method_collection="if_required" if parameters.mode == "payment" else "always",
        payment_status="unpaid" if parameters.mode == "payment" else "no_payment_required",
        success_url=parameters.success_url,
        total_details=TotalDetails() if parameters.mode == "payment" else None,
        url=f"{operation.public_url}/c/pay/{identifier}",
        simulated=_simulated(parameters),
    )
    if session.mode == "setup":
        session = session.changed(setup_intent=_setup_intent(operation, session))
    operation.create(session, None)
    operation.store.set_timer(session.id, float(session.expires_at))
    return session


def retrieve(operation: Operation, identifier: str, _: Parameters) -> Session:
    """The session, or 404."""
    return operation.get(Session, identifier, param="session")


def list_(operation: Operation, _: str, parameters: SessionListParameters) -> Page:
    """Sessions, newest first."""
    filters = {
        name: value
        for name, value in (
            ("customer", parameters.customer),
            ("payment_intent", parameters.payment_intent),
            ("status", parameters.status),
        )
        if value is not None
    }
    return page_of(operation.store, Session, parameters, filters, url="/v1/checkout/sessions")


def _setup_intent(operation: Operation, session: Session) -> str:
    intent = setup_intents.begin(
        operation,
        customer=session.customer,
        usage="off_session",
        metadata=session.simulated.intent_metadata,
        description=session.simulated.intent_description,
        accepted=accepted_types(None, ("card",), None),
    )
    return intent.id


def _total(parameters: CreateParameters) -> tuple[int | None, str | None]:
    if parameters.mode == "setup":
        if parameters.currency is not None:
            check_currency(parameters.currency)
        return None, parameters.currency
    currency = parameters.line_items[0].price_data.currency
    total_minor = sum(item.price_data.unit_amount * item.quantity for item in parameters.line_items)
    check_amount(total_minor, currency)
    return total_minor, currency


def _customer_creation(
    parameters: CreateParameters,
) -> Literal["always", "if_required"] | None:
    if parameters.customer is not None:
        return None
    if parameters.mode == "setup":
        return parameters.customer_creation
    return parameters.customer_creation or "if_required"


def _known_details(
    parameters: CreateParameters, customer: Customer | None
) -> CustomerDetails | None:
    if customer is not None:
        return CustomerDetails(email=customer.email, name=customer.name, phone=customer.phone)
    if parameters.customer_email:
        return CustomerDetails(email=parameters.customer_email)
    return None


def _expiry(now: int, expires_at: int | None) -> int:
    if expires_at is None:
        return now + _SECONDS_OPEN
    earliest = now + _SHORTEST_SECONDS_OPEN - _CLOCK_TOLERANCE_SECONDS
    latest = now + _SECONDS_OPEN + _CLOCK_TOLERANCE_SECONDS
    if not earliest <= expires_at <= latest:
        raise InvalidRequest(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout"
            " Session creation.",
            param="expires_at",
        )
    return expires_at


def _simulated(parameters: CreateParameters) -> SimulatedSession:
    data = parameters.payment_intent_data or parameters.setup_intent_data
    usage = parameters.payment_intent_data and parameters.payment_intent_data.setup_future_usage
    return SimulatedSession(
        lines=[
            Line(
                name=item.price_data.product_data.name,
                unit_amount=item.price_data.unit_amount,
                quantity=item.quantity,
            )
            for item in parameters.line_items
        ],
        setup_future_usage=usage,
        intent_metadata={} if data is None else data.metadata.applied_to({}),
        intent_description=None if data is None else data.description,
    )
