"""`python -m simulator` as a process."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from simulator.control import SimulatorControl
from simulator.server import address_of, bound_socket
from tests.simulator.conftest import API_KEY, CONTROL_TOKEN, Simulator, SteppedClock, client

_ROOT = Path(__file__).parents[2]


async def _start(database: Path, port: int = 0) -> tuple[Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        f"--port={port}",
        f"--database={database}",
        f"--api-key={API_KEY}",
        f"--control-token={CONTROL_TOKEN}",
        cwd=_ROOT,
        stdout=PIPE,
        stderr=PIPE,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = (await process.stdout.readline()).decode()
    return process, line.removeprefix("listening on ").strip()


async def test_a_charge_that_was_answered_survives_a_killed_process(tmp_path: Path) -> None:
    process, url = await _start(tmp_path / "simulator.db")
    async with SimulatorControl(url, CONTROL_TOKEN) as control:
        paid = await Simulator(url, client(url), control, SteppedClock()).paid()
    process.kill()
    await process.wait()
    process, url = await _start(tmp_path / "simulator.db")
    async with SimulatorControl(url, CONTROL_TOKEN) as control:
        assert (await control.totals())["usd"].captured_minor == 8000
        found = await client(url).v1.payment_intents.retrieve_async(paid.id)
        assert found.status == "succeeded"
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        await process.wait()


async def test_a_taken_port_is_named_in_the_error(tmp_path: Path) -> None:
    listener = bound_socket("127.0.0.1", 0)
    listener.listen()
    port = int(address_of(listener).rpartition(":")[2])
    process, line = await _start(tmp_path / "simulator.db", port)
    _, complaint = await process.communicate()
    listener.close()
    assert (line, process.returncode) == ("", 1)
    assert str(port) in complaint.decode()
