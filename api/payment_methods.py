"""Payment methods: what customers pay with.

Owns saving, choosing and removing them. Cards are entered at the gateway and never pass through
here. Does not own what a new default means for open invoices (`workflows`).
"""

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.service import RPCError

from adapters.db.engine import reading, transactions
from adapters.db.queries import customers
from adapters.temporal.subscription_signals import SubscriptionSignals
from api.customers import require_customer
from api.dependencies import Dependencies, Deps
from api.fields import Body, CustomerId, Flag, PaymentMethodId, example
from api.gateway_customer import ensure_gateway_customer, with_fresh_keys
from api.idempotency import Ids
from api.present import present_on
from api.problems import Unavailable
from api.route import ApiRoute, problem_responses
from billing.errors import GatewayRefused, InvalidInput, NotFound
from billing.ports.gateway import PaymentMethod

router = APIRouter(prefix="/v1", tags=["payment_methods"], route_class=ApiRoute)


class SetupIntentView(BaseModel):
    """For Stripe's payment form in the customer's browser."""

    id: str = Field(examples=["seti_1PqZ"])
    client_secret: str


class PaymentMethodInput(Body):
    """A payment method to save."""

    model_config = example({"payment_method": "pm_card_visa"})

    payment_method: PaymentMethodId = Field(description="Made at the gateway: `pm_…`")
    make_default: Flag = Field(
        default=False, description="Later charges use it; so they do where there is no other"
    )


class DefaultInput(Body):
    """The method that later charges use."""

    model_config = example({"payment_method": "pm_1PqZ"})

    payment_method: PaymentMethodId


class PaymentMethodView(BaseModel):
    """A saved method; only what may be shown."""

    id: str = Field(examples=["pm_1PqZ"])
    customer: str
    type: str = Field(examples=["card"])
    brand: str | None = Field(examples=["visa"])
    last4: str | None = Field(examples=["4242"])
    exp_month: int | None
    exp_year: int | None
    is_default: bool
    created_at: datetime

    @classmethod
    def of(cls, method: customers.SavedPaymentMethod, *, default_id: str | None) -> Self:
        """The method, and whether it is the one that is charged."""
        return cls(
            id=method.id,
            customer=method.customer_id,
            type=method.type,
            brand=method.brand,
            last4=method.last4,
            exp_month=method.exp_month,
            exp_year=method.exp_year,
            is_default=method.id == default_id,
            created_at=method.created_at,
        )


class PaymentMethods(BaseModel):
    """All methods of a customer that can be charged."""

    data: list[PaymentMethodView]


class RemovedPaymentMethod(BaseModel):
    """The method can no longer be charged."""

    id: str
    removed: bool = True


@router.post(
    "/customers/{customer_id}/setup_intents",
    status_code=201,
    operation_id="create_setup_intent",
    summary="Begin saving a card",
)
async def create_setup_intent(customer_id: CustomerId, deps: Deps, ids: Ids) -> SetupIntentView:
    """A SetupIntent for the customer's browser; once complete, the method is saved by itself."""
    customer = await _changeable_customer(deps, customer_id)
    gateway_id = await ensure_gateway_customer(deps, customer)
    request_id = ids.new("setup")
    setup = await with_fresh_keys(
        lambda key: deps.gateway.create_setup(gateway_id, customer_id=customer_id, key=key),
        "setup.create",
        request_id,
    )
    return SetupIntentView(id=setup.id, client_secret=setup.client_secret)


@router.post(
    "/customers/{customer_id}/payment_methods",
    status_code=201,
    operation_id="save_payment_method",
    summary="Save a payment method",
    responses=problem_responses(402),
)
async def save_payment_method(
    customer_id: CustomerId, body: PaymentMethodInput, deps: Deps, ids: Ids
) -> PaymentMethodView:
    """Attaches a method made at the gateway to the customer."""
    customer = await _changeable_customer(deps, customer_id)
    gateway_id = await ensure_gateway_customer(deps, customer)
    request_id = ids.new("attach")
    method = await _attach(deps, body.payment_method, gateway_id, request_id)
    async with transactions(deps.engine)() as tx:
        await tx.payment_methods.save(customer_id, method)
    has_default = customer.default_payment_method_id is not None
    if body.make_default or not has_default:
        await make_default(deps, customer, method.id)
    async with reading(deps.engine) as connection:
        return await _view(connection, customer_id, method.id)


@router.get(
    "/customers/{customer_id}/payment_methods",
    operation_id="list_payment_methods",
    summary="List a customer's payment methods",
)
async def list_payment_methods(customer_id: CustomerId, deps: Deps) -> PaymentMethods:
    """Newest first."""
    async with reading(deps.engine) as connection:
        customer = await require_customer(connection, customer_id)
        methods = await customers.payment_methods_of(connection, customer_id)
    default_id = customer.default_payment_method_id
    return PaymentMethods(
        data=[PaymentMethodView.of(method, default_id=default_id) for method in methods]
    )


@router.put(
    "/customers/{customer_id}/default_payment_method",
    operation_id="choose_default_payment_method",
    summary="Choose what later charges use",
)
async def choose_default_payment_method(
    customer_id: CustomerId, body: DefaultInput, deps: Deps
) -> PaymentMethodView:
    """Open invoices are tried with it at once."""
    customer = await _changeable_customer(deps, customer_id)
    async with reading(deps.engine) as connection:
        await require_method(connection, customer_id, body.payment_method)
    await make_default(deps, customer, body.payment_method)
    async with reading(deps.engine) as connection:
        return await _view(connection, customer_id, body.payment_method)


@router.delete(
    "/payment_methods/{payment_method_id}",
    operation_id="remove_payment_method",
    summary="Remove a payment method",
    responses=problem_responses(409),
)
async def remove_payment_method(
    payment_method_id: PaymentMethodId, deps: Deps
) -> RemovedPaymentMethod:
    """Detaches it at the gateway; where it was the default, there is none any more."""
    async with reading(deps.engine) as connection:
        method = await customers.payment_method(connection, payment_method_id)
    if method is None:
        raise NotFound("payment_method_not_found", f"no payment method {payment_method_id}")
    await _changeable_customer(deps, method.customer_id)
    await with_fresh_keys(
        lambda key: deps.gateway.detach_payment_method(payment_method_id, key=key),
        "payment_method.detach",
        payment_method_id,
    )
    async with transactions(deps.engine)() as tx:
        await tx.payment_methods.detach(payment_method_id)
    return RemovedPaymentMethod(id=payment_method_id)


async def require_method(
    connection: AsyncConnection, customer_id: str, payment_method_id: str
) -> customers.SavedPaymentMethod:
    """One of the customer's methods. Raises `InvalidInput` (`payment_method_not_found`)."""
    method = await customers.payment_method(connection, payment_method_id)
    if method is None or method.customer_id != customer_id:
        raise InvalidInput(
            "payment_method_not_found", f"{payment_method_id} is not saved for this customer"
        )
    return method


async def make_default(
    deps: Dependencies, customer: customers.Customer, payment_method_id: str
) -> None:
    """Later charges use the method, and the subscriptions that it matters to hear of it.

    Choosing the present default again is the same choice, which arrives once: it may follow a
    request that died before telling, but must not charge a declining card at will.
    """
    async with transactions(deps.engine)() as tx:
        await tx.customers.set_default_payment_method(customer.id, payment_method_id)
        choice = await tx.customers.default_choice(customer.id)
        charged = await tx.subscriptions.charged_to(customer.id)
    if choice is None:
        return
    signals = SubscriptionSignals(deps.temporal)
    for subscription_id in charged:
        try:
            await signals.payment_method_changed(subscription_id, choice=choice)
        except RPCError as error:
            raise Unavailable(
                "temporarily_unavailable", "the method is saved; choose it again in a moment"
            ) from error


async def _attach(
    deps: Dependencies, payment_method_id: str, gateway_id: str, request_id: str
) -> PaymentMethod:
    try:
        return await with_fresh_keys(
            lambda key: deps.gateway.attach_payment_method(
                payment_method_id, gateway_customer_id=gateway_id, key=key
            ),
            "payment_method.attach",
            request_id,
        )
    except GatewayRefused as error:
        if error.code != "resource_missing":
            raise
        raise InvalidInput(
            "payment_method_not_found", f"the gateway does not know {payment_method_id}"
        ) from error


async def _changeable_customer(deps: Dependencies, customer_id: str) -> customers.Customer:
    async with reading(deps.engine) as connection:
        customer = await require_customer(connection, customer_id)
        await present_on(connection, customer.test_clock_id)
    return customer


async def _view(
    connection: AsyncConnection, customer_id: str, payment_method_id: str
) -> PaymentMethodView:
    customer = await require_customer(connection, customer_id)
    method = await require_method(connection, customer_id, payment_method_id)
    return PaymentMethodView.of(method, default_id=customer.default_payment_method_id)
