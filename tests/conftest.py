"""Servers and databases for the tests: real, shared by a whole run, gone after it.

Owns the fixtures' names and scopes. Their machinery is `local.testbed`.
"""

import asyncio
import contextlib
import gc
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from xdist.workermanage import WorkerController

from adapters.db.migrations import upgrade
from local import postgres as local_postgres
from local import temporal as local_temporal
from local import testbed as local_testbed
from local.testbed import SharedServers
from simulator.config import SimulatorConfig
from simulator.control import SimulatorControl
from simulator.server import running
from worker import event_loop
from workflows.search_attributes import SEARCH_ATTRIBUTES

_TESTBED = pytest.StashKey[SharedServers]()


# How long an example takes says something about the machine, which has other things to do.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")

gc.disable()  # imports make no garbage worth a look at everything that was imported before


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not go through it in every test."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's testbed in its first process; pytest-xdist's workers are handed it."""
    handed_over: str | None = getattr(config, "workerinput", {}).get("testbed")
    if handed_over is not None:
        config.stash[_TESTBED] = SharedServers(Path(handed_over))
        return
    stack = contextlib.ExitStack()
    config.stash[_TESTBED] = stack.enter_context(local_testbed.opened())
    config.add_cleanup(stack.close)


def pytest_configure_node(node: WorkerController) -> None:
    """Hand the testbed to a worker of pytest-xdist."""
    node.workerinput["testbed"] = str(node.config.stash[_TESTBED].folder)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of production, for the worker, the API and the simulator of a test alike."""
    return {"worker": event_loop.new}


@pytest.fixture(scope="session")
def testbed(pytestconfig: pytest.Config) -> SharedServers:
    """The run's servers, each started when first asked for."""
    return pytestconfig.stash[_TESTBED]


@pytest.fixture(scope="session")
def postgres(testbed: SharedServers) -> local_postgres.Server:
    """A PostgreSQL 18 server; its databases are shared by every test of the run."""
    return testbed.postgres()


@pytest.fixture(scope="session")
def administrator(postgres: local_postgres.Server) -> Iterator[local_postgres.Administrator]:
    """Who makes and drops the databases of this process's tests."""
    with postgres.administered() as administrator:
        yield administrator


@pytest.fixture
def empty_database_url(administrator: local_postgres.Administrator) -> Iterator[str]:
    """A database of the test's own without a table."""
    name = f"test_{uuid.uuid4().hex}"
    yield administrator.create_database(name)
    administrator.drop_database(name)


@pytest.fixture
def database_url(
    testbed: SharedServers, administrator: local_postgres.Administrator
) -> Iterator[str]:
    """A database of the test's own with every migration applied, and no rows."""
    name = f"test_{uuid.uuid4().hex}"
    yield testbed.create_migrated_database(name, upgrade, by=administrator)
    administrator.drop_database(name)


@pytest.fixture(scope="session")
def temporal_server(testbed: SharedServers) -> local_temporal.Server:
    """A Temporal server that can skip time, with our search attributes registered."""
    return testbed.temporal(SEARCH_ATTRIBUTES)


@pytest.fixture(scope="session")
async def temporal_client(temporal_server: local_temporal.Server) -> Client:
    """A plain client: time is skipped where a test asks for it."""
    return await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)


@dataclass(frozen=True, slots=True)
class StripeSimulator:
    """A running simulator: where it is, what it accepts, and how to order it about."""

    base_url: str
    api_key: str
    control: SimulatorControl


@pytest.fixture
async def simulator() -> AsyncIterator[StripeSimulator]:
    """A Stripe of the test's own; all its traffic must conform to the `stripe` package's types."""
    config = SimulatorConfig(strict=True, control_token=f"control_{uuid.uuid4().hex}")
    assert config.control_token is not None
    async with (
        running(config) as base_url,
        SimulatorControl(base_url, config.control_token) as control,
    ):
        yield StripeSimulator(base_url, config.api_key, control)
        assert await control.violations() == []
