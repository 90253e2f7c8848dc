"""Products and prices: what is sold.

Owns reading the catalog. It is loaded from a file when the API starts (`api.__main__`), never
written here.
"""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from adapters.db.engine import reading
from adapters.db.queries import catalog
from api.dependencies import Deps
from api.fields import Currency, ProductId
from api.route import ApiRoute
from billing.catalog import Price, Product
from billing.interval import IntervalUnit

router = APIRouter(prefix="/v1", tags=["catalog"], route_class=ApiRoute)


class ProductView(BaseModel):
    """Something sold. Of one family, a customer has one product at a time."""

    id: str = Field(examples=["team"])
    name: str = Field(examples=["Team"])
    family: str = Field(examples=["plan"])
    trial_days: int | None = Field(examples=[14])

    @classmethod
    def of(cls, product: Product) -> Self:
        """The product."""
        return cls(
            id=product.id,
            name=product.name,
            family=product.family,
            trial_days=None if product.trial is None else product.trial.days,
        )


class PriceView(BaseModel):
    """A recurring price, charged in advance per unit and interval."""

    id: str = Field(examples=["team_monthly"])
    version: int
    product: str
    currency: str = Field(examples=["USD"])
    unit_amount_minor: str = Field(
        description="Minor units per unit and interval, as a decimal; may be a fraction",
        examples=["1600"],
    )
    interval: IntervalUnit
    interval_count: int
    unit_name: str = Field(examples=["seat"])
    minimum_quantity: int
    maximum_quantity: int

    @classmethod
    def of(cls, price: Price) -> Self:
        """The price; its amount as plain digits."""
        amount = f"{price.unit_amount_minor:f}"
        return cls(
            id=price.id,
            version=price.version,
            product=price.product_id,
            currency=price.currency,
            unit_amount_minor=amount.rstrip("0").rstrip(".") if "." in amount else amount,
            interval=price.interval.unit,
            interval_count=price.interval.count,
            unit_name=price.unit_name,
            minimum_quantity=price.minimum_quantity,
            maximum_quantity=price.maximum_quantity,
        )


class Products(BaseModel):
    """All products on sale."""

    data: list[ProductView]


class Prices(BaseModel):
    """All prices on sale."""

    data: list[PriceView]


@router.get("/products", operation_id="list_products", summary="List products")
async def list_products(deps: Deps) -> Products:
    """What the catalog loaded last sells."""
    async with reading(deps.engine) as connection:
        products = await catalog.products_on_sale(connection)
    return Products(data=[ProductView.of(product) for product in products])


@router.get("/prices", operation_id="list_prices", summary="List prices")
async def list_prices(
    deps: Deps,
    product: Annotated[ProductId | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
) -> Prices:
    """What the catalog loaded last sells, one version of each price."""
    async with reading(deps.engine) as connection:
        prices = await catalog.prices_on_sale(connection, product_id=product)
    return Prices(
        data=[PriceView.of(price) for price in prices if currency in (None, price.currency)]
    )
