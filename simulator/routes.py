"""Which requests exist: method, path, parameters, handler.

Owns the table of routes and finding one. A request outside the table is refused, never guessed at.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from simulator import (
    attachments,
    balance_transactions,
    charges,
    checkout_progress,
    checkout_sessions,
    customers,
    dispute_responses,
    disputes,
    events,
    payment_confirmation,
    payment_intents,
    payment_method_sources,
    payment_methods,
    refunds,
    setup_intents,
    tax_calculations,
    webhook_endpoints,
)
from simulator.forms import FormTree
from simulator.intents import Confirmation
from simulator.lists import CursorParameters, Page
from simulator.operation import Operation
from simulator.parameters import Parameters, parse_parameters
from simulator.resource import Deleted, Resource

P = TypeVar("P", bound=Parameters)

Answer = Resource | Page | Deleted
Execution = Callable[[Operation], Answer]


@dataclass(frozen=True, slots=True)
class Bound:
    """A request whose parameters are valid, ready to be executed."""

    execute: Execution
    expand: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `documented` names its TypedDict in the `stripe` package's `params`."""

    method: str
    path: str
    pattern: re.Pattern[str]
    documented: str
    bind: Callable[[str, FormTree], Bound]


def _route(
    method: str,
    path: str,
    documented: str,
    model: type[P],
    handler: Callable[[Operation, str, P], Answer],
) -> Route:
    def bind(identifier: str, tree: FormTree) -> Bound:
        parameters = parse_parameters(model, tree)
        return Bound(
            execute=lambda operation: handler(operation, identifier, parameters),
            expand=parameters.expand,
        )

    pattern = re.compile(re.escape(path).replace(r"\{id\}", r"([A-Za-z0-9_]{1,255})") + r"\Z")
    return Route(method, path, pattern, documented, bind)


def find_route(method: str, path: str) -> tuple[Route, str] | None:
    """The route of a request and the id in its path, or None."""
    for route in ROUTES:
        match = route.pattern.match(path) if route.method == method else None
        if match is not None:
            return route, match.group(1) if match.groups() else ""
    return None


ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        "/v1/customers",
        "CustomerCreateParams",
        customers.CreateParameters,
        customers.create,
    ),
    _route(
        "GET",
        "/v1/customers",
        "CustomerListParams",
        customers.CustomerListParameters,
        customers.list_,
    ),
    _route("GET", "/v1/customers/{id}", "CustomerRetrieveParams", Parameters, customers.retrieve),
    _route(
        "POST",
        "/v1/customers/{id}",
        "CustomerUpdateParams",
        customers.UpdateParameters,
        customers.update,
    ),
    _route("DELETE", "/v1/customers/{id}", "CustomerDeleteParams", Parameters, customers.delete),
    _route(
        "GET",
        "/v1/customers/{id}/payment_methods",
        "CustomerPaymentMethodListParams",
        attachments.OfCustomerParameters,
        attachments.list_of_customer,
    ),
    _route(
        "POST",
        "/v1/payment_methods",
        "PaymentMethodCreateParams",
        payment_method_sources.CreateParameters,
        payment_method_sources.create,
    ),
    _route(
        "GET",
        "/v1/payment_methods",
        "PaymentMethodListParams",
        attachments.AttachedListParameters,
        attachments.list_,
    ),
    _route(
        "GET",
        "/v1/payment_methods/{id}",
        "PaymentMethodRetrieveParams",
        Parameters,
        payment_methods.retrieve,
    ),
    _route(
        "POST",
        "/v1/payment_methods/{id}/attach",
        "PaymentMethodAttachParams",
        attachments.AttachParameters,
        attachments.attach,
    ),
    _route(
        "POST",
        "/v1/payment_methods/{id}/detach",
        "PaymentMethodDetachParams",
        Parameters,
        attachments.detach,
    ),
    _route(
        "POST",
        "/v1/setup_intents",
        "SetupIntentCreateParams",
        setup_intents.CreateParameters,
        setup_intents.create,
    ),
    _route(
        "GET",
        "/v1/setup_intents",
        "SetupIntentListParams",
        setup_intents.SetupIntentListParameters,
        setup_intents.list_,
    ),
    _route(
        "GET",
        "/v1/setup_intents/{id}",
        "SetupIntentRetrieveParams",
        Parameters,
        setup_intents.retrieve,
    ),
    _route(
        "POST",
        "/v1/setup_intents/{id}/confirm",
        "SetupIntentConfirmParams",
        Confirmation,
        setup_intents.confirm,
    ),
    _route(
        "POST",
        "/v1/setup_intents/{id}/cancel",
        "SetupIntentCancelParams",
        setup_intents.CancelParameters,
        setup_intents.cancel,
    ),
    _route(
        "POST",
        "/v1/payment_intents",
        "PaymentIntentCreateParams",
        payment_intents.CreateParameters,
        payment_confirmation.create,
    ),
    _route(
        "GET",
        "/v1/payment_intents",
        "PaymentIntentListParams",
        payment_intents.PaymentIntentListParameters,
        payment_intents.list_,
    ),
    _route(
        "GET",
        "/v1/payment_intents/{id}",
        "PaymentIntentRetrieveParams",
        Parameters,
        payment_intents.retrieve,
    ),
    _route(
        "POST",
        "/v1/payment_intents/{id}",
        "PaymentIntentUpdateParams",
        payment_intents.UpdateParameters,
        payment_intents.update,
    ),
    _route(
        "POST",
        "/v1/payment_intents/{id}/confirm",
        "PaymentIntentConfirmParams",
        payment_intents.ConfirmParameters,
        payment_confirmation.confirm,
    ),
    _route(
        "POST",
        "/v1/payment_intents/{id}/cancel",
        "PaymentIntentCancelParams",
        payment_intents.CancelParameters,
        payment_confirmation.cancel,
    ),
    _route("GET", "/v1/charges", "ChargeListParams", charges.ChargeListParameters, charges.list_),
    _route("GET", "/v1/charges/{id}", "ChargeRetrieveParams", Parameters, charges.retrieve),
    _route("POST", "/v1/refunds", "RefundCreateParams", refunds.CreateParameters, refunds.create),
    _route("GET", "/v1/refunds", "RefundListParams", refunds.RefundListParameters, refunds.list_),
    _route("GET", "/v1/refunds/{id}", "RefundRetrieveParams", Parameters, refunds.retrieve),
    _route(
        "GET",
        "/v1/disputes",
        "DisputeListParams",
        disputes.DisputeListParameters,
        disputes.list_,
    ),
    _route("GET", "/v1/disputes/{id}", "DisputeRetrieveParams", Parameters, disputes.retrieve),
    _route(
        "POST",
        "/v1/disputes/{id}",
        "DisputeUpdateParams",
        dispute_responses.UpdateParameters,
        dispute_responses.update,
    ),
    _route(
        "POST",
        "/v1/disputes/{id}/close",
        "DisputeCloseParams",
        Parameters,
        dispute_responses.close,
    ),
    _route(
        "GET",
        "/v1/balance_transactions",
        "BalanceTransactionListParams",
        balance_transactions.BalanceTransactionListParameters,
        balance_transactions.list_,
    ),
    _route(
        "GET",
        "/v1/balance_transactions/{id}",
        "BalanceTransactionRetrieveParams",
        Parameters,
        balance_transactions.retrieve,
    ),
    _route(
        "POST",
        "/v1/tax/calculations",
        "tax.CalculationCreateParams",
        tax_calculations.CreateParameters,
        tax_calculations.create,
    ),
    _route(
        "POST",
        "/v1/checkout/sessions",
        "checkout.SessionCreateParams",
        checkout_sessions.CreateParameters,
        checkout_sessions.create,
    ),
    _route(
        "GET",
        "/v1/checkout/sessions",
        "checkout.SessionListParams",
        checkout_sessions.SessionListParameters,
        checkout_sessions.list_,
    ),
    _route(
        "GET",
        "/v1/checkout/sessions/{id}",
        "checkout.SessionRetrieveParams",
        Parameters,
        checkout_sessions.retrieve,
    ),
    _route(
        "POST",
        "/v1/checkout/sessions/{id}/expire",
        "checkout.SessionExpireParams",
        Parameters,
        checkout_progress.expire,
    ),
    _route("GET", "/v1/events", "EventListParams", events.EventListParameters, events.list_),
    _route("GET", "/v1/events/{id}", "EventRetrieveParams", Parameters, events.retrieve),
    _route(
        "POST",
        "/v1/webhook_endpoints",
        "WebhookEndpointCreateParams",
        webhook_endpoints.CreateParameters,
        webhook_endpoints.create,
    ),
    _route(
        "GET",
        "/v1/webhook_endpoints",
        "WebhookEndpointListParams",
        CursorParameters,
        webhook_endpoints.list_,
    ),
    _route(
        "GET",
        "/v1/webhook_endpoints/{id}",
        "WebhookEndpointRetrieveParams",
        Parameters,
        webhook_endpoints.retrieve,
    ),
    _route(
        "POST",
        "/v1/webhook_endpoints/{id}",
        "WebhookEndpointUpdateParams",
        webhook_endpoints.UpdateParameters,
        webhook_endpoints.update,
    ),
    _route(
        "DELETE",
        "/v1/webhook_endpoints/{id}",
        "WebhookEndpointDeleteParams",
        Parameters,
        webhook_endpoints.delete,
    ),
)
