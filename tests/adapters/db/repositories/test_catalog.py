"""The stored catalog: the same again is nothing, a sold version never changes."""

import asyncio
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.catalog_file import read_catalog
from adapters.db.engine import Transactions, reading
from adapters.db.queries import catalog as queries
from adapters.db.tables.catalog import prices, products
from billing.catalog import (
    AnchorKind,
    Catalog,
    DisputeLost,
    PauseMode,
    PausePolicy,
    Price,
    Product,
    ProrationMode,
    Trial,
    WithoutPaymentMethod,
)
from billing.dunning import DunningLadder, DunningPolicy, FinalAction, RetryLimit
from billing.errors import Conflict
from billing.price_model import PerUnit

_EXAMPLE = read_catalog(Path(__file__).parents[4] / "examples" / "catalog.yaml")


def _with(price: Price) -> Catalog:
    others = tuple(other for other in _EXAMPLE.prices if other.id != price.id)
    return _EXAMPLE.model_copy(update={"prices": (*others, price)})


async def _rows(engine: AsyncEngine) -> list[tuple[object, ...]]:
    async with reading(engine) as connection:
        return [
            tuple(row)
            for table in (products, prices)
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
    assert sorted(sold, key=str) == sorted(_EXAMPLE.products, key=str)
    assert sorted(at, key=str) == sorted(_EXAMPLE.prices, key=str)
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
        assert await tx.prices.get(old.id, 1) == old
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
            assert await queries.product(connection, "team") == rules


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
        assert await queries.product(connection, "team") is not None


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
        assert len(await queries.prices_on_sale(connection)) == len(_EXAMPLE.prices)
