"""Products and the immutable versions of their prices (policy P33)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import (
    CURRENCY,
    DOCUMENT,
    EMPTY,
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
from billing.catalog import WithoutPaymentMethod
from billing.interval import IntervalUnit

_TRUE = text("true")
_ONE = text("1")


class ProductRow(Row, table=True):
    """One product; `active` says whether the catalog loaded last has it."""

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("trial_days > 0", name="trial_days"),
        CheckConstraint(
            "(trial_days IS NULL) = (trial_without_payment_method IS NULL)", name="trial"
        ),
        one_of("trial_without_payment_method", WithoutPaymentMethod),
        CheckConstraint("jsonb_typeof(rules) = 'object'", name="rules"),
    )

    id: str = Field(primary_key=True)
    name: str
    family: str
    trial_days: int | None
    trial_without_payment_method: str | None
    rules: dict[str, object] = Field(sa_type=DOCUMENT, sa_column_kwargs={"server_default": EMPTY})
    """The product's other rules; those that are missing have the defaults of `Product`."""
    active: bool = Field(sa_column_kwargs={"server_default": _TRUE})
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


class PriceRow(Row, table=True):
    """One version of a price; nothing but `active` ever changes."""

    __tablename__ = "prices"
    __table_args__ = (
        references("product_id", "products.id"),
        currency_code(),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("model ? 'kind'", name="model"),
        CheckConstraint(
            "0 < minimum_amount_minor AND minimum_amount_minor <= maximum_amount_minor",
            name="amounts",
        ),
        one_of("interval_unit", IntervalUnit),
        CheckConstraint("interval_count >= 1", name="interval_count"),
        CheckConstraint(
            "1 <= minimum_quantity AND minimum_quantity <= maximum_quantity", name="quantity"
        ),
        CheckConstraint("quantity_step >= 1", name="quantity_step"),
        index("prices", "product_id"),
        index("prices", "id", unique=True, where="active", name="prices_active_id_key"),
    )

    id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    product_id: str
    currency: str = Field(sa_type=CURRENCY)
    model: dict[str, object] = Field(sa_type=DOCUMENT)
    """A `billing.price_model.PriceModel`; its amounts are decimals in text, exact to the digit."""
    minimum_amount_minor: int | None = Field(sa_type=MINOR_UNITS)
    maximum_amount_minor: int | None = Field(sa_type=MINOR_UNITS)
    interval_unit: str
    interval_count: int
    unit_name: str
    minimum_quantity: int
    maximum_quantity: int
    quantity_step: int = Field(sa_column_kwargs={"server_default": _ONE})
    active: bool = Field(sa_column_kwargs={"server_default": _TRUE})
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


products = table_of(ProductRow)
prices = table_of(PriceRow)
