"""Statements that the driver runs alone mean what SQLAlchemy makes of them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Column, MetaData, String, Table, bindparam, insert, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import begun, reading, single_statements
from adapters.db.statement import Statement, Writable
from adapters.db.tables.customer import customers
from adapters.db.tables.schema import DOCUMENT
from adapters.db.tables.subscription import subscriptions
from billing.errors import InvalidInput
from tests.adapters.db.company import START, open_shop, subscribe, subscription

_ONE = select(customers).where(customers.c.id == bindparam("customer_id"))
_STATE = select(subscriptions.c.state, customers.c.id, subscriptions.c.id).join(
    customers, customers.c.id == subscriptions.c.customer_id
)
_LINEAGE = select(
    subscriptions.c.state["terms"], subscriptions.c.state["currency"].astext.label("c")
)
_BOTH = union_all(_ONE.with_only_columns(customers.c.id), select(subscriptions.c.id))
_TEXT = text("SELECT CAST(:document AS jsonb) AS document, :at AS at").bindparams(
    bindparam("document", type_=DOCUMENT), bindparam("at", type_=customers.c.created_at.type)
)
_RENAME = Statement(
    customers.update()
    .where(customers.c.email != bindparam("but"))
    .values(email=bindparam("new_email"))
)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=3)
    await subscribe(engine, subscription(1))


async def test_rows_are_those_of_sqlalchemy(engine: AsyncEngine) -> None:
    document = {"at": START.isoformat(), "parts": [1, None, "\u00e9"]}
    asked: tuple[tuple[Writable, dict[str, object]], ...] = (
        (_ONE, {"customer_id": "cus_1"}),
        (_ONE, {"customer_id": "cus_unknown"}),
        (_STATE, {}),
        (_LINEAGE, {}),
        (_BOTH, {"customer_id": "cus_1"}),
        (_TEXT, {"document": document, "at": START}),
    )
    async with reading(engine) as connection:
        for written, given in asked:
            known = (await connection.execute(written, given)).all()  # type: ignore[call-overload]  # each is executable
            found = await Statement(written).rows(connection, given)
            assert [row._asdict() for row in found] == [row._asdict() for row in known]
            assert [tuple(row) for row in found] == [tuple(row) for row in known]


async def test_what_is_written_is_counted(engine: AsyncEngine) -> None:
    given = {"but": "nobody", "new_email": "new@example.com"}
    async with begun(engine) as connection:
        assert await _RENAME.run(connection, given) == len(("cus_1", "cus_2", "cus_3"))
        assert await _RENAME.run(connection, given | {"but": "new@example.com"}) == 0


async def test_it_is_a_part_of_the_transaction(engine: AsyncEngine) -> None:
    given = {"but": "nobody", "new_email": "new@example.com"}

    async def fail() -> None:
        async with begun(engine) as connection:
            await _RENAME.run(connection, given)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with reading(engine) as connection:
        emails = list(await connection.scalars(select(customers.c.email)))
    assert "new@example.com" not in emails


async def test_a_transaction_of_sqlalchemys_is_refused(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        with pytest.raises(TypeError, match="not one of"):
            await Statement(_ONE).row(connection, {"customer_id": "cus_1"})


_NAMED = Table(
    "named", MetaData(), Column("id", String), Column("made", String, default=lambda: "by Python")
)


@pytest.mark.parametrize(
    "written",
    [
        _ONE.where(customers.c.id.in_(["a", "b"])),
        insert(_NAMED).values(id=bindparam("customer_id")),
    ],
)
async def test_what_needs_sqlalchemy_at_every_execution_is_refused(
    engine: AsyncEngine, written: Writable
) -> None:
    async with single_statements(engine) as connection:
        with pytest.raises(ValueError, match="needs SQLAlchemy"):
            await Statement(written).rows(connection, {"customer_id": "cus_1"})


async def test_text_that_cannot_be_stored_is_refused_and_the_connection_kept(
    engine: AsyncEngine,
) -> None:
    async with reading(engine) as connection:
        with pytest.raises(InvalidInput):
            await Statement(_ONE).row(connection, {"customer_id": "a\0b"})
        assert await Statement(_ONE).row(connection, {"customer_id": "cus_1"}) is not None


async def test_a_transaction_with_a_failed_statement_is_never_taken_for_committed(
    engine: AsyncEngine,
) -> None:
    async def swallow() -> None:
        async with begun(engine) as connection:
            with pytest.raises(InvalidInput):
                await Statement(_ONE).row(connection, {"customer_id": "a\0b"})
            with pytest.raises(Exception, match="no_such_table"):
                await connection.execute(text("SELECT * FROM no_such_table"))

    with pytest.raises(RuntimeError, match="rolled back"):
        await swallow()


async def test_a_transaction_that_is_given_up_leaves_nothing_to_the_next(
    engine: AsyncEngine,
) -> None:
    async def give_up_in(statement: str) -> None:
        async with asyncio.timeout(0.1), begun(engine) as connection:
            await _RENAME.run(connection, {"but": "nobody", "new_email": "new@example.com"})
            await connection.execute(text(statement))

    for statement in ("SELECT pg_sleep(5)", "SELECT 1 FROM pg_sleep(5)"):
        with pytest.raises(TimeoutError):
            await give_up_in(statement)
    async with begun(engine) as connection:
        since = await connection.scalar(text("SELECT now() - statement_timestamp()"))
        assert since is not None
        assert abs(since) < timedelta(milliseconds=50)
        emails = list(await connection.scalars(select(customers.c.email)))
    assert "new@example.com" not in emails
