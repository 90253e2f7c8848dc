"""Products and prices, read."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.catalog import prices, products
from billing.catalog import Price, Product, Trial, WithoutPaymentMethod
from billing.interval import Interval, IntervalUnit
from billing.offer import Offer


async def products_on_sale(connection: AsyncConnection) -> tuple[Product, ...]:
    """The products of the catalog loaded last, by id."""
    found = await connection.execute(
        select(products).where(products.c.active).order_by(products.c.id)
    )
    return tuple(as_product(row) for row in found)


async def prices_on_sale(
    connection: AsyncConnection, *, product_id: str | None = None
) -> tuple[Price, ...]:
    """The prices of the catalog loaded last, by id; one version of each."""
    query = select(prices).where(prices.c.active).order_by(prices.c.id)
    if product_id is not None:
        query = query.where(prices.c.product_id == product_id)
    return tuple(as_price(row) for row in await connection.execute(query))


async def offer(connection: AsyncConnection, price_id: str) -> Offer | None:
    """What buying a price today means; None for prices that are unknown or no longer sold."""
    price = (
        await connection.execute(select(prices).where(prices.c.id == price_id, prices.c.active))
    ).one_or_none()
    if price is None:
        return None
    product = (
        await connection.execute(select(products).where(products.c.id == price.product_id))
    ).one()
    return Offer(product=as_product(product), price=as_price(price))


async def product(connection: AsyncConnection, product_id: str) -> Product | None:
    """One product, sold or not."""
    found = await connection.execute(select(products).where(products.c.id == product_id))
    row = found.one_or_none()
    return None if row is None else as_product(row)


def as_product(row: Row[Any]) -> Product:
    """The value of a row of `products`."""
    trial = None
    if row.trial_days is not None:
        trial = Trial(
            days=row.trial_days,
            without_payment_method=WithoutPaymentMethod(row.trial_without_payment_method),
        )
    return Product.model_validate(
        row.rules | {"id": row.id, "name": row.name, "family": row.family, "trial": trial}
    )


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
        interval=Interval(unit=IntervalUnit(row.interval_unit), count=row.interval_count),
        unit_name=row.unit_name,
        minimum_quantity=row.minimum_quantity,
        maximum_quantity=row.maximum_quantity,
        quantity_step=row.quantity_step,
    )
