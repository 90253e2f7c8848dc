"""A catalog in arrears: what the files, the plan and the export say of time that was had."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.catalog_file import read_catalog
from adapters.db.engine import create_engine
from adapters.db.tables.customer import customers
from billing.offer import Offer
from billing.subscription import Clock, SubscriptionState
from tests.adapters.db.company import subscribe
from tests.billing.running import Running, at
from tests.cli.terminal import Terminal

_EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "support.yaml"
_NOW: Final = at("2026-04-25")


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """One customer, and nothing published."""
    engine = create_engine(database_url)
    async with engine.begin() as connection:
        customer = {"id": "cus_1", "email": "c1@example.com", "created_at": at("2026-04-01")}
        await connection.execute(insert(customers), [customer])
    yield engine
    await engine.dispose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The example, to be changed."""
    path = tmp_path / "support.yaml"
    path.write_text(_EXAMPLE.read_text())
    return path


def _desk() -> SubscriptionState:
    """Two agents since 04-16, three since 04-21; its test clock stands at 04-25."""
    catalog = read_catalog(_EXAMPLE)
    offers = [Offer(product=catalog.products[0], price=price) for price in catalog.prices]
    running = Running(*offers, start=at("2026-04-16"), quantity=2)
    running.until("2026-04-21")
    running.change(quantity=3)
    clock = Clock(offset=timedelta(0), frozen_at=_NOW)
    return running.state.model_copy(update={"clock": clock})


def _change(path: Path, written: str, instead: str) -> None:
    content = path.read_text()
    assert written in content
    path.write_text(content.replace(written, instead, 1))


async def _run(terminal: Terminal, *words: str) -> str:
    ended = await terminal.perennial("catalog", *words)
    assert ended.code == 0, ended.err
    return ended.out


async def test_what_is_billed_later_is_rehearsed_published_and_exported_as_such(
    terminal: Terminal, path: Path, engine: AsyncEngine
) -> None:
    assert "nothing to correct" in await _run(terminal, "validate", str(path))
    assert "+ price support_monthly" in await _run(terminal, "plan", str(path))
    await _run(terminal, "apply", str(path), "--reason", "a desk")
    await subscribe(engine, _desk())
    assert await _run(terminal, "export") == _EXAMPLE.read_text()

    _change(path, 'amount: "40.00"', 'version: 2, amount: "45.00"')
    planned = await _run(terminal, "plan", str(path))
    for said in (
        "1 running subscriptions keep support_monthly version 1",
        "next invoices USD 53.33 for what was had, those after USD 120.00 → USD 135.00",
        "monthly recurring revenue USD 120.00 → USD 135.00 (+USD 15.00)",
        "next invoice 2026-05-01 00:00:00Z  USD 53.33 for what was had, then",
    ):
        assert said in planned, planned
    ended = await terminal.perennial("catalog", "plan", str(path), "--json")
    [touched] = ended.json["changes"][0]["touched"]
    [first] = touched["first"]
    amounts = ("next_invoice", "if_moved", "following", "following_if_moved")
    assert [first[name]["amount_minor"] for name in amounts] == [5333, 5333, 12_000, 13_500]
    await _run(terminal, "apply", str(path))

    versions = ("--from", "support_monthly@1", "--to", "support_monthly@2")
    for date, accrued in (("2026-04-30", "USD 53.33"), ("2026-05-02", "USD 120.00")):
        move = ("migrations", "rehearse", *versions, "--date", f"{date}T00:00Z")
        ended = await terminal.perennial(*move, "--notice-days", "3", "--json")
        [revenue] = ended.json["revenue"]
        names = ("accrued", "next_invoices_before", "next_invoices_after", "monthly_change")
        found = [revenue[name]["text"] for name in names]
        assert found == [accrued, "USD 120.00", "USD 135.00", "USD 15.00"]
        said = (await terminal.perennial(*move, "--notice-days", "3")).out
        assert f"bill {accrued} for what was had until then, at the old price" in said, said


async def test_who_moves_is_still_billed_for_what_was_had_at_the_old_price(
    terminal: Terminal, path: Path, engine: AsyncEngine
) -> None:
    await _run(terminal, "apply", str(path), "--reason", "a desk")
    await subscribe(engine, _desk())
    rule = 'unit: agent, replaced_by: desk, migration: {from: "2026-04-30", notice_days: 3}}'
    _change(path, "billing: in_arrears, unit: agent}", f"billing: in_arrears, {rule}")
    desk = 'amount: "50.00", currency: USD, currencies: {EUR: {amount: "45"}}'
    desk += ", interval: month, billing: in_arrears, unit: agent"
    _change(path, "    prices:\n", f"    prices:\n      - {{id: desk, {desk}}}\n")
    planned = await _run(terminal, "plan", str(path))
    moves = "moves 2026-05-01 00:00:00Z  USD 53.33 for what was had, then USD 120.00 → USD 150.00"
    assert moves in planned, planned

    _change(path, '"2026-04-30"', '"2026-05-15"')
    planned = await _run(terminal, "plan", str(path))
    later = "moves 2026-06-01 00:00:00Z  USD 120.00 for what was had, then USD 120.00 → USD 150.00"
    assert later in planned, planned


async def test_a_mistake_about_time_that_is_billed_later_is_told_with_its_line(
    terminal: Terminal, path: Path
) -> None:
    _change(path, "mode: keep_anchor", "mode: void")
    ended = await terminal.perennial("catalog", "validate", str(path))
    assert ended.code == 1
    assert f"{path}:20: billing: a pause of mode: void gives nothing" in ended.out + ended.err
