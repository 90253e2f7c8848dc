"""The catalog, stored: what is on sale now, and every price version ever sold (policy P33)."""

from typing import Any, Final

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.catalog import as_price
from adapters.db.tables.catalog import prices, products
from adapters.db.tables.entitlement import features
from billing.catalog import Catalog, Price, Product
from billing.entitlement import described
from billing.errors import Conflict

# Processes that start together store one after the other; readers are not held up.
_ONE_AT_A_TIME: Final = text("LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE")

_IN_COLUMNS: Final = frozenset({"id", "name", "family", "trial"})
"""Fields of a product with columns of their own; all others make its document of rules."""

_CHANGEABLE: Final = ("name", "trial_days", "trial_without_payment_method", "rules", "active")
_INSERT_PRODUCT: Final = insert(products).values(
    {
        name: bindparam(name)
        for name in ("id", "name", "family", "trial_days", "trial_without_payment_method", "rules")
    }
    | {"active": True}
)
_PUT_PRODUCT: Final = _INSERT_PRODUCT.on_conflict_do_update(
    index_elements=[products.c.id],
    set_={name: _INSERT_PRODUCT.excluded[name] for name in _CHANGEABLE},
    where=func.row(*(products.c[name] for name in _CHANGEABLE)).is_distinct_from(
        func.row(*(_INSERT_PRODUCT.excluded[name] for name in _CHANGEABLE))
    ),
)


class SqlCatalog:
    """Puts a catalog on sale."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put_on_sale(self, catalog: Catalog) -> None:
        """Exactly this is sold from now on; what is sold already runs on at its version.

        The same catalog again changes nothing. Raises `Conflict` (`price_version_immutable`,
        `product_family_immutable`, `feature_immutable`), and then nothing is changed.
        """
        await self._connection.execute(_ONE_AT_A_TIME)
        await self._refuse_changed_families(catalog.products)
        new = await self._new_versions(catalog.prices)
        await self._know_features(catalog)
        if catalog.products:
            await self._connection.execute(
                _PUT_PRODUCT, [_product_columns(product) for product in catalog.products]
            )
        await self._withdraw(catalog)
        if new:
            await self._connection.execute(insert(prices), [_price_columns(price) for price in new])
        for price in catalog.prices:
            await self._connection.execute(
                update(prices)
                .where(
                    prices.c.id == price.id,
                    prices.c.version == price.version,
                    prices.c.active.is_(False),
                )
                .values(active=True)
            )

    async def _refuse_changed_families(self, wanted: tuple[Product, ...]) -> None:
        found = await self._connection.execute(
            select(products.c.id, products.c.family).where(
                products.c.id.in_([product.id for product in wanted])
            )
        )
        families = {row.id: row.family for row in found}
        for product in wanted:
            stored = families.get(product.id, product.family)
            if stored != product.family:
                raise Conflict(
                    "product_family_immutable",
                    f"product {product.id} was sold in the family {stored!r}, which decides who"
                    " may have it: give it a new id to sell it in another",
                    product_id=product.id,
                )

    async def _know_features(self, catalog: Catalog) -> None:
        """What a feature is counted in is asked about in sold terms, and so never changes."""
        units = {
            entitlement.feature: entitlement.unit
            for product in catalog.products
            for entitlement in product.entitlements
        }
        if not units:
            return
        found = await self._connection.execute(select(features).where(features.c.id.in_(units)))
        known: dict[str, str | None] = {row.id: row.unit for row in found}
        for feature, unit in units.items():
            stored = known.get(feature, unit)
            if stored != unit:
                raise Conflict(
                    "feature_immutable",
                    f"the feature {feature} was sold as {described(stored)}, not as"
                    f" {described(unit)}: give it a new id",
                    feature=feature,
                )
        new = [{"id": feature, "unit": units[feature]} for feature in units.keys() - known.keys()]
        if new:
            await self._connection.execute(insert(features), new)

    async def _new_versions(self, wanted: tuple[Price, ...]) -> tuple[Price, ...]:
        found = await self._connection.execute(
            select(prices).where(prices.c.id.in_([price.id for price in wanted]))
        )
        known = {(row.id, row.version): as_price(row) for row in found}
        for price in wanted:
            stored = known.get((price.id, price.version), price)
            if stored != price:
                raise Conflict(
                    "price_version_immutable",
                    f"version {price.version} of price {price.id} was stored with other terms:"
                    f" write version: {_next_version(price.id, known)} to sell at the new ones",
                    price_id=price.id,
                    version=price.version,
                )
        return tuple(price for price in wanted if (price.id, price.version) not in known)

    async def _withdraw(self, catalog: Catalog) -> None:
        """What the catalog does not have is no longer on sale."""
        await self._connection.execute(
            update(products)
            .where(
                products.c.active,
                products.c.id.not_in([product.id for product in catalog.products]),
            )
            .values(active=False)
        )
        on_sale = {(price.id, price.version) for price in catalog.prices}
        active = await self._connection.execute(
            select(prices.c.id, prices.c.version).where(prices.c.active)
        )
        for price_id, version in active.all():
            if (price_id, version) not in on_sale:
                await self._connection.execute(
                    update(prices)
                    .where(prices.c.id == price_id, prices.c.version == version)
                    .values(active=False)
                )


def _next_version(price_id: str, known: dict[tuple[str, int], Price]) -> int:
    return 1 + max(version for stored_id, version in known if stored_id == price_id)


def _product_columns(product: Product) -> dict[str, Any]:
    trial = product.trial
    return {
        "id": product.id,
        "name": product.name,
        "family": product.family,
        "trial_days": None if trial is None else trial.days,
        "trial_without_payment_method": None if trial is None else trial.without_payment_method,
        "rules": product.model_dump(mode="json", exclude=set(_IN_COLUMNS)),
    }


def _price_columns(price: Price) -> dict[str, Any]:
    return {
        "id": price.id,
        "version": price.version,
        "product_id": price.product_id,
        "currency": price.currency,
        "model": price.model.model_dump(mode="json"),
        "minimum_amount_minor": price.minimum_amount_minor,
        "maximum_amount_minor": price.maximum_amount_minor,
        "interval_unit": price.interval.unit,
        "interval_count": price.interval.count,
        "unit_name": price.unit_name,
        "minimum_quantity": price.minimum_quantity,
        "maximum_quantity": price.maximum_quantity,
        "quantity_step": price.quantity_step,
    }
