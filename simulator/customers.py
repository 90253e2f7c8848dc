"""Customers.

Owns the customer object and its endpoints. Does not own the payment methods attached to it.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from simulator.addresses import Address, AddressParameters
from simulator.errors import InvalidRequest, no_such
from simulator.lists import ListParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import (
    NO_METADATA,
    Clearable,
    Email,
    Metadata,
    ParameterHash,
    Parameters,
    Text,
)
from simulator.payment_method_sources import resolve
from simulator.payment_methods import PaymentMethod, attach_to, clear_customer
from simulator.resource import Deleted, Fields, Resource, new_id


class InvoiceSettings(Fields):
    """How the customer's invoices are paid."""

    custom_fields: None = None
    default_payment_method: str | None = None
    footer: str | None = None
    rendering_options: None = None


class Customer(Resource):
    """A customer, with exactly the fields that Stripe returns."""

    KIND: ClassVar[str] = "customer"
    NOUN: ClassVar[str] = "customer"
    PREFIX: ClassVar[str] = "cus"

    object: Literal["customer"] = "customer"
    address: Address | None = None
    balance: int = 0
    currency: str | None = None
    default_source: str | None = None
    delinquent: bool = False
    description: str | None = None
    discount: None = None
    email: str | None = None
    invoice_prefix: str
    invoice_settings: InvoiceSettings = InvoiceSettings()
    metadata: dict[str, str] = Field(default_factory=dict)
    name: str | None = None
    next_invoice_sequence: int = 1
    phone: str | None = None
    preferred_locales: list[str] = Field(default_factory=list)
    shipping: None = None
    tax_exempt: Literal["none", "exempt", "reverse"] = "none"
    test_clock: None = None


class InvoiceSettingsParameters(ParameterHash):
    """The one invoice setting that is supported."""

    default_payment_method: Clearable | None = None


def _cleared_address(value: object) -> object:
    return {} if value == "" else value


class UpdateParameters(Parameters):
    """What can be said about a customer; empty values unset."""

    address: Annotated[AddressParameters | None, BeforeValidator(_cleared_address)] = None
    description: Clearable | None = None
    email: Email | None = None
    invoice_settings: InvoiceSettingsParameters | None = None
    metadata: Metadata = NO_METADATA
    name: Clearable | None = None
    phone: Clearable | None = None


class CreateParameters(UpdateParameters):
    """What a customer is made from."""

    payment_method: Text | None = None


class CustomerListParameters(ListParameters):
    """Filters of the customer list."""

    email: Text | None = None


def create(operation: Operation, _: str, parameters: CreateParameters) -> Customer:
    """A new customer, with a payment method attached if one is named."""
    identifier = new_id(Customer.PREFIX)
    customer = Customer(
        id=identifier,
        created=operation.now,
        livemode=operation.livemode,
        invoice_prefix=identifier[-8:].upper(),
    )
    operation.create(customer, None)
    attached = None
    if parameters.payment_method is not None:
        method = resolve(operation, parameters.payment_method, param="payment_method")
        attached = attach_to(operation, method, customer.id)
    customer = operation.save(
        customer.changed(**_fields(operation, customer, parameters)), "customer.created"
    )
    if attached is not None:
        operation.publish("payment_method.attached", attached)
    return customer


def retrieve(operation: Operation, identifier: str, _: Parameters) -> Customer | Deleted:
    """The customer; of a deleted one Stripe still says that it was."""
    tombstone = operation.store.find(DeletedCustomer, f"{identifier}/deleted")
    if tombstone is not None:
        return Deleted(id=identifier, object="customer")
    return operation.get(Customer, identifier)


def update(operation: Operation, identifier: str, parameters: UpdateParameters) -> Customer:
    """The customer with what was given changed."""
    customer = operation.get(Customer, identifier)
    changed = customer.changed(**_fields(operation, customer, parameters))
    return operation.save(changed, "customer.updated", before=customer)


def delete(operation: Operation, identifier: str, _: Parameters) -> Deleted:
    """Delete the customer for good; its payment methods are detached."""
    customer = operation.get(Customer, identifier)
    for method in operation.store.all_where(PaymentMethod, {"customer": identifier}):
        clear_customer(operation, method)
    operation.store.remove(customer)
    operation.store.insert(DeletedCustomer(id=f"{identifier}/deleted", created=operation.now))
    operation.publish("customer.deleted", customer)
    return Deleted(id=identifier, object="customer")


def list_(operation: Operation, _: str, parameters: CustomerListParameters) -> Page:
    """Customers, newest first."""
    filters = {} if parameters.email is None else {"email": parameters.email}
    return page_of(operation.store, Customer, parameters, filters, url="/v1/customers")


class DeletedCustomer(Resource):
    """Remembers that an id was a customer's."""

    KIND: ClassVar[str] = "deleted_customer"
    NOUN: ClassVar[str] = "customer"
    PREFIX: ClassVar[str] = "cus"


def existing(operation: Operation, identifier: str) -> Customer:
    """The customer named by a `customer` parameter. Raises InvalidRequest if there is none."""
    customer = operation.store.find(Customer, identifier)
    if customer is None:
        raise no_such("customer", identifier, param="customer")
    return customer


def _fields(
    operation: Operation, customer: Customer, parameters: UpdateParameters
) -> dict[str, object]:
    fields: dict[str, object] = {"metadata": parameters.metadata.applied_to(customer.metadata)}
    for name in ("description", "email", "name", "phone"):
        value = getattr(parameters, name)
        if value is not None:
            fields[name] = value or None
    if parameters.address is not None:
        address = parameters.address.address()
        fields["address"] = None if address == Address() else address
    settings = parameters.invoice_settings
    if settings is not None and settings.default_payment_method is not None:
        fields["invoice_settings"] = InvoiceSettings(
            default_payment_method=_default_method(
                operation, customer, settings.default_payment_method
            )
        )
    return fields


def _default_method(operation: Operation, customer: Customer, identifier: str) -> str | None:
    if identifier == "":
        return None
    param = "invoice_settings[default_payment_method]"
    method = operation.get(PaymentMethod, identifier, param=param)
    if method.customer != customer.id:
        raise InvalidRequest(
            f"The customer does not have a payment method with the ID {identifier}. The payment"
            " method must be attached to the customer.",
            code="resource_missing",
            param=param,
        )
    return method.id
