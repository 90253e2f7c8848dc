"""What is printed on later invoices: the seller, and texts of theirs and of customers."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from adapters.db.tables.schema import INSTANT, NOW, Row, table_of


class SellerRow(Row, table=True):
    """The issuing entity as documents name it; one row per issuer."""

    __tablename__ = "sellers"

    issuer: str = Field(primary_key=True)
    name: str | None
    address: str | None
    tax_id: str | None
    changed_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


class InvoiceSettingsRow(Row, table=True):
    """Texts of one customer, of one subscription, or of a seller, by its issuer's name."""

    __tablename__ = "invoice_settings"
    __table_args__ = (
        CheckConstraint(
            "memo IS NOT NULL OR purchase_order IS NOT NULL OR footer IS NOT NULL", name="said"
        ),
    )

    subject: str = Field(primary_key=True)
    memo: str | None
    purchase_order: str | None
    footer: str | None
    changed_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


sellers = table_of(SellerRow)
invoice_settings = table_of(InvoiceSettingsRow)
