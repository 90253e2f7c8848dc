"""Credit notes: numbered without gaps, issued once, never beyond what was charged."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.tables.credit_note import credit_notes
from billing.credit_note import CreditNoteDraft
from billing.errors import BooksBroken, NotFound
from tests.adapters.db.company import (
    PERIOD,
    START,
    bill,
    draft,
    open_shop,
    sell,
    subscribe,
)
from tests.adapters.db.reversals import debit, note, usd, with_credit
from tests.adapters.db.waiting import somebody_waits


class _Abandoned(Exception):
    pass


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        for number in range(3):
            await sell(tx, draft(number))


async def test_a_note_is_numbered_and_its_balance_part_moves(transaction: Transactions) -> None:
    async with transaction() as tx:
        assert await tx.credit_notes.issue(note(draft(0), 5000, to_card=2000)) == "CN-000001"
        assert await tx.credit_notes.issue(note(draft(1), 700)) == "CN-000002"
        assert await tx.balances.of("cus_1", "USD") == usd(3700)
        assert (await bill(tx, draft(3))).number == "PN-000004"


async def test_a_note_that_goes_to_the_card_moves_no_balance(transaction: Transactions) -> None:
    async with transaction() as tx:
        await tx.credit_notes.issue(note(draft(), 2000, to_card=2000))
        assert await tx.balances.of("cus_1", "USD") == usd(0)


async def test_the_same_note_is_issued_once(transaction: Transactions) -> None:
    for _ in range(2):
        async with transaction() as tx:
            assert await tx.credit_notes.issue(note(draft(), 5000)) == "CN-000001"
            assert await tx.credit_notes.issue(note(draft(), 4000)) == "CN-000001"
    async with transaction() as tx:
        assert await tx.balances.of("cus_1", "USD") == usd(5000)
        assert await tx.credit_notes.issue(note(draft(), 3000, source="other")) == "CN-000002"


async def test_the_same_note_issued_by_many_at_once_is_one(transaction: Transactions) -> None:
    async def issue() -> str:
        async with transaction() as tx:
            return await tx.credit_notes.issue(note(draft(), 5000))

    assert set(await asyncio.gather(*(issue() for _ in range(20)))) == {"CN-000001"}
    async with transaction() as tx:
        assert await tx.balances.of("cus_1", "USD") == usd(5000)
        assert await tx.credit_notes.issue(note(draft(1), 1)) == "CN-000002"


async def test_concurrent_notes_are_numbered_without_a_gap_though_some_roll_back(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async def issue(number: int) -> None:
        async with transaction() as tx:
            await tx.credit_notes.issue(note(draft(number % 3), 10, source=f"request:{number}"))
            if number % 5 == 0:
                raise _Abandoned

    results = await asyncio.gather(*(issue(n) for n in range(50)), return_exceptions=True)
    assert [r for r in results if r is not None and not isinstance(r, _Abandoned)] == []
    async with engine.connect() as connection:
        numbers = await connection.scalars(
            select(credit_notes.c.number).order_by(credit_notes.c.sequence)
        )
        assert list(numbers) == [f"CN-{n:06}" for n in range(1, 41)]
    async with transaction() as tx:
        assert await tx.balances.of("cus_1", "USD") == usd(400)


async def test_notes_and_invoices_at_once_neither_wait_in_a_circle_nor_lose_money(
    transaction: Transactions,
) -> None:
    """Each waits for invoice, balance and number in this order, so that all come to an end."""

    async def issue(number: int) -> int:
        async with transaction() as tx:
            await tx.credit_notes.issue(note(draft(number % 3), 100, source=f"request:{number}"))
        return 100

    async def finalize(number: int) -> int:
        async with transaction() as tx:
            return -(await bill(tx, draft(number))).from_balance.amount_minor

    work = [task for n in range(20) for task in (issue(n), finalize(10 + n))]
    moved = await asyncio.gather(*work)
    async with transaction() as tx:
        assert await tx.balances.of("cus_1", "USD") == usd(sum(moved))


async def test_credits_beyond_the_debit_are_refused(transaction: Transactions) -> None:
    async with transaction() as tx:
        await bill(tx, with_credit(draft(5), of=debit(draft()), minor=5000))
        await tx.credit_notes.issue(note(draft(), 2000))
    with pytest.raises(BooksBroken) as refused:
        async with transaction() as tx:
            await tx.credit_notes.issue(note(draft(), 1001, source="other"))
    assert refused.value.code == "credit_exceeds_debit"
    async with transaction() as tx:
        assert await tx.credit_notes.issue(note(draft(), 1000, source="other")) == "CN-000002"


async def test_notes_on_one_debit_at_once_never_exceed_it(transaction: Transactions) -> None:
    async def issue(number: int) -> str:
        try:
            async with transaction() as tx:
                return await tx.credit_notes.issue(note(draft(), 3000, source=f"request:{number}"))
        except BooksBroken as broken:
            return broken.code

    answers = await asyncio.gather(*(issue(number) for number in range(10)))
    assert sorted(answers) == ["CN-000001", "CN-000002"] + ["credit_exceeds_debit"] * 8
    async with transaction() as tx:
        assert await tx.balances.of("cus_1", "USD") == usd(6000)


async def test_a_note_and_a_change_on_one_debit_at_once_never_exceed_it(
    transaction: Transactions,
) -> None:
    """The one that comes second waits, and is refused by what the first has written."""

    async def change() -> None:
        async with transaction() as tx:
            await bill(tx, with_credit(draft(5), of=debit(draft()), minor=5000))

    async with transaction() as tx:
        await tx.credit_notes.issue(note(draft(), 5000))
        second = asyncio.create_task(change())
        await somebody_waits(transaction)
    with pytest.raises(BooksBroken, match="credit_exceeds_debit"):
        await second


async def test_the_guard_holds_for_whoever_writes_past_the_repositories(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    """Two that insert notes by hand take no lock before the guard takes it for them."""
    async with transaction() as tx:
        for number in range(2):
            await tx.credit_notes.issue(note(draft(), 1, source=f"request:{number}"))
        ids = [n.id for n in await tx.credit_notes.of_source("sub_1", "request:0")]
        ids += [n.id for n in await tx.credit_notes.of_source("sub_1", "request:1")]
    copies = [
        text(f"""
            INSERT INTO {table} SELECT (jsonb_populate_record(known, jsonb_build_object(
                'id', note.id || '_copy', 'number', note.number || '_copy',
                'sequence', note.sequence + 100,
                'source', note.source || '_copy', 'to_balance_minor', 5000,
                'credit_note_id', note.id || '_copy', 'amount_minor', 5000
            ))).*
            FROM {table} AS known JOIN
                (SELECT id, number, sequence, source FROM credit_notes WHERE id = :id) AS note
                ON {column} = note.id
        """)  # noqa: S608 - two tables of ours
        for table, column in (
            ("credit_notes", "known.id"),
            ("credit_note_lines", "known.credit_note_id"),
        )
    ]

    async def copy(connection: AsyncConnection, note_id: str) -> None:
        for statement in copies:
            await connection.execute(statement, {"id": note_id})

    async def write(note_id: str) -> None:
        async with engine.begin() as connection:
            await copy(connection, note_id)

    async with engine.begin() as connection:
        await copy(connection, ids[0])
        second = asyncio.create_task(write(ids[1]))
        await somebody_waits(transaction)
    with pytest.raises(BooksBroken, match="credit_exceeds_debit"):
        await second


async def test_what_a_cause_led_to_is_found_with_its_lines(transaction: Transactions) -> None:
    rest = PERIOD.model_copy(update={"start": START + timedelta(days=3)})
    first = note(draft(1), 5000, to_card=2000, source="cancel:1", period=rest)
    second = note(draft(0), 700, source="cancel:1")
    async with transaction() as tx:
        for each in (first, second, note(draft(2), 1, source="cancel:2")):
            await tx.credit_notes.issue(each)
        assert await tx.credit_notes.of_source("sub_1", "cancel:1") == (first, second)
        assert await tx.credit_notes.of_source("sub_2", "cancel:1") == ()
        assert await tx.credit_notes.of_source("sub_1", "cancel:3") == ()


def _of(invoice_id: str, position: int = 1, *, line_of: str | None = None) -> CreditNoteDraft:
    draft_note = note(draft(), 10)
    line = draft_note.lines[0]
    ref = line.debit.model_copy(update={"invoice_id": line_of or invoice_id, "position": position})
    return draft_note.model_copy(
        update={
            "invoice_id": invoice_id,
            "lines": (line.model_copy(update={"debit": ref}),),
        }
    )


async def test_a_note_corrects_lines_of_its_own_invoice(transaction: Transactions) -> None:
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await tx.credit_notes.issue(_of("in_unknown"))
    for wrong in (_of(draft(0).id, 2), _of(draft(0).id, line_of=draft(1).id)):
        with pytest.raises(IntegrityError, match="foreign key"):
            async with transaction() as tx:
                await tx.credit_notes.issue(wrong)


@pytest.mark.parametrize("table", ["credit_notes", "credit_note_lines"])
@pytest.mark.parametrize(
    "change", ["UPDATE {} SET currency = 'EUR'", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
async def test_an_issued_note_is_never_changed(
    transaction: Transactions, engine: AsyncEngine, table: str, change: str
) -> None:
    async with transaction() as tx:
        await tx.credit_notes.issue(note(draft(), 5000))
    with pytest.raises(DBAPIError, match="is append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(change.format(table)))
