"""What customers may do, written with what it follows from.

One row per source and feature, replaced in the transaction that changes the source: what a
subscription gives cannot disagree with its recorded state. Whoever changes a customer's rows takes
the customer's lock of entitlements last of all locks, so that every event tells what really changed
and nobody waits in a circle.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.appended import Appended
from adapters.db.tables.customer import customers
from adapters.db.tables.entitlement import (
    EntitlementSource,
    entitlement_grants,
    entitlements,
    features,
)
from adapters.db.tables.test_clock import test_clocks
from billing.actor import Actor
from billing.entitlement import Entitlement, changes, combined
from billing.errors import Conflict, InvalidInput, NotFound
from billing.event import DomainEvent
from billing.ids import effect_key
from billing.subscription import SubscriptionState
from billing.value import Instant, Value

EVENT: Final = "entitlements.changed"

_PRESENT: Final = select(func.now())
_LOCK: Final = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('entitlements:' || :customer_id, 0))"
)
_GIVEN: Final = select(entitlements.c.entitlement).where(
    entitlements.c.customer_id == bindparam("customer_id"),
    entitlements.c.until.is_(None)
    | (entitlements.c.until > bindparam("at"))
    | (entitlements.c.source_id == bindparam("ending_id")),
)
_REMOVE: Final = delete(entitlements).where(
    entitlements.c.customer_id == bindparam("owner_id"),
    entitlements.c.source_id == bindparam("replaced_id"),
)
_INSERT: Final = insert(entitlements).values(
    {
        name: bindparam(name)
        for name in ("customer_id", "source_id", "feature", "source", "entitlement", "until")
    }
)


class Grant(Value):
    """What an operator gives a customer beyond what they bought."""

    id: str
    customer_id: str
    entitlement: Entitlement
    until: Instant | None
    reason: str
    actor: Actor
    created_at: Instant
    ended_at: Instant | None = None


class SqlEntitlements:
    """Keeps what every source gives, and tells what changed."""

    def __init__(self, connection: AsyncConnection, appended: Appended) -> None:
        self._connection = connection
        self._appended = appended

    async def unit_of(self, feature: str) -> str | None:
        """What the feature is counted in; None where it is on or off.

        Raises `InvalidInput` (`feature_not_found`).
        """
        found = await self._connection.execute(
            select(features.c.unit).where(features.c.id == feature)
        )
        row = found.one_or_none()
        if row is None:
            raise InvalidInput("feature_not_found", f"no product was ever sold with {feature!r}")
        unit: str | None = row.unit
        return unit

    async def follow(self, state: SubscriptionState) -> None:
        """The customer has what the stored state of a subscription gives, and nothing else of it.

        A state does not say when it was reached: on a test clock that is where the clock stands for
        it, else the present of the database.
        """
        at = state.clock.frozen_at
        if at is None:
            at = (await self._connection.execute(_PRESENT)).scalar_one()
        await self._replace(
            state.customer_id,
            state.subscription_id,
            EntitlementSource.SUBSCRIPTION,
            state.entitlements,
            at=at,
            key=effect_key(EVENT, state.subscription_id, state.revision),
        )

    async def grant(self, grant: Grant) -> None:
        """Once per id."""
        stored = await self._connection.execute(
            insert(entitlement_grants).values(_columns(grant)).on_conflict_do_nothing()
        )
        if not stored.rowcount:
            return
        await self._replace(
            grant.customer_id,
            grant.id,
            EntitlementSource.GRANT,
            (grant.entitlement,),
            at=grant.created_at,
            until=grant.until,
            key=effect_key(EVENT, grant.id, "granted"),
        )

    async def end_grant(self, customer_id: str, grant_id: str, *, at: datetime) -> None:
        """It gives nothing from `at` on.

        Raises `NotFound` (`grant_not_found`) and `Conflict` (`grant_ended`).
        """
        ended = await self._connection.execute(
            update(entitlement_grants)
            .where(
                entitlement_grants.c.id == grant_id,
                entitlement_grants.c.customer_id == customer_id,
                entitlement_grants.c.ended_at.is_(None),
            )
            .values(ended_at=func.least(at, entitlement_grants.c.until))
            .returning(entitlement_grants.c.until)
        )
        row = ended.one_or_none()
        if row is None:
            await self._refuse_ending(customer_id, grant_id)
            return
        await self._replace(
            customer_id,
            grant_id,
            EntitlementSource.GRANT,
            (),
            at=at if row.until is None else min(at, row.until),
            key=effect_key(EVENT, grant_id, "ended"),
        )

    async def end_expired_grants(self, *, limit: int) -> int:
        """Tells of up to `limit` grants whose time has passed on their customers' clocks; how many.

        They give nothing since then, told or not.
        """
        present = func.coalesce(test_clocks.c.frozen_at, func.now())
        expired = await self._connection.execute(
            select(
                entitlement_grants.c.id,
                entitlement_grants.c.customer_id,
                entitlement_grants.c.until,
            )
            .join(customers, customers.c.id == entitlement_grants.c.customer_id)
            .outerjoin(test_clocks, test_clocks.c.id == customers.c.test_clock_id)
            .where(entitlement_grants.c.ended_at.is_(None), entitlement_grants.c.until <= present)
            .order_by(entitlement_grants.c.until, entitlement_grants.c.id)
            .limit(limit)
            .with_for_update(of=entitlement_grants, skip_locked=True)
        )
        rows = expired.all()
        for row in rows:
            await self.end_grant(row.customer_id, row.id, at=row.until)
        return len(rows)

    async def _refuse_ending(self, customer_id: str, grant_id: str) -> None:
        found = await self._connection.scalar(
            select(entitlement_grants.c.ended_at).where(
                entitlement_grants.c.id == grant_id,
                entitlement_grants.c.customer_id == customer_id,
            )
        )
        if found is None:
            raise NotFound("grant_not_found", f"no grant {grant_id} of this customer")
        raise Conflict("grant_ended", f"the grant ended on {found:%Y-%m-%d}")

    async def _replace(
        self,
        customer_id: str,
        source_id: str,
        source: EntitlementSource,
        given: tuple[Entitlement, ...],
        *,
        at: datetime,
        key: str,
        until: datetime | None = None,
    ) -> None:
        await self._connection.execute(_LOCK, {"customer_id": customer_id})
        before = await self._given(customer_id, at=at, ending_id=source_id)
        await self._connection.execute(_REMOVE, {"owner_id": customer_id, "replaced_id": source_id})
        if given:
            await self._connection.execute(
                _INSERT,
                [
                    {
                        "customer_id": customer_id,
                        "source_id": source_id,
                        "feature": entitlement.feature,
                        "source": source,
                        "entitlement": entitlement,
                        "until": until,
                    }
                    for entitlement in given
                ],
            )
        after = await self._given(customer_id, at=at)
        details = changes(before, after)
        if details:
            self._appended.tell(
                DomainEvent(
                    key=key,
                    type=EVENT,
                    at=at,
                    customer_id=customer_id,
                    subscription_id=(
                        source_id if source is EntitlementSource.SUBSCRIPTION else None
                    ),
                    details={"source": source_id, **details},
                )
            )

    async def _given(
        self, customer_id: str, *, at: datetime, ending_id: str | None = None
    ) -> tuple[Entitlement, ...]:
        """All that the customer has at an instant, and what the source has that ends with it."""
        found = await self._connection.scalars(
            _GIVEN, {"customer_id": customer_id, "at": at, "ending_id": ending_id}
        )
        return combined(Entitlement.model_validate(given) for given in found)


def _columns(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "customer_id": grant.customer_id,
        "feature": grant.entitlement.feature,
        "entitlement": grant.entitlement,
        "until": grant.until,
        "reason": grant.reason,
        "actor_kind": grant.actor.kind,
        "actor_id": grant.actor.id,
        "created_at": grant.created_at,
        "ended_at": grant.ended_at,
    }
