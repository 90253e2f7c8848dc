"""Attaching payment methods to customers, and listing those attached.

Owns these endpoints. Does not own the payment method object (`payment_methods`).
"""

from typing import Literal

from simulator.customers import existing
from simulator.errors import InvalidRequest
from simulator.lists import CursorParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import Parameters, Text
from simulator.payment_method_sources import resolve
from simulator.payment_methods import (
    MethodType,
    PaymentMethod,
    attach_to,
    clear_customer,
)


class AttachParameters(Parameters):
    """To whom a payment method is attached."""

    customer: Text


class OfCustomerParameters(CursorParameters):
    """Filters of the payment method list of a customer."""

    type: MethodType | None = None
    allow_redisplay: Literal["always", "limited", "unspecified"] | None = None


class AttachedListParameters(OfCustomerParameters):
    """Filters of the payment method list; the simulator insists on the customer."""

    customer: Text


def attach(operation: Operation, identifier: str, parameters: AttachParameters) -> PaymentMethod:
    """Attach to a customer. The issuer is asked, so some test cards are declined here."""
    existing(operation, parameters.customer)
    method = resolve(operation, identifier, param="payment_method")
    attached = attach_to(operation, method, parameters.customer)
    if attached is not method:
        operation.publish("payment_method.attached", attached)
    return attached


def detach(operation: Operation, identifier: str, _: Parameters) -> PaymentMethod:
    """Detach from its customer, for good."""
    method = operation.get(PaymentMethod, identifier, param="payment_method")
    if method.customer is None:
        raise InvalidRequest(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible.",
            param="payment_method",
        )
    return clear_customer(operation, method)


def list_of_customer(operation: Operation, customer: str, parameters: OfCustomerParameters) -> Page:
    """The payment methods of one customer, newest first."""
    existing(operation, customer)
    return _page(operation, customer, parameters, f"/v1/customers/{customer}/payment_methods")


def list_(operation: Operation, _: str, parameters: AttachedListParameters) -> Page:
    """The payment methods of the customer that is named, newest first."""
    existing(operation, parameters.customer)
    return _page(operation, parameters.customer, parameters, "/v1/payment_methods")


def _page(operation: Operation, customer: str, parameters: OfCustomerParameters, url: str) -> Page:
    filters = {"customer": customer}
    if parameters.type is not None:
        filters["type"] = parameters.type
    if parameters.allow_redisplay is not None:
        filters["allow_redisplay"] = parameters.allow_redisplay
    return page_of(operation.store, PaymentMethod, parameters, filters, url=url)
