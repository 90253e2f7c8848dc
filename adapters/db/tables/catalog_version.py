"""Published versions of the catalog, and what each of them has on sale."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from adapters.db.tables.schema import (
    DOCUMENT,
    INSTANT,
    Row,
    index,
    one_of,
    references,
    table_of,
)
from billing.actor import ActorKind


class CatalogVersionRow(Row, table=True):
    """One version; nothing but its withdrawal ever changes, and that once."""

    __tablename__ = "catalog_versions"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        one_of("actor_kind", ActorKind),
        one_of("withdrawn_by_kind", ActorKind),
        CheckConstraint("jsonb_typeof(files) = 'object'", name="files"),
        CheckConstraint("jsonb_typeof(sections) = 'object'", name="sections"),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by_kind IS NULL)"
            " AND (withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)",
            name="withdrawn",
        ),
        CheckConstraint("withdrawn_at < effective_at", name="withdrawn_before"),
    )

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    digest: str
    files: dict[str, str] = Field(sa_type=DOCUMENT)
    """As they were written, by name; empty for what was put on sale without files."""
    sections: dict[str, object] = Field(sa_type=DOCUMENT)
    """What a `billing.catalog.Catalog` has besides products and prices."""
    actor_kind: str
    actor_id: str
    reason: str | None
    published_at: datetime = Field(sa_type=INSTANT)
    effective_at: datetime = Field(sa_type=INSTANT)
    withdrawn_at: datetime | None = Field(sa_type=INSTANT)
    withdrawn_by_kind: str | None
    withdrawn_by_id: str | None


class CatalogProductRow(Row, table=True):
    """A product as one version of the catalog has it."""

    __tablename__ = "catalog_products"
    __table_args__ = (
        references("catalog_number", "catalog_versions.number"),
        references("product_id", "products.id"),
        CheckConstraint("document ->> 'id' = product_id", name="document"),
    )

    catalog_number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    product_id: str = Field(primary_key=True)
    document: dict[str, object] = Field(sa_type=DOCUMENT)
    """The `billing.catalog.Product`; what is missing has its default."""


class CatalogPriceRow(Row, table=True):
    """The version of a price that one version of the catalog has."""

    __tablename__ = "catalog_prices"
    __table_args__ = (
        references("catalog_number", "catalog_versions.number"),
        references("price_id price_version", "prices.id prices.version"),
        index("catalog_prices", "price_id price_version"),
    )

    catalog_number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    price_id: str = Field(primary_key=True)
    price_version: int
    replaced_by: str | None
    """It is not sold: whoever has it is to be moved to this price."""


catalog_versions = table_of(CatalogVersionRow)
catalog_products = table_of(CatalogProductRow)
catalog_prices = table_of(CatalogPriceRow)
