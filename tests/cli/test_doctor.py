"""What the doctor says of a task queue: of one that nobody polls, and of a worker's."""

import asyncio
import uuid
from pathlib import Path

import pytest

from local import doctor
from local.temporal import Server
from tests.workflows.company import Company


@pytest.fixture(autouse=True)
def _knows_the_server(temporal_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)


async def _finding(queue: str, root: Path) -> doctor.Finding:
    findings = await asyncio.to_thread(
        doctor.examine, root, search_attributes={}, task_queues=(queue,)
    )
    return next(finding for finding in findings if finding.part == f"task queue {queue}")


async def test_a_queue_that_nobody_polls_needs_a_worker(tmp_path: Path) -> None:
    finding = await _finding(f"unpolled-{uuid.uuid4().hex}", tmp_path)
    assert finding.state == "nobody polls"
    assert finding.remedy is not None
    assert "python -m worker" in finding.remedy


async def test_a_queue_with_a_worker_is_well(tmp_path: Path, company: Company) -> None:
    await company.sell_teams()
    subscription = await company.subscribe(await company.customer())
    await subscription.activated()
    finding = await _finding(company.task_queue, tmp_path)
    assert finding.is_well, finding
