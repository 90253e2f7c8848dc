"""What is sold: products and their prices.

Owns the values of the catalog and the rules that a price must satisfy on its own. Price versions
are immutable (policy P33): a running subscription names the version that it was sold at. Does not
own files or storage (`adapters`), nor amounts (`billing.pricing`).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from billing.currency import CurrencyCode, minimum_charge_minor
from billing.dunning import DunningPolicy
from billing.interval import Interval
from billing.money import round_half_away
from billing.value import Value

CatalogId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]
"""Chosen by the catalog's owner; stable and public."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]

MAX_QUANTITY = 1_000_000


class WithoutPaymentMethod(StrEnum):
    """What becomes of a trial that ends without a payment method (policy P10)."""

    CANCEL = "cancel"
    PAUSE = "pause"
    """It rests until a method is saved; the first period begins then."""
    INVOICE = "invoice"
    """The first period begins and is owed, as after a decline."""


class Trial(Value):
    """A free first period, once per customer and product family (policy P10)."""

    days: Annotated[int, Field(ge=1, le=730)]
    without_payment_method: WithoutPaymentMethod = WithoutPaymentMethod.CANCEL


class ProrationMode(StrEnum):
    """How the rest of a period is measured when something changes in it (policy P13)."""

    BY_SECOND = "by_second"
    DAY_INCLUSIVE = "day_inclusive"
    """In whole UTC days; the day of the change counts as remaining."""


class PauseMode(StrEnum):
    """What a pause does to the time that was paid for (policy P17)."""

    VOID = "void"
    """Nothing is given back; periods that begin in the pause are not billed."""
    KEEP_ANCHOR = "keep_anchor"
    """The unused time becomes the customer's balance; boundaries stay where they were."""
    EXTEND = "extend"
    """The running period, and every boundary after it, moves by the pause's length."""


class PausePolicy(Value):
    """That a product can be paused, how, and for how long at most."""

    mode: PauseMode
    max_days: Annotated[int, Field(ge=1, le=365)] = 90


class DisputeLost(StrEnum):
    """What becomes of a subscription whose payment the bank took back for good."""

    CANCEL = "cancel"
    KEEP = "keep"


class Product(Value):
    """Something sold, and its rules; products of one `family` replace one another (policy P16).

    The rules hold for what is sold from now on: a running subscription keeps those in its terms.
    """

    id: CatalogId
    name: Name
    family: CatalogId
    trial: Trial | None = None
    proration: ProrationMode = ProrationMode.BY_SECOND
    pause: PausePolicy | None = None
    """None where it cannot be paused (policy P17)."""
    shorter_interval: bool = False
    """Whether annual may become monthly, at the period's end (policy P12)."""
    free_fallback: CatalogId | None = None
    """The price that is sold instead when dunning ends with `downgrade_to_free` (policy P18)."""
    dunning: DunningPolicy = DunningPolicy()
    dispute_lost: DisputeLost = DisputeLost.CANCEL


class Price(Value):
    """One immutable version of a recurring price, charged in advance per unit and interval."""

    id: CatalogId
    version: Annotated[int, Field(ge=1)] = 1
    product_id: CatalogId
    currency: CurrencyCode
    unit_amount_minor: Annotated[Decimal, Field(ge=0, lt=10**15, decimal_places=12)]
    """Minor units per unit of quantity and interval; may be a fraction of a minor unit."""
    interval: Interval
    unit_name: Name = "unit"
    """What one unit of quantity is called on an invoice, in the singular."""
    minimum_quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1
    maximum_quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = MAX_QUANTITY

    @model_validator(mode="after")
    def _sellable(self) -> Self:
        if self.minimum_quantity > self.maximum_quantity:
            raise ValueError("minimum_quantity must not exceed maximum_quantity")
        smallest = round_half_away(self.unit_amount_minor * self.minimum_quantity)
        minimum = minimum_charge_minor(self.currency)
        if self.unit_amount_minor > 0 and smallest < minimum:
            raise ValueError(
                f"the smallest purchase is {smallest} minor units of {self.currency};"
                f" less than {minimum} cannot be collected: raise the price or minimum_quantity"
            )
        return self


class Catalog(Value):
    """Everything on sale; every price belongs to a product and every id is used once."""

    products: tuple[Product, ...]
    prices: tuple[Price, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _refuse_duplicates("product", [product.id for product in self.products])
        _refuse_duplicates("price", [price.id for price in self.prices])
        for complaint in complaints(self.products, self.prices):
            raise ValueError(f"{complaint.kind} {complaint.id!r}: {complaint.message}")
        return self


class Complaint(Value):
    """What is wrong between the things of a catalog, said of the one that names the other."""

    kind: Literal["product", "price"]
    id: str
    key: str
    """What the catalog's file calls the field."""
    message: str


def complaints(products: tuple[Product, ...], prices: tuple[Price, ...]) -> Iterator[Complaint]:
    """Everything that a catalog of these would be refused for, beyond each of them alone."""
    families = {product.id: product.family for product in products}
    for price in prices:
        if price.product_id not in families:
            yield Complaint(
                kind="price",
                id=price.id,
                key="product",
                message=f"product: {price.product_id!r} is no product of the catalog",
            )
    by_id = {price.id: price for price in prices}
    for product in products:
        if product.free_fallback is None:
            continue
        message = _fallback_complaint(product, by_id.get(product.free_fallback), families)
        if message is not None:
            yield Complaint(kind="product", id=product.id, key="free_fallback", message=message)


def _fallback_complaint(
    product: Product, price: Price | None, families: Mapping[str, str]
) -> str | None:
    if price is None:
        return f"free_fallback: {product.free_fallback!r} is no price of the catalog"
    if price.unit_amount_minor > 0:
        return f"free_fallback: {price.id!r} is not free; name a price of amount 0"
    if families.get(price.product_id) != product.family:
        return f"free_fallback: {price.id!r} is no price of the family {product.family!r}"
    return None


def _refuse_duplicates(kind: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for identifier in ids:
        if identifier in seen:
            raise ValueError(f"the {kind} id {identifier!r} is used twice")
        seen.add(identifier)
