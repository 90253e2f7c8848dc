"""The stored catalog: the same again is nothing, a sold version never changes."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.catalog_file import read_catalog
from adapters.db.engine import Transactions, reading
from adapters.db.queries import audit
from adapters.db.queries import catalog as queries
from adapters.db.queries import catalog_versions as versions
from adapters.db.repositories.catalog import Publication
from adapters.db.tables.catalog import prices, products
from adapters.db.tables.catalog_version import catalog_prices, catalog_products, catalog_versions
from billing.actor import Actor, ActorKind
from billing.catalog import (
    AnchorKind,
    Catalog,
    DisputeLost,
    PauseMode,
    PausePolicy,
    Product,
    ProrationMode,
    Trial,
    WithoutPaymentMethod,
)
from billing.catalog_version import CatalogVersion, VersionStatus
from billing.dunning import DunningLadder, DunningPolicy, FinalAction, RetryLimit
from billing.errors import Conflict, InvalidInput, NotFound
from billing.price import Price
from billing.price_model import PerUnit
from billing.pricing import price_of

_EXAMPLE = read_catalog(Path(__file__).parents[4] / "examples" / "catalog.yaml")


def _with(price: Price) -> Catalog:
    others = tuple(other for other in _EXAMPLE.prices if other.id != price.id)
    return _EXAMPLE.model_copy(update={"prices": (*others, price)})


async def _rows(engine: AsyncEngine) -> list[tuple[object, ...]]:
    async with reading(engine) as connection:
        return [
            tuple(row)
            for table in (products, prices, catalog_versions, catalog_products, catalog_prices)
            for row in await connection.execute(
                select(text("xmin"), table).order_by(*table.primary_key)
            )
        ]


async def _put(transaction: Transactions, catalog: Catalog) -> None:
    async with transaction() as tx:
        await tx.catalog.put_on_sale(catalog)


async def test_what_is_put_on_sale_is_read_as_it_was(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _put(transaction, _EXAMPLE)
    async with reading(engine) as connection:
        sold = await queries.products_on_sale(connection)
        at = await queries.prices_on_sale(connection)
        of_team = await queries.prices_on_sale(connection, product_id="team")
        offer = await queries.offer(connection, "team_monthly")
        assert await queries.offer(connection, "unknown") is None
    wanted = [each for each in _EXAMPLE.prices if each.id not in _EXAMPLE.replacements]
    products_sold = {each.product_id for each in wanted}
    assert sorted(sold, key=str) == sorted(
        (each for each in _EXAMPLE.products if each.id in products_sold), key=str
    )
    assert {each.id for each in _EXAMPLE.products} - products_sold == {"team_2024", "team_2020"}
    assert sorted(at, key=str) == sorted(wanted, key=str)
    assert [price.id for price in of_team] == ["team_annual", "team_monthly"]
    assert offer is not None
    assert (offer.product.id, offer.price.smallest_amounts) == ("team", (Fraction(1600),))


async def test_the_same_catalog_again_writes_nothing(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _put(transaction, _EXAMPLE)
    before = await _rows(engine)
    await _put(transaction, _EXAMPLE)
    assert await _rows(engine) == before


async def test_a_sold_version_cannot_be_sold_at_other_terms(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _put(transaction, _EXAMPLE)
    before = await _rows(engine)
    dearer = _EXAMPLE.prices[0].model_copy(
        update={"model": PerUnit(unit_amount_minor=Decimal(1200))}
    )
    with pytest.raises(Conflict, match="write version: 2") as refused:
        await _put(transaction, _with(dearer))
    assert refused.value.code == "price_version_immutable"
    assert await _rows(engine) == before
    cheaper = text("UPDATE prices SET model = jsonb_set(model, '{kind}', '\"flat\"')")
    with pytest.raises(DBAPIError, match="is immutable"):
        async with engine.begin() as connection:
            await connection.execute(cheaper)


async def test_a_new_version_is_sold_and_the_old_one_runs_on(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _put(transaction, _EXAMPLE)
    old = next(price for price in _EXAMPLE.prices if price.id == "pro_monthly")
    new = old.model_copy(
        update={"version": 2, "model": PerUnit(unit_amount_minor=Decimal("1200.5"))}
    )
    await _put(transaction, _with(new))
    async with reading(engine) as connection:
        offer = await queries.offer(connection, old.id)
    assert offer is not None
    assert offer.price == new
    async with transaction() as tx:
        assert (await tx.prices.version_offered(old.id, 1)).price == old
    await _put(transaction, _EXAMPLE)
    async with reading(engine) as connection:
        again = await queries.offer(connection, old.id)
    assert again is not None
    assert again.price == old


async def test_the_rules_of_a_product_may_change_at_any_time(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _put(transaction, _EXAMPLE)
    team = next(product for product in _EXAMPLE.products if product.id == "team")
    changed = Product(
        id="team",
        name="Team",
        family="plan",
        trial=Trial(days=30, without_payment_method=WithoutPaymentMethod.INVOICE),
        proration=ProrationMode.DAY_INCLUSIVE,
        anchor=AnchorKind.CALENDAR,
        pause=PausePolicy(mode=PauseMode.VOID, max_days=14),
        shorter_interval=True,
        free_fallback="personal_free",
        dispute_lost=DisputeLost.KEEP,
        dunning=DunningPolicy(
            ladder=DunningLadder(retry_days=(1,), final_action=FinalAction.UNPAID),
            segments={"students": DunningLadder(retry_limit=RetryLimit(attempts=3, days=9))},
        ),
    )
    for rules in (changed, team):
        others = tuple(product for product in _EXAMPLE.products if product.id != "team")
        await _put(transaction, _EXAMPLE.model_copy(update={"products": (*others, rules)}))
        async with reading(engine) as connection:
            sold = {each.id: each for each in await queries.products_on_sale(connection)}
        assert sold["team"] == rules


async def test_what_the_catalog_no_longer_has_is_no_longer_sold(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _put(transaction, _EXAMPLE)
    smaller = Catalog(
        products=tuple(p for p in _EXAMPLE.products if p.id != "team"),
        prices=tuple(p for p in _EXAMPLE.prices if p.product_id != "team"),
    )
    await _put(transaction, smaller)
    async with reading(engine) as connection:
        assert await queries.offer(connection, "team_monthly") is None
        assert "team" not in {p.id for p in await queries.products_on_sale(connection)}
    async with transaction() as tx:
        assert (await tx.prices.version_offered("team_monthly", 1)).price.id == "team_monthly"


async def test_a_product_stays_in_its_family(transaction: Transactions) -> None:
    await _put(transaction, _EXAMPLE)
    moved = tuple(p.model_copy(update={"family": "other"}) for p in _EXAMPLE.products)
    with pytest.raises(Conflict) as refused:
        await _put(transaction, _EXAMPLE.model_copy(update={"products": moved}))
    assert refused.value.code == "product_family_immutable"


async def test_processes_that_start_together_store_the_catalog_once(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await asyncio.gather(*(_put(transaction, _EXAMPLE) for _ in range(8)))
    async with reading(engine) as connection:
        sold = await queries.prices_on_sale(connection)
    assert len(sold) == len(_EXAMPLE.prices) - len(_EXAMPLE.replacements)


_ADA = Actor(kind=ActorKind.OPERATOR, id="ada")
_BOB = Actor(kind=ActorKind.OPERATOR, id="bob")
_NOW = datetime(2030, 1, 1, tzinfo=UTC)
_LATER = datetime(2030, 2, 1, tzinfo=UTC)


def _dearer(amount: int = 1200, version: int = 2) -> Catalog:
    old = next(price for price in _EXAMPLE.prices if price.id == "pro_monthly")
    return _with(
        old.model_copy(
            update={"version": version, "model": PerUnit(unit_amount_minor=Decimal(amount))}
        )
    )


def _publication(
    catalog: Catalog, *, based_on: int | None, effective_at: datetime | None = None
) -> Publication:
    return Publication(
        catalog=catalog,
        actor=_ADA,
        now=_NOW,
        reason="a test",
        files={"catalog.yaml": "products: []"},
        based_on=based_on,
        effective_at=effective_at,
    )


async def _publish(transaction: Transactions, publication: Publication) -> CatalogVersion:
    async with transaction() as tx:
        return await tx.catalog.publish(publication)


async def _pro(engine: AsyncEngine, now: datetime) -> int | None:
    async with reading(engine) as connection:
        offer = await queries.offer(connection, "pro_monthly", now=now)
    return None if offer is None else price_of(offer.price, 1).amount_minor


async def test_a_scheduled_version_is_on_sale_from_its_instant(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _put(transaction, _EXAMPLE)
    await _publish(transaction, _publication(_dearer(), based_on=1, effective_at=_LATER))
    assert await _pro(engine, _LATER - timedelta(microseconds=1)) == 1100
    assert await _pro(engine, _LATER) == 1200
    async with reading(engine) as connection:
        head = await versions.head(connection)
        in_force = await versions.in_force(connection, _NOW)
        assert head is not None
        assert versions.status_of(head, in_force=in_force, now=_NOW) is VersionStatus.SCHEDULED
        assert await versions.catalog_of(connection, head.number) == _sorted(_dearer())
        assert await versions.files_of(connection, head.number) == {"catalog.yaml": "products: []"}


async def test_a_scheduled_version_can_be_withdrawn_and_one_in_force_cannot(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _put(transaction, _EXAMPLE)
    await _publish(transaction, _publication(_dearer(), based_on=1, effective_at=_LATER))
    for _ in range(2):
        async with transaction() as tx:
            gone = await tx.catalog.withdraw(2, actor=_BOB, reason="a mistake", now=_NOW)
        assert (gone.withdrawn_at, gone.withdrawn_by) == (_NOW, _BOB)
    assert await _pro(engine, _LATER) == 1100
    async with transaction() as tx:
        with pytest.raises(Conflict, match="is in force since"):
            await tx.catalog.withdraw(1, actor=_BOB, reason=None, now=_NOW)
        with pytest.raises(NotFound):
            await tx.catalog.withdraw(9, actor=_BOB, reason=None, now=_NOW)
        logged = await audit.of_subject(tx.connection, "catalog/2", limit=10)
    assert sorted((each.command, each.actor.id, each.reason) for each in logged) == [
        ("catalog_publish", "ada", "a test"),
        ("catalog_withdraw", "bob", "a mistake"),
    ]
    again = await _publish(transaction, _publication(_dearer(), based_on=1))
    assert again.number == 3


async def test_versions_come_into_force_in_the_order_of_their_numbers(
    transaction: Transactions,
) -> None:
    await _put(transaction, _EXAMPLE)
    await _publish(transaction, _publication(_dearer(), based_on=1, effective_at=_LATER))
    with pytest.raises(Conflict, match="withdraw it first") as refused:
        await _publish(transaction, _publication(_dearer(1300, 3), based_on=2))
    assert refused.value.code == "catalog_version_scheduled"
    with pytest.raises(InvalidInput, match="has passed"):
        await _publish(transaction, _publication(_dearer(1300, 3), based_on=2, effective_at=_NOW))


async def test_of_two_who_publish_at_once_one_wins_and_the_other_is_told(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    await _put(transaction, _EXAMPLE)
    came = await asyncio.gather(
        *(
            _publish(transaction, _publication(_dearer(amount), based_on=1))
            for amount in (1200, 1300)
        ),
        return_exceptions=True,
    )
    [told] = [each for each in came if isinstance(each, Conflict)]
    [won] = [each for each in came if isinstance(each, CatalogVersion)]
    assert told.code == "catalog_changed"
    assert won.number == 2
    async with reading(engine) as connection:
        assert [v.number for v in await versions.latest(connection, before=None, limit=9)] == [2, 1]


async def test_the_same_published_twice_at_once_is_one_version(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    came = await asyncio.gather(
        *(_publish(transaction, _publication(_EXAMPLE, based_on=None)) for _ in range(4))
    )
    assert {version.number for version in came} == {1}
    async with reading(engine) as connection:
        assert len(await versions.latest(connection, before=None, limit=9)) == 1


async def test_what_is_replaced_is_not_sold_and_stays_in_the_catalog(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    replacements = {**_EXAMPLE.replacements, "pro_monthly": "personal_free"}
    replaced = _EXAMPLE.model_copy(update={"replacements": replacements})
    await _put(transaction, replaced)
    assert await _pro(engine, _NOW) is None
    async with reading(engine) as connection:
        assert await versions.catalog_of(connection, 1) == _sorted(replaced)


async def test_a_version_is_never_changed(transaction: Transactions, engine: AsyncEngine) -> None:
    await _put(transaction, _EXAMPLE)
    for statement in (
        "UPDATE catalog_versions SET reason = 'another'",
        "UPDATE catalog_prices SET replaced_by = 'x'",
        "DELETE FROM catalog_products",
        "DELETE FROM catalog_versions",
    ):
        with pytest.raises(DBAPIError, match=r"append-only|only be withdrawn"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))


def _sorted(catalog: Catalog) -> Catalog:
    return catalog.model_copy(
        update={
            "products": tuple(sorted(catalog.products, key=lambda each: each.id)),
            "prices": tuple(sorted(catalog.prices, key=lambda each: each.id)),
        }
    )
