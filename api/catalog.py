"""Products and prices: what is sold.

Owns reading what is on sale. It is published elsewhere (`adapters.catalog_publishing`), never
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
from billing.billing_mode import BillingMode
from billing.catalog import (
    AnchorKind,
    DisputeLost,
    PauseMode,
    Product,
    ProrationMode,
    WithoutPaymentMethod,
)
from billing.currency_option import CurrencyOption
from billing.dunning import DunningLadder, DunningPolicy, FinalAction
from billing.entitlement import Combine, Entitlement
from billing.interval import IntervalUnit
from billing.price import Price
from billing.price_model import PriceModel

router = APIRouter(prefix="/v1", tags=["catalog"], route_class=ApiRoute)


class PauseView(BaseModel):
    """How a subscription can be paused."""

    mode: PauseMode
    max_days: int = Field(examples=[90])


class LadderView(BaseModel):
    """What happens after a decline: tries on later days, and then an end."""

    retry_days: list[int] = Field(
        description="Days after the due time at which the invoice is tried again",
        examples=[[3, 8, 15]],
    )
    final_action: FinalAction

    @classmethod
    def of(cls, ladder: DunningLadder) -> Self:
        """The ladder."""
        return cls(retry_days=list(ladder.retry_days), final_action=ladder.final_action)


class DunningView(LadderView):
    """The product's ladder, and those of customer segments that have their own."""

    segments: dict[str, LadderView]

    @classmethod
    def by(cls, policy: DunningPolicy) -> Self:
        """The policy."""
        segments = {name: LadderView.of(ladder) for name, ladder in policy.segments.items()}
        return cls(**LadderView.of(policy.ladder).model_dump(), segments=segments)


class IncludedView(BaseModel):
    """A feature that a product gives, and how much of it."""

    feature: str = Field(examples=["scanned_repositories"])
    limit: int | None = Field(description="Null without a limit", examples=[2])
    unlimited: bool
    unit: str | None = Field(examples=["repository"])
    per_unit: bool = Field(description="For each unit of the subscription's quantity")
    combine: Combine | None = Field(
        description="Whether of several limits the highest holds, or this one comes on top"
    )

    @classmethod
    def of(cls, entitlement: Entitlement) -> Self:
        """The entitlement."""
        limit = entitlement.limit
        return cls(
            feature=entitlement.feature,
            limit=None if limit is None else limit.amount,
            unlimited=limit is not None and limit.amount is None,
            unit=entitlement.unit,
            per_unit=limit is not None and limit.per_unit,
            combine=None if limit is None else limit.combine,
        )


class ProductView(BaseModel):
    """Something sold. Of one family, a customer has one product at a time."""

    id: str = Field(examples=["team"])
    name: str = Field(examples=["Team"])
    family: str = Field(examples=["plan"])
    trial_days: int | None = Field(examples=[14])
    trial_without_payment_method: WithoutPaymentMethod | None
    proration: ProrationMode
    anchor: AnchorKind = Field(
        description="`calendar`: periods begin on the 1st; the first one is charged by its share"
    )
    pause: PauseView | None = Field(description="Null where it cannot be paused")
    shorter_interval: bool = Field(
        description="Whether a change from annual to monthly is allowed, at the period's end"
    )
    free_fallback: str | None = Field(
        description="The price sold instead when dunning ends with `downgrade_to_free`;"
        " null where the subscription is canceled then",
        examples=["personal_free"],
    )
    dunning: DunningView
    dispute_lost: DisputeLost
    addon_to: str | None = Field(
        description="The family that it is sold beside: it ends with that subscription"
    )
    entitlements: list[IncludedView] = Field(
        description="What is sold with it from now on; running subscriptions keep theirs"
    )

    @classmethod
    def of(cls, product: Product) -> Self:
        """The product."""
        trial, pause = product.trial, product.pause
        return cls(
            id=product.id,
            name=product.name,
            family=product.family,
            trial_days=None if trial is None else trial.days,
            trial_without_payment_method=None if trial is None else trial.without_payment_method,
            proration=product.proration,
            anchor=product.anchor,
            pause=None if pause is None else PauseView(mode=pause.mode, max_days=pause.max_days),
            shorter_interval=product.shorter_interval,
            free_fallback=product.free_fallback,
            dunning=DunningView.by(product.dunning),
            dispute_lost=product.dispute_lost,
            addon_to=product.addon_to,
            entitlements=[IncludedView.of(each) for each in product.entitlements],
        )


class CurrencyOptionView(BaseModel):
    """What a price costs in one more currency."""

    model: PriceModel
    minimum_amount_minor: int | None
    maximum_amount_minor: int | None
    tax_inclusive: bool

    @classmethod
    def of(cls, option: CurrencyOption) -> Self:
        """The option."""
        return cls(
            model=option.model,
            minimum_amount_minor=option.minimum_amount_minor,
            maximum_amount_minor=option.maximum_amount_minor,
            tax_inclusive=option.tax_inclusive,
        )


class PriceView(BaseModel):
    """A price, charged for every interval or once."""

    id: str = Field(examples=["team_monthly"])
    version: int
    product: str
    currency: str = Field(
        description="What it is sold in where no other of its currencies is asked for",
        examples=["USD"],
    )
    currency_options: dict[str, CurrencyOptionView] = Field(
        description="What it costs in its other currencies, by their codes"
    )
    model: PriceModel = Field(
        description="How the amount of an interval follows from the quantity. Amounts are"
        " decimals of a minor unit; bounds of tiers belong to the tier that they end",
        examples=[{"kind": "per_unit", "unit_amount_minor": "1600"}],
    )
    minimum_amount_minor: int | None = Field(description="What an interval costs at least")
    maximum_amount_minor: int | None = Field(description="What an interval costs at most")
    tax_inclusive: bool = Field(description="Whether the amounts contain the tax")
    interval: IntervalUnit | None = Field(
        description="Null for what is sold once: `add_invoice_items`, or an invoice item"
    )
    interval_count: int | None
    billing: BillingMode = Field(
        description="Whether an interval is billed at its beginning or at its end"
    )
    unit_name: str = Field(examples=["seat"])
    minimum_quantity: int
    maximum_quantity: int
    quantity_step: int = Field(description="Only multiples of it are sold")

    @classmethod
    def of(cls, price: Price) -> Self:
        """The price."""
        return cls(
            id=price.id,
            version=price.version,
            product=price.product_id,
            currency=price.currency,
            currency_options={
                code: CurrencyOptionView.of(option)
                for code, option in sorted(price.currency_options.items())
            },
            model=price.model,
            minimum_amount_minor=price.minimum_amount_minor,
            maximum_amount_minor=price.maximum_amount_minor,
            tax_inclusive=price.tax_inclusive,
            interval=None if price.interval is None else price.interval.unit,
            interval_count=None if price.interval is None else price.interval.count,
            billing=price.billing,
            unit_name=price.unit_name,
            minimum_quantity=price.minimum_quantity,
            maximum_quantity=price.maximum_quantity,
            quantity_step=price.quantity_step,
        )


class Products(BaseModel):
    """All products on sale."""

    data: list[ProductView]


class Prices(BaseModel):
    """All prices on sale."""

    data: list[PriceView]


@router.get("/products", operation_id="list_products", summary="List products")
async def list_products(deps: Deps) -> Products:
    """What the catalog version in force sells."""
    async with reading(deps.engine) as connection:
        products = await catalog.products_on_sale(connection)
    return Products(data=[ProductView.of(product) for product in products])


@router.get("/prices", operation_id="list_prices", summary="List prices")
async def list_prices(
    deps: Deps,
    product: Annotated[ProductId | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
) -> Prices:
    """What the catalog version in force sells, one version of each price.

    With `currency`, the prices that can be bought in it.
    """
    async with reading(deps.engine) as connection:
        prices = await catalog.prices_on_sale(connection, product_id=product)
    return Prices(
        data=[
            PriceView.of(price)
            for price in prices
            if currency is None or currency in price.currencies
        ]
    )
