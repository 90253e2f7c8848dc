"""Products and the immutable versions of their prices (policy P33).

What is on sale when, and by which rules, stands in `adapters.db.tables.catalog_version`.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    DOCUMENT,
    INSTANT,
    MINOR_UNITS,
    NOW,
    Row,
    currency_code,
    index,
    one_of,
    references,
    table_of,
)
from billing.billing_mode import BillingMode
from billing.interval import IntervalUnit

_ONE = text("1")


class ProductRow(Row, table=True):
    """One product, ever published; its rules are those of a version of the catalog."""

    __tablename__ = "products"

    id: str = Field(primary_key=True)
    family: str
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


class PriceRow(Row, table=True):
    """One version of a price, ever published; it never changes."""

    __tablename__ = "prices"
    __table_args__ = (
        references("product_id", "products.id"),
        currency_code(),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("model ? 'kind'", name="model"),
        CheckConstraint("jsonb_typeof(currency_options) = 'object'", name="currency_options"),
        CheckConstraint(
            "0 < minimum_amount_minor AND minimum_amount_minor <= maximum_amount_minor",
            name="amounts",
        ),
        one_of("interval_unit", IntervalUnit),
        one_of("billing", BillingMode),
        CheckConstraint("interval_count >= 1", name="interval_count"),
        CheckConstraint("(interval_unit IS NULL) = (interval_count IS NULL)", name="interval"),
        CheckConstraint(
            "1 <= minimum_quantity AND minimum_quantity <= maximum_quantity", name="quantity"
        ),
        CheckConstraint("quantity_step >= 1", name="quantity_step"),
        index("prices", "product_id"),
    )

    id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    product_id: str
    currency: str = Field(sa_type=CURRENCY)
    model: dict[str, object] = Field(sa_type=DOCUMENT)
    """A `billing.price_model.PriceModel`; its amounts are decimals in text, exact to the digit."""
    minimum_amount_minor: int | None = Field(sa_type=MINOR_UNITS)
    maximum_amount_minor: int | None = Field(sa_type=MINOR_UNITS)
    interval_unit: str | None
    """None, as its count, where it is sold once."""
    interval_count: int | None
    billing: str = Field(sa_column_kwargs={"server_default": text("'in_advance'")})
    unit_name: str
    tax_inclusive: bool = Field(sa_column_kwargs={"server_default": text("false")})
    minimum_quantity: int
    maximum_quantity: int
    quantity_step: int = Field(sa_column_kwargs={"server_default": _ONE})
    currency_options: dict[str, object] = Field(
        sa_type=DOCUMENT, sa_column_kwargs={"server_default": text("'{}'::jsonb")}
    )
    """A `billing.currency_option.CurrencyOption` for each other currency."""
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


products = table_of(ProductRow)
prices = table_of(PriceRow)
