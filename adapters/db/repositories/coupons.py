"""Coupons: put on sale, redeemed and given back (policy P3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.coupon import coupon_redemptions, coupons
from billing.discount import Coupon, check_redeemable
from billing.errors import Conflict, InvalidInput

# Whoever redeems the same coupon at the same time waits here, and sees what the first has taken.
_LOCK: Final = (
    select(coupons.c.terms, coupons.c.redemptions)
    .where(coupons.c.id == bindparam("coupon_id"), coupons.c.active)
    .with_for_update()
)


class SqlCoupons:
    """Implements `billing.ports.storage.Coupons`, with what loading a catalog writes."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def redeem(
        self,
        coupon_id: str,
        *,
        subscription_id: str,
        product_id: str,
        currency: str,
        at: datetime,
    ) -> Coupon:
        """Takes one redemption of the coupon, once per subscription.

        Raises `InvalidInput` (`coupon_not_found`, `coupon_not_applicable`) and `Conflict`
        (`coupon_expired`, `coupon_exhausted`).
        """
        row = (await self._connection.execute(_LOCK, {"coupon_id": coupon_id})).one_or_none()
        if row is None:
            raise InvalidInput("coupon_not_found", f"no coupon {coupon_id} can be redeemed")
        coupon = Coupon.model_validate(row.terms)
        held = await self._connection.scalar(
            select(coupon_redemptions.c.coupon_id).where(
                coupon_redemptions.c.coupon_id == coupon_id,
                coupon_redemptions.c.subscription_id == subscription_id,
            )
        )
        if held is not None:
            return coupon
        check_redeemable(coupon, product_id=product_id, currency=currency, at=at)
        if coupon.redemption_limit is not None and row.redemptions >= coupon.redemption_limit:
            raise Conflict(
                "coupon_exhausted", f"the coupon {coupon_id} was redeemed as often as it can be"
            )
        await self._connection.execute(
            insert(coupon_redemptions).values(
                coupon_id=coupon_id, subscription_id=subscription_id, redeemed_at=at
            )
        )
        await self._connection.execute(
            update(coupons)
            .where(coupons.c.id == coupon_id)
            .values(redemptions=coupons.c.redemptions + 1)
        )
        return coupon

    async def release(self, subscription_id: str) -> None:
        """Gives back what a subscription holds that never went live."""
        given = await self._connection.execute(
            delete(coupon_redemptions)
            .where(coupon_redemptions.c.subscription_id == subscription_id)
            .returning(coupon_redemptions.c.coupon_id)
        )
        for coupon_id in sorted(given.scalars()):
            await self._connection.execute(
                update(coupons)
                .where(coupons.c.id == coupon_id)
                .values(redemptions=coupons.c.redemptions - 1)
            )

    async def put_on_sale(self, wanted: Sequence[Coupon]) -> None:
        """Exactly these can be redeemed from now on; what was redeemed keeps its terms."""
        await self._connection.execute(
            update(coupons)
            .where(coupons.c.active, coupons.c.id.not_in([coupon.id for coupon in wanted]))
            .values(active=False)
        )
        for coupon in wanted:
            put = insert(coupons).values(
                id=coupon.id, terms=coupon.model_dump(mode="json"), active=True
            )
            await self._connection.execute(
                put.on_conflict_do_update(
                    index_elements=[coupons.c.id],
                    set_={"terms": put.excluded.terms, "active": True},
                    where=(coupons.c.terms != put.excluded.terms) | ~coupons.c.active,
                )
            )
