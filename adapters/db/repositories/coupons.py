"""Redemptions of coupons: taken and given back (policy P3).

Owns how often each coupon is held. Does not own its terms, which are those of the catalog in force
(`adapters.db.queries.coupons`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import coupons as queries
from adapters.db.tables.coupon import coupon_redemptions, coupons
from adapters.db.tables.subscription import subscriptions
from billing.discount import Coupon, check_redeemable
from billing.errors import Conflict, InvalidInput

_STARTS_WITHIN: Final = timedelta(days=1)
"""A redemption whose subscription is not recorded by then was taken for a start that failed."""

# Whoever redeems the same coupon at the same time waits here, and sees what the first has taken.
_LOCK: Final = select(coupons.c.id).where(coupons.c.id == bindparam("coupon_id")).with_for_update()
_HELD: Final = select(coupon_redemptions.c.coupon_id).where(
    coupon_redemptions.c.coupon_id == bindparam("coupon_id"),
    coupon_redemptions.c.subscription_id == bindparam("subscription_id"),
)
_FREE_THE_STALE: Final = (
    delete(coupon_redemptions)
    .where(
        coupon_redemptions.c.coupon_id == bindparam("coupon_id"),
        coupon_redemptions.c.recorded_at < func.now() - _STARTS_WITHIN,
        ~select(subscriptions.c.id)
        .where(subscriptions.c.id == coupon_redemptions.c.subscription_id)
        .exists(),
    )
    .returning(coupon_redemptions.c.subscription_id)
)


class SqlCoupons:
    """Implements `billing.ports.storage.Coupons`, with what publishing a catalog writes."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def redeem(
        self,
        coupon_id: str,
        *,
        subscription_id: str,
        product_ids: Collection[str],
        currency: str,
        at: datetime,
    ) -> Coupon:
        """Takes one redemption of the coupon, once per subscription.

        Raises `InvalidInput` (`coupon_not_found`, `coupon_not_applicable`) and `Conflict`
        (`coupon_expired`, `coupon_exhausted`).
        """
        await self._connection.execute(_LOCK, {"coupon_id": coupon_id})
        found = await queries.get(self._connection, coupon_id, now=at)
        if found is None:
            raise InvalidInput("coupon_not_found", f"no coupon {coupon_id} can be redeemed")
        place = {"coupon_id": coupon_id, "subscription_id": subscription_id}
        if await self._connection.scalar(_HELD, place) is not None:
            return found.coupon
        check_redeemable(found.coupon, product_ids=product_ids, currency=currency, at=at)
        await self._check_limit(found)
        await self._connection.execute(insert(coupon_redemptions).values(**place, redeemed_at=at))
        await self._count(coupon_id, 1)
        return found.coupon

    async def release(self, subscription_id: str) -> None:
        """Gives back what a subscription holds that never went live."""
        given = await self._connection.execute(
            delete(coupon_redemptions)
            .where(coupon_redemptions.c.subscription_id == subscription_id)
            .returning(coupon_redemptions.c.coupon_id)
        )
        for coupon_id in sorted(given.scalars()):
            await self._count(coupon_id, -1)

    async def know(self, wanted: Sequence[Coupon]) -> None:
        """From now on these are counted; whether one can be redeemed, the catalog says."""
        if wanted:
            await self._connection.execute(
                insert(coupons).on_conflict_do_nothing(),
                [{"id": coupon.id} for coupon in wanted],
            )

    async def _check_limit(self, found: queries.CouponOnSale) -> None:
        """Raises `Conflict` (`coupon_exhausted`) where nothing can be freed either."""
        coupon, limit = found.coupon, found.coupon.redemption_limit
        if limit is None or found.redemptions < limit:
            return
        freed = await self._connection.execute(_FREE_THE_STALE, {"coupon_id": coupon.id})
        count = len(freed.all())
        if found.redemptions - count >= limit:
            raise Conflict(
                "coupon_exhausted", f"the coupon {coupon.id} was redeemed as often as it can be"
            )
        await self._count(coupon.id, -count)

    async def _count(self, coupon_id: str, more: int) -> None:
        await self._connection.execute(
            update(coupons)
            .where(coupons.c.id == coupon_id)
            .values(redemptions=coupons.c.redemptions + more)
        )
