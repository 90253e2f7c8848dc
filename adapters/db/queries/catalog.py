"""Products and prices, read: what is on sale at a moment.

The version in force decides: the highest whose instant has come and that was not withdrawn. A test
clock that is ahead of the world sees what will be on sale then; one that is behind sees what is on
sale now, as there is nothing else to buy.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.catalog import prices
from adapters.db.tables.catalog_version import catalog_prices, catalog_products, catalog_versions
from billing.billing_mode import BillingMode
from billing.catalog import Product
from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.offer import Offer, price_as_sold
from billing.price import Price
from billing.replacement import no_longer_sold
from billing.subscription import Terms


def in_force(now: ColumnElement[datetime]) -> ScalarSelect[int]:
    """The number of the version in force at the later of two moments: the real present and `now`.

    `now` may be NULL.
    """
    return (
        select(func.max(catalog_versions.c.number))
        .where(
            catalog_versions.c.effective_at <= func.greatest(func.now(), now),
            catalog_versions.c.withdrawn_at.is_(None),
        )
        .correlate_except(catalog_versions)
        .scalar_subquery()
    )


_NOW: Final = bindparam("now", type_=DateTime(timezone=True))
_REPLACED: Final = select(catalog_prices.c.price_id, catalog_prices.c.replaced_by).where(
    catalog_prices.c.catalog_number == in_force(_NOW), catalog_prices.c.replaced_by.is_not(None)
)
_SOLD: Final[Select[Any]] = (
    select(prices, catalog_products.c.document)
    .select_from(catalog_prices)
    .join(
        prices,
        and_(
            prices.c.id == catalog_prices.c.price_id,
            prices.c.version == catalog_prices.c.price_version,
        ),
    )
    .join(
        catalog_products,
        and_(
            catalog_products.c.catalog_number == catalog_prices.c.catalog_number,
            catalog_products.c.product_id == prices.c.product_id,
        ),
    )
    .where(
        catalog_prices.c.catalog_number == in_force(_NOW), catalog_prices.c.replaced_by.is_(None)
    )
    .order_by(prices.c.id)
)
_PRODUCTS: Final = (
    select(catalog_products.c.document)
    .where(
        catalog_products.c.catalog_number == in_force(_NOW),
        catalog_products.c.product_id.in_(
            _SOLD.order_by(None).with_only_columns(prices.c.product_id)
        ),
    )
    .order_by(catalog_products.c.product_id)
)
_OFFER: Final = _SOLD.where(catalog_prices.c.price_id == bindparam("price_id"))


async def products_on_sale(
    connection: AsyncConnection, *, now: datetime | None = None
) -> tuple[Product, ...]:
    """The products of the version in force that are sold at any price, by id."""
    found = await connection.execute(_PRODUCTS, {"now": now})
    return tuple(Product.model_validate(document) for document in found.scalars())


async def prices_on_sale(
    connection: AsyncConnection, *, product_id: str | None = None, now: datetime | None = None
) -> tuple[Price, ...]:
    """The prices of the version in force that are sold, by id."""
    query = _SOLD if product_id is None else _SOLD.where(prices.c.product_id == product_id)
    return tuple(as_price(row) for row in await connection.execute(query, {"now": now}))


async def offers(connection: AsyncConnection, *, now: datetime | None = None) -> tuple[Offer, ...]:
    """Everything that can be bought, by the prices' ids."""
    return tuple(_as_offer(row) for row in await connection.execute(_SOLD, {"now": now}))


async def offer(
    connection: AsyncConnection, price_id: str, *, now: datetime | None = None
) -> Offer | None:
    """What buying a price means; None for prices that are unknown or not sold."""
    found = await connection.execute(_OFFER, {"price_id": price_id, "now": now})
    row = found.one_or_none()
    return None if row is None else _as_offer(row)


async def not_offered(
    connection: AsyncConnection, price_id: str, *, now: datetime | None = None
) -> InvalidInput:
    """Why nobody can buy it: what replaces it, where something does (`no_longer_sold`)."""
    found = await connection.execute(_REPLACED, {"now": now})
    return no_longer_sold(price_id, {row.price_id: row.replaced_by for row in found})


async def price(connection: AsyncConnection, price_id: str, version: int) -> Price:
    """One version of a price, sold or not; it must exist."""
    found = await connection.execute(
        select(prices).where(prices.c.id == price_id, prices.c.version == version)
    )
    return as_price(found.one())


async def price_of(connection: AsyncConnection, terms: Terms) -> Price:
    """What was sold, as it is in the currency of the terms; it must exist."""
    found = await price(connection, terms.price_id, terms.price_version)
    return price_as_sold(found, terms)


async def product(connection: AsyncConnection, product_id: str) -> Product | None:
    """One product, sold or not: as it is in force, else as it is in the latest version with it."""
    number = catalog_products.c.catalog_number
    document = await connection.scalar(
        select(catalog_products.c.document)
        .where(catalog_products.c.product_id == product_id)
        .order_by((number <= in_force(_NOW)).desc(), number.desc())
        .limit(1),
        {"now": None},
    )
    return None if document is None else Product.model_validate(document)


def _as_offer(row: Row[Any]) -> Offer:
    return Offer(product=Product.model_validate(row.document), price=as_price(row))


def as_price(row: Row[Any]) -> Price:
    """The value of a row of `prices`."""
    return Price(
        id=row.id,
        version=row.version,
        product_id=row.product_id,
        currency=row.currency,
        model=row.model,
        minimum_amount_minor=row.minimum_amount_minor,
        maximum_amount_minor=row.maximum_amount_minor,
        interval=None
        if row.interval_unit is None
        else Interval(unit=IntervalUnit(row.interval_unit), count=row.interval_count),
        billing=BillingMode(row.billing),
        unit_name=row.unit_name,
        tax_inclusive=row.tax_inclusive,
        minimum_quantity=row.minimum_quantity,
        maximum_quantity=row.maximum_quantity,
        quantity_step=row.quantity_step,
        currency_options=row.currency_options,
    )
