"""Records lives: `python -m tests.histories.record [life…]`.

Plays lives on servers of its own, stores the history of each that has none yet, and accepts the
commands of all of them in `fingerprints.json`. Run it by hand: after a change of the workflow that
is meant, so that the diff of the fingerprints shows what it does to histories; and after a new life
was written.

A stored history is a subscription that runs somewhere: it is never recorded again, because the
test that replays it would then prove nothing. A change that it cannot be replayed with must be
guarded (`workflow.patched`). When a change is guarded, record the new behaviour beside the old:
`python -m tests.histories.record --as-of 2027-03 [life…]` stores `<life>_2027-03.json`.
"""

import argparse
import asyncio
import uuid
from collections.abc import Mapping, Sequence

from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from adapters.db.migrations import upgrade
from local import testbed
from local.testbed import SharedServers
from simulator.config import SimulatorConfig
from simulator.control import SimulatorControl
from simulator.server import running
from tests.conftest import StripeSimulator
from tests.histories import recordings
from tests.histories.lives import LIVES, Life
from tests.workflows.company import opened_company
from workflows.search_attributes import SEARCH_ATTRIBUTES


def main() -> None:
    """The command's entry."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories.record")
    parser.add_argument("life", nargs="*", choices=[[], *LIVES], help="all where none is named")
    parser.add_argument("--as-of", help="record again, under names that end in this")
    arguments = parser.parse_args()
    suffix = f"_{arguments.as_of}" if arguments.as_of else ""
    with testbed.opened() as servers:
        histories = record(servers, arguments.life or list(LIVES))
    for name, history in histories.items():
        if f"{name}{suffix}" not in recordings.names():
            recordings.write(f"{name}{suffix}", history)
    recordings.write_fingerprints(histories)


def record(servers: SharedServers, lives: Sequence[str]) -> Mapping[str, WorkflowHistory]:
    """Plays lives, one after the other."""
    # Both start with event loops of their own, so before ours.
    database_urls = {
        life: servers.create_migrated_database(f"life_{uuid.uuid4().hex}", upgrade)
        for life in lives
    }
    address = servers.temporal(SEARCH_ATTRIBUTES).address

    async def play_all() -> Mapping[str, WorkflowHistory]:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        return {
            life: await _play(LIVES[life], client=client, database_url=database_urls[life])
            for life in lives
        }

    return asyncio.run(play_all())


async def _play(life: Life, *, client: Client, database_url: str) -> WorkflowHistory:
    config = SimulatorConfig(strict=True, control_token=uuid.uuid4().hex)
    assert config.control_token is not None
    async with (
        running(config) as base_url,
        SimulatorControl(base_url, config.control_token) as control,
        opened_company(
            database_url=database_url,
            client=client,
            simulator=StripeSimulator(base_url, config.api_key, control),
        ) as company,
        company.working(),
    ):
        subscription = await life(company)
        return await subscription.handle.fetch_history()


if __name__ == "__main__":
    main()
