"""Customers: who pays.

Owns the operations on customers. Nothing is said to the payment gateway here: its customer is
made when it is first needed (`api.gateway_customer`).
"""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.engine import reading, transactions
from adapters.db.queries import customers
from adapters.db.repositories.customers import CustomerChanges, NewCustomer
from api.address import AddressInput, AddressView, VatId, checked_tax_fields
from api.dependencies import Deps
from api.fields import (
    Body,
    CustomerId,
    Email,
    Flag,
    LocaleTag,
    Metadata,
    Name,
    TestClockId,
    example,
)
from api.idempotency import Ids
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.present import present_on
from api.route import ApiRoute
from billing.dunning import Segment
from billing.errors import InvalidInput, NotFound
from billing.locale import DEFAULT_LOCALE

router = APIRouter(prefix="/v1/customers", tags=["customers"], route_class=ApiRoute)


class CustomerInput(Body):
    """A customer to create."""

    model_config = example(
        {
            "email": "ada@example.com",
            "name": "Ada Lovelace",
            "metadata": {"crm_id": "4711"},
            "locale": "en-GB",
            "segment": "enterprise",
        }
    )

    email: Email
    name: Name | None = None
    metadata: Metadata = Field(default_factory=dict)
    locale: LocaleTag = Field(
        default=DEFAULT_LOCALE,
        description="How amounts and days are written on pages, in mails and on invoices",
    )
    segment: Segment | None = Field(
        default=None, description="Decides the dunning ladder of what is subscribed from now on"
    )
    address: AddressInput | None = Field(default=None, description="Without it, no tax is charged")
    vat_id: VatId | None = Field(
        default=None,
        description="Of the address's country; its form and check digits are checked",
        examples=["FR40303265045"],
    )
    tax_exempt: Flag = Field(default=False, description="No tax is charged, and invoices say why")
    test_clock: TestClockId | None = Field(
        default=None, description="Sandbox mode: the clock that this customer lives by, for ever"
    )


class CustomerChange(Body):
    """What changes; fields left out stay as they are, `metadata` is replaced whole."""

    model_config = example({"name": "Ada King"})

    email: Email | None = None
    name: Name | None = None
    metadata: Metadata | None = None
    locale: LocaleTag | None = Field(
        default=None, description="Invoices keep the locale that they were finalised in"
    )
    segment: Segment | None = Field(
        default=None, description="Running subscriptions keep the ladder that they were sold with"
    )
    address: AddressInput | None = Field(
        default=None, description="Replaced whole; decides the tax of invoices from now on"
    )
    vat_id: VatId | None = Field(default=None, description="Of the address's country")
    tax_exempt: Flag | None = None


class CustomerView(BaseModel):
    """A customer."""

    id: str = Field(examples=["cus_4a1b9c0d2e3f4a1b9c0d2e3f"])
    email: str = Field(examples=["ada@example.com"])
    name: str | None = Field(examples=["Ada Lovelace"])
    metadata: dict[str, str]
    locale: str = Field(examples=["en-US"])
    segment: str | None = Field(examples=["enterprise"])
    address: AddressView | None
    vat_id: str | None = Field(examples=["FR40303265045"])
    tax_exempt: bool
    test_clock: str | None
    default_payment_method: str | None
    net_days: int | None = Field(
        description="Where invoices are sent and not charged: days until one is due", examples=[30]
    )
    created_at: datetime

    @classmethod
    def of(cls, customer: customers.Customer) -> Self:
        """Without what only we need."""
        return cls(
            id=customer.id,
            email=customer.email,
            name=customer.name,
            metadata=customer.metadata,
            locale=customer.locale,
            segment=customer.segment,
            address=None if customer.address is None else AddressView.of(customer.address),
            vat_id=customer.vat_id,
            tax_exempt=customer.tax_exempt,
            test_clock=customer.test_clock_id,
            default_payment_method=customer.default_payment_method_id,
            net_days=customer.net_days,
            created_at=customer.created_at,
        )


async def require_customer(connection: AsyncConnection, customer_id: str) -> customers.Customer:
    """The customer. Raises `NotFound` (`customer_not_found`)."""
    customer = await customers.get(connection, customer_id)
    if customer is None:
        raise NotFound("customer_not_found", f"no customer {customer_id}")
    return customer


@router.post("", status_code=201, operation_id="create_customer", summary="Create a customer")
async def create_customer(body: CustomerInput, deps: Deps, ids: Ids) -> CustomerView:
    """Records a customer; the payment gateway hears of it when it is first needed."""
    address = None if body.address is None else body.address.address
    vat_id = checked_tax_fields(address, body.vat_id)
    async with transactions(deps.engine)() as tx:
        present = await present_on(tx.connection, body.test_clock)
        customer = await tx.customers.create(
            NewCustomer(
                id=ids.new("cus"),
                email=body.email,
                name=body.name,
                metadata=body.metadata,
                locale=body.locale,
                segment=body.segment,
                address=address,
                vat_id=vat_id,
                tax_exempt=body.tax_exempt,
                test_clock_id=body.test_clock,
                created_at=present.now,
            )
        )
    return CustomerView.of(customer)


@router.get("", operation_id="list_customers", summary="List customers")
async def list_customers(
    deps: Deps,
    email: Annotated[Email | None, Query()] = None,
    test_clock: Annotated[TestClockId | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[CustomerView]:
    """Newest first."""
    async with reading(deps.engine) as connection:
        page = await customers.page_of(
            connection, email=email, test_clock_id=test_clock, cursor=cursor, limit=limit
        )
    return Page[CustomerView].of(page, CustomerView.of)


@router.get("/{customer_id}", operation_id="read_customer", summary="Read a customer")
async def read_customer(customer_id: CustomerId, deps: Deps) -> CustomerView:
    """One customer."""
    async with reading(deps.engine) as connection:
        return CustomerView.of(await require_customer(connection, customer_id))


@router.patch("/{customer_id}", operation_id="change_customer", summary="Change a customer")
async def change_customer(
    customer_id: CustomerId, body: CustomerChange, deps: Deps
) -> CustomerView:
    """Changes the fields given; `null` removes the name, the segment, the address or the VAT id."""
    if "email" in body.model_fields_set and body.email is None:
        raise InvalidInput("field_missing", "a customer needs an email address")
    if "metadata" in body.model_fields_set and body.metadata is None:
        raise InvalidInput("wrong_type", "write metadata as an object, {} to remove it")
    if "locale" in body.model_fields_set and body.locale is None:
        raise InvalidInput("field_missing", "a customer needs a locale")
    if "tax_exempt" in body.model_fields_set and body.tax_exempt is None:
        raise InvalidInput("wrong_type", "a customer is exempt from tax or not: true or false")
    async with transactions(deps.engine)() as tx:
        customer = await require_customer(tx.connection, customer_id)
        await present_on(tx.connection, customer.test_clock_id)
        changes = _checked(body, customer)
        changed = await tx.customers.update(customer_id, changes)
    return CustomerView.of(changed)


def _checked(body: CustomerChange, customer: customers.Customer) -> CustomerChanges:
    """With the VAT id as it is stored: another country needs another one."""
    changes = CustomerChanges.model_validate(body.model_dump(exclude_unset=True))
    if not {"address", "vat_id"} & body.model_fields_set:
        return changes
    address = changes.address if "address" in body.model_fields_set else customer.address
    vat_id = changes.vat_id if "vat_id" in body.model_fields_set else customer.vat_id
    return changes.model_copy(update={"vat_id": checked_tax_fields(address, vat_id)})
