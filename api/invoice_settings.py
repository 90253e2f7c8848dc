"""What is printed on later invoices: who sells, and texts of ours and of customers.

Owns their operations. They hold for invoices that are finalised afterwards; what an invoice says is
frozen into it (policy P29). Every change of the seller is in the audit log.
"""

from datetime import datetime
from typing import Annotated, Final, Self

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from adapters.db.engine import reading, transactions
from adapters.db.repositories.invoice_settings import OWN, SqlInvoiceSettings
from adapters.db.transaction import SqlTransaction
from api.authentication import Caller, CallerOf
from api.commanding import require
from api.customers import require_customer
from api.dependencies import Deps
from api.fields import Body, CustomerId, SubscriptionId, example
from api.idempotency import RequestIds
from api.present import present_on
from api.route import ApiRoute
from billing.particulars import LONGEST_LINE, LONGEST_TEXT, InvoiceSettings, Seller

seller_router = APIRouter(prefix="/v1/seller", tags=["seller"], route_class=ApiRoute)
customer_router = APIRouter(
    prefix="/v1/customers/{customer_id}/invoice_settings", tags=["customers"], route_class=ApiRoute
)
subscription_router = APIRouter(
    prefix="/v1/subscriptions/{subscription_id}/invoice_settings",
    tags=["subscriptions"],
    route_class=ApiRoute,
)

_SELLER: Final = "change_seller"
_SETTINGS: Final = "change_invoice_settings"


def _printed(value: str) -> str:
    """Lines of printable text; a line feed ends one."""
    lines = [line.strip() for line in value.replace("\r\n", "\n").split("\n")]
    if not all(line.isprintable() for line in lines):
        raise PydanticCustomError("wrong_format", "text must consist of printable characters")
    text = "\n".join(lines).strip("\n")
    if not text:
        raise PydanticCustomError("text_length_out_of_range", "write some text, or null")
    return text


def _one_line(value: str) -> str:
    if "\n" in value:
        raise PydanticCustomError("wrong_format", "write it on one line")
    return value


TextLines = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_printed)
]
TextLine = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_LINE),
    AfterValidator(_printed),
    AfterValidator(_one_line),
]


class InvoiceSettingsInput(Body):
    """What is printed; what is left out is not printed."""

    model_config = example(
        {"purchase_order": "PO-2026-0042", "memo": "Cost centre 4711", "footer": None}
    )

    memo: TextLines | None = Field(default=None, description="Above the lines")
    purchase_order: TextLine | None = Field(
        default=None, description="The customer's own number for the order"
    )
    footer: TextLines | None = Field(default=None, description="Below everything")

    def settings(self) -> InvoiceSettings:
        """The same."""
        return InvoiceSettings.model_validate(self.model_dump())


class InvoiceSettingsView(BaseModel):
    """What is printed on later invoices of a customer or subscription.

    What a subscription says counts before what its customer says, and that before what the seller
    says.
    """

    memo: str | None = Field(examples=["Cost centre 4711"])
    purchase_order: str | None = Field(examples=["PO-2026-0042"])
    footer: str | None

    @classmethod
    def of(cls, settings: InvoiceSettings) -> Self:
        """The same."""
        return cls.model_validate(settings.model_dump())


class SellerInput(Body):
    """The issuing entity as documents name it, and what it prints on all of them."""

    model_config = example(
        {
            "name": "Perennial Tools GmbH",
            "address": "Hauptstraße 1\n10115 Berlin\nGermany",
            "tax_id": "DE123456789",
            "footer": "Please quote the invoice number.",
        }
    )

    name: TextLine | None = None
    address: TextLines | None = None
    tax_id: TextLine | None = None
    memo: TextLines | None = None
    footer: TextLines | None = None


class SellerView(BaseModel):
    """The issuing entity."""

    name: str | None = Field(examples=["Perennial Tools GmbH"])
    address: str | None = Field(examples=["Hauptstraße 1\n10115 Berlin\nGermany"])
    tax_id: str | None = Field(examples=["DE123456789"])
    memo: str | None
    footer: str | None

    @classmethod
    def of(cls, seller: Seller, settings: InvoiceSettings) -> Self:
        """Who sells, and what is printed for everybody."""
        return cls(
            name=seller.name,
            address=seller.address,
            tax_id=seller.tax_id,
            memo=settings.memo,
            footer=settings.footer,
        )


@seller_router.get("", operation_id="read_seller", summary="Read who sells")
async def read_seller(deps: Deps) -> SellerView:
    """The issuing entity as later invoices name it."""
    async with reading(deps.engine) as connection:
        settings = SqlInvoiceSettings(connection)
        return SellerView.of(await settings.seller(), await settings.of(OWN))


@seller_router.put("", operation_id="change_seller", summary="Say who sells")
async def change_seller(body: SellerInput, deps: Deps, caller: CallerOf) -> SellerView:
    """Replaces the issuing entity as later invoices name it; finalised ones stay as they are."""
    seller = Seller(name=body.name, address=body.address, tax_id=body.tax_id)
    settings = InvoiceSettings(memo=body.memo, footer=body.footer)
    async with transactions(deps.engine)() as tx:
        now = (await present_on(tx.connection, None)).now
        await tx.invoice_settings.put_seller(seller, changed_at=now)
        await tx.invoice_settings.put(OWN, settings, changed_at=now)
        await _audited(tx, caller, _SELLER, OWN, now)
    return SellerView.of(seller, settings)


@customer_router.get(
    "", operation_id="read_customer_invoice_settings", summary="Read a customer's invoice texts"
)
async def read_of_customer(customer_id: CustomerId, deps: Deps) -> InvoiceSettingsView:
    """What is printed on all of the customer's invoices."""
    async with reading(deps.engine) as connection:
        await require_customer(connection, customer_id)
        return InvoiceSettingsView.of(await SqlInvoiceSettings(connection).of(customer_id))


@customer_router.put(
    "", operation_id="change_customer_invoice_settings", summary="Set a customer's invoice texts"
)
async def change_of_customer(
    customer_id: CustomerId, body: InvoiceSettingsInput, deps: Deps, caller: CallerOf
) -> InvoiceSettingsView:
    """Replaces what is printed on all later invoices of the customer."""
    async with transactions(deps.engine)() as tx:
        customer = await require_customer(tx.connection, customer_id)
        now = (await present_on(tx.connection, customer.test_clock_id)).now
        await tx.invoice_settings.put(customer_id, body.settings(), changed_at=now)
        await _audited(tx, caller, _SETTINGS, customer_id, now)
    return InvoiceSettingsView.of(body.settings())


@subscription_router.get(
    "",
    operation_id="read_subscription_invoice_settings",
    summary="Read a subscription's invoice texts",
)
async def read_of_subscription(subscription_id: SubscriptionId, deps: Deps) -> InvoiceSettingsView:
    """What is printed on the subscription's invoices."""
    await require(deps, subscription_id)
    async with reading(deps.engine) as connection:
        return InvoiceSettingsView.of(await SqlInvoiceSettings(connection).of(subscription_id))


@subscription_router.put(
    "",
    operation_id="change_subscription_invoice_settings",
    summary="Set a subscription's invoice texts",
)
async def change_of_subscription(
    subscription_id: SubscriptionId, body: InvoiceSettingsInput, deps: Deps, caller: CallerOf
) -> InvoiceSettingsView:
    """Replaces what is printed on later invoices of the subscription."""
    subscription = await require(deps, subscription_id)
    async with transactions(deps.engine)() as tx:
        now = (await present_on(tx.connection, subscription.test_clock_id)).now
        await tx.invoice_settings.put(subscription_id, body.settings(), changed_at=now)
        await _audited(tx, caller, _SETTINGS, subscription_id, now)
    return InvoiceSettingsView.of(body.settings())


async def _audited(
    tx: SqlTransaction, caller: Caller, command: str, subject: str, now: datetime
) -> None:
    await tx.audit.append(
        command_id=RequestIds(None).new("cmd"),
        command=command,
        subject=subject,
        actor=caller.actor,
        reason=None,
        at=now,
    )
