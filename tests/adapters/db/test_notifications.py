"""Who listens goes on listening, whatever becomes of the connection."""

import asyncio
from datetime import timedelta

from adapters.db.notifications import listen


async def test_a_failover_in_which_no_host_writes_is_waited_for(database_url: str) -> None:
    mark = "&" if "?" in database_url else "?"
    losses: list[str] = []
    twice = asyncio.Event()

    def lost(reason: str) -> None:
        losses.append(reason)
        if len(losses) > 1:
            twice.set()

    listening = asyncio.create_task(
        listen(
            f"{database_url}{mark}target_session_attrs=standby",
            "any_channel",
            heard=lambda: None,
            lost=lost,
            pause=timedelta(seconds=0.01),
        )
    )
    async with asyncio.timeout(10):
        await asyncio.wait(
            {listening, asyncio.create_task(twice.wait())}, return_when="FIRST_COMPLETED"
        )
    assert losses[:2] == ["TargetServerAttributeNotMatched"] * 2
    listening.cancel()
    await asyncio.wait({listening})
