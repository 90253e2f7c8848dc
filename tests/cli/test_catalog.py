"""`perennial catalog`: seen before it is done, done once, and taken back while it can be."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import create_engine, reading
from adapters.db.queries import audit, catalog
from tests.adapters.db.company import open_shop, subscribe, subscription
from tests.cli.terminal import Terminal

_TEAM: Final = """\
# Ours.
products:
  - id: team
    name: Team
    family: plan
    prices:
      - {id: team_monthly, amount: "16.00", currency: USD, interval: month, unit: seat}
"""


@pytest.fixture(autouse=True)
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A shop that sells Team, with two subscriptions of five seats."""
    engine = create_engine(database_url)
    await open_shop(engine, customer_count=2)
    await subscribe(engine, subscription(1), subscription(2, 2))
    yield engine
    await engine.dispose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The shop's file."""
    path = tmp_path / "catalog.yaml"
    path.write_text(_TEAM)
    return path


def _change(path: Path, written: str, instead: str) -> None:
    content = path.read_text()
    assert written in content
    path.write_text(content.replace(written, instead))


def _split(path: Path, folder: Path) -> Path:
    """The file in a folder, beside another one."""
    folder.mkdir()
    (folder / "a.yaml").write_text(path.read_text())
    (folder / "b.yaml").write_text(
        'prices:\n  - {product: team, id: club, amount: "1", currency: USD, interval: year}\n'
    )
    return folder


def _raise_price(path: Path) -> None:
    _change(path, 'amount: "16.00"', 'version: 2, amount: "18.00"')


async def _run(terminal: Terminal, *words: str) -> str:
    ended = await terminal.perennial("catalog", *words)
    assert ended.code == 0, ended.err
    return ended.out


async def _refused(terminal: Terminal, *words: str) -> str:
    ended = await terminal.perennial("catalog", *words)
    assert ended.code == 1, ended
    return ended.out + ended.err


async def test_a_file_is_validated_with_file_and_line(terminal: Terminal, path: Path) -> None:
    assert await _run(terminal, "validate", str(path)) == (
        f"{path}: 1 products and 1 prices, nothing to correct\n"
    )
    _change(path, "family: plan", "famly: plan")
    said = await _refused(terminal, "validate", str(path))
    assert f"{path}:5: a product has no 'famly'; did you mean 'family'?" in said


async def test_a_plan_says_what_changes_and_for_whom_and_is_done_exactly(
    terminal: Terminal, path: Path, engine: AsyncEngine
) -> None:
    assert "Nothing to change" in await _run(terminal, "plan", str(path))
    _raise_price(path)
    planned = await _run(terminal, "plan", str(path))
    for said in (
        "  ~ price team_monthly",
        "version: 1 → 2",
        "2 running subscriptions keep team_monthly version 1",
        "next invoices USD 160.00 → USD 180.00",
        "monthly recurring revenue USD 160.00 → USD 180.00 (+USD 20.00)",
        "sub_1  active  next invoice 2026-02-28 09:30",
        "USD 80.00 → USD 90.00",
        "Plan on top of version 1, at once: 0 to add, 1 to change, 0 to retire.",
        "Publishing changes no running subscription and no revenue",
        "Amounts are before tax",
        "Nothing is refunded",
    ):
        assert said in planned, planned
    digest = planned.rpartition("--plan ")[2].strip()
    done = await _run(terminal, "apply", str(path), "--plan", digest, "--reason", "dearer seats")
    assert done == "version 2 is published and in force\n"
    again = await _run(terminal, "apply", str(path))
    assert again == "version 2 sells this already: nothing is changed\n"
    stale = await _refused(terminal, "apply", str(path), "--plan", digest)
    assert "catalog_changed" in stale
    async with reading(engine) as connection:
        [entry] = await audit.of_subject(connection, "catalog/2", limit=9)
    assert (entry.command, entry.actor.id, entry.reason) == (
        "catalog_publish",
        "ada",
        "dearer seats",
    )


async def test_a_plan_is_read_by_programs(terminal: Terminal, path: Path) -> None:
    _raise_price(path)
    ended = await terminal.perennial("catalog", "plan", str(path), "--json")
    [planned] = ended.json["changes"]
    assert (planned["change"]["action"], planned["change"]["id"]) == ("changed", "team_monthly")
    [touched] = planned["touched"]
    assert (touched["count"], len(touched["first"])) == (2, 2)
    [total] = touched["if_moved"]
    assert (total["monthly_before"], total["monthly_after"]) == ("16000", "18000")


async def test_what_was_published_is_not_changed_and_nothing_is_half_done(
    terminal: Terminal, path: Path, engine: AsyncEngine
) -> None:
    _change(path, '"16.00"', '"17.00"')
    _change(
        path,
        "prices:\n",
        """prices:
      - {id: team_annual, amount: "160.00", currency: USD, interval: year}
""",
    )
    for command in ("plan", "apply"):
        said = await _refused(terminal, command, str(path))
        assert f"{path}:8: version 1 of price team_monthly was published with other terms" in said
        assert "write version: 2" in said
    async with reading(engine) as connection:
        assert await catalog.offer(connection, "team_annual") is None


async def test_retired_prices_name_their_replacement(terminal: Terminal, path: Path) -> None:
    _change(path, "unit: seat}", "unit: seat, replaced_by: club}")
    _change(
        path,
        "prices:\n",
        """prices:
      - {id: club, amount: "120.00", currency: USD, interval: year, unit: seat}
""",
    )
    planned = await _run(terminal, "plan", str(path))
    assert "- price team_monthly  no longer sold, replaced by club" in planned
    assert "if all were moved to club version 1" in planned
    assert "USD 160.00 → USD 100.00 (USD -60.00)" in planned


async def test_a_price_that_is_replaced_from_a_day_on_moves_those_who_have_it(
    terminal: Terminal, path: Path
) -> None:
    rule = 'replaced_by: club, migration: {from: "2026-03-01", notice_days: 10}'
    _change(path, "unit: seat}", f"unit: seat, {rule}}}")
    _change(
        path,
        "prices:\n",
        """prices:
      - {id: club, amount: "20.00", currency: USD, interval: month, unit: seat}
""",
    )
    planned = await _run(terminal, "plan", str(path))
    for said in (
        "- price team_monthly  no longer sold, replaced by club",
        "> 2 running subscriptions move: team_monthly@1 becomes club@1, at a renewal from 2026-03",
        "and 10 days after the notice",
        "next invoices USD 160.00 → USD 200.00",
        "monthly recurring revenue USD 160.00 → USD 200.00 (+USD 40.00)",
        "USD 80.00 → USD 100.00",
        "Publishing tells the customers of 2 running subscriptions",
    ):
        assert said in planned, planned
    assert "keep team_monthly" not in planned
    digest = planned.rpartition("--plan ")[2].strip()
    done = await _run(terminal, "apply", str(path), "--plan", digest, "--reason", "one price")
    assert "version 2 is published and in force\n" in done
    shown = done.rpartition("perennial migrations show ")[2].strip()
    found = await terminal.perennial("migrations", "show", shown)
    assert "team_monthly@1 becomes club@1 is telling: one price" in found.out
    again = await _run(terminal, "apply", str(path))
    assert again == "version 2 sells this already: nothing is changed\n"


async def test_a_scheduled_version_is_listed_and_withdrawn(terminal: Terminal, path: Path) -> None:
    _raise_price(path)
    scheduled = await _run(
        terminal, "apply", str(path), "--effective-at", "2100-01-01", "--reason", "next century"
    )
    assert "comes into force at 2100-01-01" in scheduled
    listed = await _run(terminal, "history")
    assert "scheduled" in listed
    assert "next century" in listed
    assert "version 2 is withdrawn" in await _run(terminal, "withdraw", "2")
    found = (await terminal.perennial("catalog", "history", "--json")).json
    assert [(v["number"], v["status"]) for v in found] == [(2, "withdrawn"), (1, "in_force")]
    assert "is in force since" in await _refused(terminal, "withdraw", "1")


async def test_what_was_published_is_exported_as_it_was_written(
    terminal: Terminal, path: Path, tmp_path: Path
) -> None:
    assert "catalog_version_not_found" in await _refused(terminal, "export")
    _raise_price(path)
    await _run(terminal, "apply", str(path))
    folder = _split(path, tmp_path / "split")
    assert await _run(terminal, "export") == (folder / "a.yaml").read_text()
    await _run(terminal, "apply", str(folder))
    assert "--to FOLDER" in await _refused(terminal, "export")
    await _run(terminal, "export", "--to", str(tmp_path / "out"))
    for name in ("a.yaml", "b.yaml"):
        assert (tmp_path / "out" / name).read_text() == (folder / name).read_text()
    assert "Nothing to change" in await _run(terminal, "plan", str(tmp_path / "out"))
