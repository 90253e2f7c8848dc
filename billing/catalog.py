"""What is sold: products and their prices.

Owns the values of the catalog and the rules that a price must satisfy on its own. Price versions
are immutable (policy P33): a running subscription names the version that it was sold at. Does not
own files or storage (`adapters`), nor amounts (`billing.pricing`).
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from billing.currency import CurrencyCode, minimum_charge_minor
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


class Trial(Value):
    """A free first period, once per customer and product family (policy P10)."""

    days: Annotated[int, Field(ge=1, le=730)]
    without_payment_method: WithoutPaymentMethod = WithoutPaymentMethod.CANCEL


class Product(Value):
    """Something sold; products of one `family` replace one another (policy P16)."""

    id: CatalogId
    name: Name
    family: CatalogId
    trial: Trial | None = None


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
        product_ids = [product.id for product in self.products]
        _refuse_duplicates("product", product_ids)
        _refuse_duplicates("price", [price.id for price in self.prices])
        for price in self.prices:
            if price.product_id not in product_ids:
                raise ValueError(
                    f"price {price.id!r} names the product {price.product_id!r},"
                    " which is not in the catalog"
                )
        return self


def _refuse_duplicates(kind: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for identifier in ids:
        if identifier in seen:
            raise ValueError(f"the {kind} id {identifier!r} is used twice")
        seen.add(identifier)
