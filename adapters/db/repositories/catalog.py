"""The catalog, stored: its versions, and every price version ever published (policy P33)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_leave
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import catalog_versions as queries
from adapters.db.repositories.audit import SqlAuditLog
from adapters.db.repositories.coupons import SqlCoupons
from adapters.db.tables.catalog import prices, products
from adapters.db.tables.catalog_version import catalog_prices, catalog_products, catalog_versions
from adapters.db.tables.entitlement import features
from billing.actor import Actor, ActorKind
from billing.catalog import Catalog
from billing.catalog_change import Published, Refusal, refusals
from billing.catalog_version import CatalogVersion, content_digest
from billing.entitlement import described
from billing.errors import Conflict, InvalidInput, NotFound
from billing.price import Price

# Those that publish do it one after the other; readers are not held up.
_ONE_AT_A_TIME: Final = text("LOCK TABLE catalog_versions IN SHARE ROW EXCLUSIVE MODE")

_SYSTEM: Final = Actor(kind=ActorKind.SYSTEM, id="perennial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A catalog to publish, by whom, why, and from when."""

    catalog: Catalog
    actor: Actor
    now: datetime
    files: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    effective_at: datetime | None = None
    """None: at once."""
    based_on: int | None = None
    """The version that its author has seen last; None where there was none."""


class SqlCatalog:
    """Publishes catalogs."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def publish(self, publication: Publication) -> CatalogVersion:
        """The new version; or the present one where it sells the same from the same instant.

        Raises `Conflict` (`catalog_changed`) where another version was published since `based_on`,
        (`catalog_version_scheduled`) where a later one is waiting, (`price_version_immutable`,
        `product_family_immutable`, `feature_immutable`) for changes of what was sold, and
        `InvalidInput` (`effective_at_passed`). Nothing is changed then.
        """
        await self._connection.execute(_ONE_AT_A_TIME)
        head = await queries.head(self._connection)
        digest = content_digest(publication.catalog)
        if head is not None and _is_same(head, digest, publication):
            return head
        if (None if head is None else head.number) != publication.based_on:
            raise Conflict(
                "catalog_changed",
                f"version {'none' if head is None else head.number} of the catalog is published,"
                f" not {publication.based_on or 'none'} as when this was planned: plan again",
                version=None if head is None else head.number,
            )
        effective_at = _effective_at(head, publication)
        if publication.effective_at is None:
            # The database's clock decides what is on sale: at once is by that clock.
            effective_at = min(effective_at, await self._database_now())
        published = await queries.published(self._connection)
        for refusal in refusals(publication.catalog, published):
            raise refused(refusal)
        version = CatalogVersion(
            number=await self._next_number(),
            digest=digest,
            actor=publication.actor,
            reason=publication.reason,
            published_at=publication.now,
            effective_at=effective_at,
        )
        await self._know_features(publication.catalog)
        await self._write(version, publication, published)
        await SqlCoupons(self._connection).know(publication.catalog.coupons)
        return version

    async def put_on_sale(self, catalog: Catalog) -> None:
        """Publishes the catalog on top of whatever is published, at once, in the system's name."""
        await self._connection.execute(_ONE_AT_A_TIME)
        head = await queries.head(self._connection)
        await self.publish(
            Publication(
                catalog=catalog,
                actor=_SYSTEM,
                now=await self._now_in_turn(),
                based_on=None if head is None else head.number,
            )
        )

    async def _know_features(self, catalog: Catalog) -> None:
        """What a feature is counted in is asked about in sold terms, and so never changes."""
        units = {
            entitlement.feature: entitlement.unit
            for product in catalog.products
            for entitlement in product.entitlements
        }
        if not units:
            return
        found = await self._connection.execute(select(features).where(features.c.id.in_(units)))
        known: dict[str, str | None] = {row.id: row.unit for row in found}
        for feature, unit in units.items():
            stored = known.get(feature, unit)
            if stored != unit:
                raise Conflict(
                    "feature_immutable",
                    f"the feature {feature} was sold as {described(stored)}, not as"
                    f" {described(unit)}: give it a new id",
                    feature=feature,
                )
        new = [{"id": feature, "unit": units[feature]} for feature in units.keys() - known.keys()]
        if new:
            await self._connection.execute(insert(features), new)

    async def withdraw(
        self, number: int, *, actor: Actor, reason: str | None, now: datetime
    ) -> CatalogVersion:
        """Takes a version back that is not in force yet; again, it changes nothing.

        Raises `NotFound` (`catalog_version_not_found`) and `Conflict` (`catalog_version_in_force`).
        """
        await self._connection.execute(_ONE_AT_A_TIME)
        version = await queries.get(self._connection, number)
        if version is None:
            raise NotFound("catalog_version_not_found", f"the catalog has no version {number}")
        if version.withdrawn_at is not None:
            return version
        if not version.is_scheduled(now):
            raise Conflict(
                "catalog_version_in_force",
                f"version {number} is in force since {version.effective_at:%Y-%m-%d %H:%M} UTC:"
                " publish another one instead",
            )
        await self._connection.execute(
            update(catalog_versions)
            .where(catalog_versions.c.number == number)
            .values(withdrawn_at=now, withdrawn_by_kind=actor.kind, withdrawn_by_id=actor.id)
        )
        await self._audit("catalog_withdraw", number, actor=actor, reason=reason, now=now)
        return version.model_copy(update={"withdrawn_at": now, "withdrawn_by": actor})

    async def _database_now(self) -> datetime:
        now: datetime = (await self._connection.execute(select(func.now()))).scalar_one()
        return now

    async def _now_in_turn(self) -> datetime:
        """After the wait for its turn: who waited began before the version that it now finds."""
        query = select(func.clock_timestamp())
        now: datetime = (await self._connection.execute(query)).scalar_one()
        return now

    async def _next_number(self) -> int:
        found = await queries.latest(self._connection, before=None, limit=1)
        return 1 + max((version.number for version in found), default=0)

    async def _write(
        self, version: CatalogVersion, publication: Publication, published: Published
    ) -> None:
        catalog, number = publication.catalog, version.number
        known = {(price.id, price.version) for price in published.prices}
        await self._connection.execute(
            insert(catalog_versions).values(
                number=number,
                digest=version.digest,
                files=dict(publication.files),
                sections=catalog.model_dump(mode="json", exclude=set(queries.RELATIONAL)),
                actor_kind=version.actor.kind,
                actor_id=version.actor.id,
                reason=version.reason,
                published_at=version.published_at,
                effective_at=version.effective_at,
            )
        )
        await self._insert(
            insert_or_leave(products).on_conflict_do_nothing(),
            [{"id": product.id, "family": product.family} for product in catalog.products],
        )
        await self._insert(
            insert(prices),
            [_price_columns(p) for p in catalog.prices if (p.id, p.version) not in known],
        )
        await self._insert(
            insert(catalog_products),
            [
                {
                    "catalog_number": number,
                    "product_id": product.id,
                    "document": product.model_dump(mode="json"),
                }
                for product in catalog.products
            ],
        )
        await self._insert(
            insert(catalog_prices),
            [
                {
                    "catalog_number": number,
                    "price_id": price.id,
                    "price_version": price.version,
                    "replaced_by": catalog.replacements.get(price.id),
                }
                for price in catalog.prices
            ],
        )
        await self._audit(
            "catalog_publish",
            number,
            actor=version.actor,
            reason=version.reason,
            now=publication.now,
        )

    async def _insert(self, statement: Any, rows: list[dict[str, Any]]) -> None:  # noqa: ANN401 - either dialect's insert
        if rows:
            await self._connection.execute(statement, rows)

    async def _audit(
        self, command: str, number: int, *, actor: Actor, reason: str | None, now: datetime
    ) -> None:
        await SqlAuditLog(self._connection).append(
            command_id=command,
            command=command,
            subject=f"catalog/{number}",
            actor=actor,
            reason=reason,
            at=now,
        )


def refused(refusal: Refusal) -> Conflict:
    """The refusal as an error."""
    return Conflict(refusal.code, refusal.message, kind=refusal.kind, id=refusal.id)


def _is_same(head: CatalogVersion, digest: str, publication: Publication) -> bool:
    """Whether the present version sells the same, from the instant that is asked for."""
    if head.digest != digest:
        return False
    is_in_force = not head.is_scheduled(publication.now)
    return is_in_force or head.effective_at == publication.effective_at


def _effective_at(head: CatalogVersion | None, publication: Publication) -> datetime:
    wanted, now = publication.effective_at, publication.now
    if wanted is not None and wanted <= now:
        raise InvalidInput(
            "effective_at_passed",
            f"{wanted:%Y-%m-%d %H:%M} UTC has passed: leave effective_at out to publish at once",
        )
    effective_at = now if wanted is None else wanted
    if head is not None and head.is_scheduled(now) and effective_at < head.effective_at:
        raise Conflict(
            "catalog_version_scheduled",
            f"version {head.number} comes into force at {head.effective_at:%Y-%m-%d %H:%M} UTC and"
            " would replace this one: withdraw it first, or publish from then on",
            version=head.number,
        )
    return effective_at


def _price_columns(price: Price) -> dict[str, Any]:
    return {
        "id": price.id,
        "version": price.version,
        "product_id": price.product_id,
        "currency": price.currency,
        "model": price.model.model_dump(mode="json"),
        "minimum_amount_minor": price.minimum_amount_minor,
        "maximum_amount_minor": price.maximum_amount_minor,
        "interval_unit": None if price.interval is None else price.interval.unit,
        "interval_count": None if price.interval is None else price.interval.count,
        "billing": price.billing,
        "unit_name": price.unit_name,
        "tax_inclusive": price.tax_inclusive,
        "minimum_quantity": price.minimum_quantity,
        "maximum_quantity": price.maximum_quantity,
        "quantity_step": price.quantity_step,
        "currency_options": price.model_dump(mode="json")["currency_options"],
    }
