"""Periods are billed where the workflow runs; what keeps them from it is waited out elsewhere."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

import pytest

from billing.ports.storage import Transaction, UnitOfWork
from tests.histories.fingerprint import fingerprint
from tests.workflows.company import Company, at


@dataclass(slots=True)
class Database:
    """Away for as many transactions as it is told."""

    opened: UnitOfWork
    refusals: int = 0

    def __call__(self) -> AbstractAsyncContextManager[Transaction]:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionRefusedError("the database is away")
        return self.opened()


@pytest.mark.parametrize("refusals", [1, 3])
async def test_a_database_that_is_away_is_waited_for_and_the_period_billed_once(
    company: Company, refusals: int
) -> None:
    company.present = at("2026-05-01T00:00")
    database = Database(company.parts.open_transaction)
    company.parts = replace(company.parts, open_transaction=database)
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        begun = len(fingerprint(await subscription.handle.fetch_history()))
        database.refusals = refusals

        await company.advance("2026-06-01T00:00")

        assert [i["status"] for i in await company.invoices()] == ["paid", "paid"]
        commands = fingerprint(await subscription.handle.fetch_history())[begun:]
    billed = [command for command in commands if "bill_period" in command]
    assert billed == ["local activity bill_period", "activity bill_period"]
