"""The table of tax rates, and where the seller is established (policy P4)."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from adapters.db.tables.schema import COUNTRY, INSTANT, PERCENT, Row, index, table_of

ISSUER = "default"
"""There is one issuing entity."""


class TaxSellerRow(Row, table=True):
    """The country that decides where the charge is reversed."""

    __tablename__ = "tax_sellers"

    issuer: str = Field(primary_key=True)
    country: str = Field(sa_type=COUNTRY)


class TaxRateRow(Row, table=True):
    """One row of the table loaded last; invoices keep the rates that they were made with."""

    __tablename__ = "tax_rates"
    __table_args__ = (
        CheckConstraint("0 <= rate AND rate <= 100", name="rate"),
        index("tax_rates", "country"),
        Index(
            "tax_rates_place_key",
            "country",
            "region",
            "category",
            "effective_from",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    country: str = Field(sa_type=COUNTRY)
    region: str | None
    category: str | None
    name: str
    rate: Decimal = Field(sa_type=PERCENT)
    effective_from: datetime = Field(sa_type=INSTANT)


tax_sellers = table_of(TaxSellerRow)
tax_rates = table_of(TaxRateRow)
