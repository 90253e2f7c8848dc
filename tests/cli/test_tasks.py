"""`perennial tasks`: what waits for an operator, and its closing with a name and a reason."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import create_engine, reading, transactions
from adapters.db.queries import audit
from billing.task import OperatorTask, TaskKind
from tests.adapters.db.company import START, open_shop, subscribe
from tests.cli.terminal import Terminal

KEY = "refund_failed:re_1"


@pytest.fixture(autouse=True)
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A shop with one failed refund."""
    engine = create_engine(database_url)
    await open_shop(engine)
    await subscribe(engine)
    async with transactions(engine)() as tx:
        await tx.tasks.add(
            OperatorTask(
                key=KEY,
                kind=TaskKind.REFUND_FAILED,
                subject="re_1",
                customer_id="cus_1",
                subscription_id="sub_1",
                created_at=START,
                details={"reason": "[red]expired[/red]", "amount_minor": 733},
            )
        )
    yield engine
    await engine.dispose()


async def test_a_task_is_listed_until_somebody_did_it(
    terminal: Terminal, engine: AsyncEngine
) -> None:
    listed = (await terminal.perennial("tasks", "list")).out
    for said in (KEY, "refund_failed", "sub_1", "reason [red]expired[/red], amount_minor 733"):
        assert said in listed

    done = await terminal.perennial("tasks", "done", KEY, "--reason", "paid by transfer")
    assert done.out == f"{KEY} is done\n"
    assert (await terminal.process("tasks", "list", "--json")).json == []
    [closed] = (await terminal.perennial("tasks", "list", "--closed", "--json")).json
    assert closed["task"]["key"] == KEY
    assert closed["closed_at"] is not None

    again = await terminal.perennial(
        "tasks", "done", KEY, "--reason", "once more", "--actor", "bob"
    )
    assert again.code == 0
    assert again.out.endswith("already\n")
    async with reading(engine) as connection:
        [entry] = await audit.of_subject(connection, KEY, limit=10)
    assert (entry.command, entry.actor.id, entry.reason) == ("task_done", "ada", "paid by transfer")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("done", "nothing", "--reason", "x"), "task_not_found"),
        (("done", KEY, "--reason", " "), "reason_required"),
    ],
)
async def test_what_cannot_be_closed_is_said_in_a_sentence(
    terminal: Terminal, words: tuple[str, ...], code: str
) -> None:
    ended = await terminal.perennial("tasks", *words)
    assert ended.code == 1
    assert ended.err.strip().endswith(f"({code})")
