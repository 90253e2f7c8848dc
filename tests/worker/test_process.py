"""What a worker runs, and in what surroundings."""

from dataclasses import replace

from temporalio import activity

from adapters.db.clock_book import SqlClockBook
from adapters.temporal.clock_driver import TemporalClockDriver
from tests.workflows.company import Company
from worker.process import WorkerParts, create_replayer, create_worker


def activity_names(company: Company, parts: WorkerParts) -> set[str | None]:
    worker = create_worker(company.client, parts, task_queue=company.task_queue)
    names: set[str | None] = set()
    for method in worker.config()["activities"]:
        definition = activity._Definition.from_callable(method)  # noqa: SLF001 - no public way
        assert definition is not None
        names.add(definition.name)
    return names


async def test_a_live_worker_moves_no_test_clocks(company: Company) -> None:
    assert "move_test_clock" not in activity_names(company, company.parts)


async def test_a_sandbox_worker_moves_test_clocks(company: Company) -> None:
    driver = TemporalClockDriver(company.client, SqlClockBook(company.engine))
    assert "move_test_clock" in activity_names(company, replace(company.parts, clock_driver=driver))


async def test_histories_are_replayed_in_the_worker_s_surroundings(company: Company) -> None:
    worker = create_worker(company.client, company.parts).config()
    replayer = create_replayer().config()

    assert replayer["workflows"] == worker["workflows"]
    assert type(replayer["workflow_runner"]) is type(worker["workflow_runner"])
    assert replayer["data_converter"] == company.client.data_converter
