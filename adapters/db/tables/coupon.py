"""Coupons and who has redeemed them (policy P3)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import INSTANT, NOW, Row, index, references, table_of


class CouponRow(Row, table=True):
    """One coupon that a version of the catalog has; its terms are in that version."""

    __tablename__ = "coupons"
    __table_args__ = (CheckConstraint("redemptions >= 0", name="redemptions"),)

    id: str = Field(primary_key=True)
    redemptions: int = Field(sa_column_kwargs={"server_default": text("0")})
    """How many subscriptions hold it: the rows of `coupon_redemptions`."""
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


class CouponRedemptionRow(Row, table=True):
    """That a subscription holds a coupon. No foreign key: it does before it is recorded itself."""

    __tablename__ = "coupon_redemptions"
    __table_args__ = (
        references("coupon_id", "coupons.id"),
        index("coupon_redemptions", "subscription_id"),
    )

    coupon_id: str = Field(primary_key=True)
    subscription_id: str = Field(primary_key=True)
    redeemed_at: datetime = Field(sa_type=INSTANT)
    recorded_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


coupons = table_of(CouponRow)
coupon_redemptions = table_of(CouponRedemptionRow)
