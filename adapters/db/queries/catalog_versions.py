"""Published versions of the catalog, read."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.catalog import as_price
from adapters.db.tables.catalog import prices, products
from adapters.db.tables.catalog_version import catalog_prices, catalog_products, catalog_versions
from billing.actor import Actor
from billing.catalog import Catalog, Product
from billing.catalog_change import Published
from billing.catalog_version import CatalogVersion, VersionStatus

_VERSION: Final[Select[Any]] = select(
    *(column for column in catalog_versions.c if column.name not in {"files", "sections"})
)
RELATIONAL: Final = frozenset({"products", "prices", "replacements"})
"""Sections with tables of their own; all others make the version's document."""

_LISTED: Final[Select[Any]] = (
    select(prices, catalog_prices.c.replaced_by)
    .join(
        catalog_prices,
        and_(
            catalog_prices.c.price_id == prices.c.id,
            catalog_prices.c.price_version == prices.c.version,
        ),
    )
    .order_by(prices.c.id)
)
_STANDING: Final = catalog_versions.c.withdrawn_at.is_(None)


async def head(connection: AsyncConnection) -> CatalogVersion | None:
    """The version that a new one is based on: the highest that was not withdrawn."""
    found = await connection.execute(
        _VERSION.where(_STANDING).order_by(catalog_versions.c.number.desc()).limit(1)
    )
    row = found.one_or_none()
    return None if row is None else as_version(row)


async def in_force(connection: AsyncConnection, now: datetime) -> CatalogVersion | None:
    """The version that is sold at `now`."""
    found = await connection.execute(
        _VERSION.where(_STANDING, catalog_versions.c.effective_at <= now)
        .order_by(catalog_versions.c.number.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return None if row is None else as_version(row)


async def get(connection: AsyncConnection, number: int) -> CatalogVersion | None:
    """One version."""
    found = await connection.execute(_VERSION.where(catalog_versions.c.number == number))
    row = found.one_or_none()
    return None if row is None else as_version(row)


async def latest(
    connection: AsyncConnection, *, before: int | None, limit: int
) -> tuple[CatalogVersion, ...]:
    """Versions with lower numbers than `before`, highest first."""
    query = _VERSION.order_by(catalog_versions.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(catalog_versions.c.number < before)
    return tuple(as_version(row) for row in await connection.execute(query))


async def catalog_of(connection: AsyncConnection, number: int | None) -> Catalog:
    """What a version has, sold or replaced; nothing where there is none."""
    sections = await connection.scalar(
        select(catalog_versions.c.sections).where(catalog_versions.c.number == number)
    )
    found = await connection.scalars(
        select(catalog_products.c.document)
        .where(catalog_products.c.catalog_number == number)
        .order_by(catalog_products.c.product_id)
    )
    listed = (
        await connection.execute(_LISTED.where(catalog_prices.c.catalog_number == number))
    ).all()
    return Catalog.model_validate(
        (sections or {})
        | {
            "products": tuple(Product.model_validate(document) for document in found),
            "prices": tuple(as_price(row) for row in listed),
            "replacements": {
                row.id: row.replaced_by for row in listed if row.replaced_by is not None
            },
        }
    )


async def files_of(connection: AsyncConnection, number: int) -> dict[str, str]:
    """The files of a version as they were written; none where it was not made of files."""
    files: dict[str, str] | None = await connection.scalar(
        select(catalog_versions.c.files).where(catalog_versions.c.number == number)
    )
    return files or {}


async def any_of_files(connection: AsyncConnection) -> bool:
    """Whether any version was made of files."""
    found = await connection.scalar(
        select(catalog_versions.c.number).where(catalog_versions.c.files != {}).limit(1)
    )
    return found is not None


async def published(connection: AsyncConnection) -> Published:
    """What all versions have settled for ever, those that were withdrawn included."""
    found = await connection.execute(select(prices).order_by(prices.c.id, prices.c.version))
    families = await connection.execute(select(products.c.id, products.c.family))
    return Published(
        prices=tuple(as_price(row) for row in found),
        families={row.id: row.family for row in families},
    )


def status_of(
    version: CatalogVersion, *, in_force: CatalogVersion | None, now: datetime
) -> VersionStatus:
    """Where a version stands beside the one in force."""
    if version.withdrawn_at is not None:
        return VersionStatus.WITHDRAWN
    if version.is_scheduled(now):
        return VersionStatus.SCHEDULED
    is_sold = in_force is not None and version.number == in_force.number
    return VersionStatus.IN_FORCE if is_sold else VersionStatus.REPLACED


def as_version(row: Row[Any]) -> CatalogVersion:
    """The value of a row of `catalog_versions`."""
    withdrawn_by = None
    if row.withdrawn_by_kind is not None:
        withdrawn_by = Actor(kind=row.withdrawn_by_kind, id=row.withdrawn_by_id)
    return CatalogVersion(
        number=row.number,
        digest=row.digest,
        actor=Actor(kind=row.actor_kind, id=row.actor_id),
        reason=row.reason,
        published_at=row.published_at,
        effective_at=row.effective_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=withdrawn_by,
    )
