"""The API's process: started, asked and stopped, and what it says where it cannot start."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import httpx

from local import temporal as local_temporal
from tests.conftest import StripeSimulator

_ROOT = Path(__file__).parents[2]


async def _started(**variables: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "api",
        cwd=_ROOT,
        env={"PATH": os.environ["PATH"], "PERENNIAL_API_PORT": "0", **variables},
        stderr=asyncio.subprocess.PIPE,
    )


def _variables(
    database_url: str, simulator: StripeSimulator, temporal: local_temporal.Server
) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "STRIPE_API_KEY": simulator.api_key,
        "STRIPE_API_BASE": simulator.base_url,
        "STRIPE_WEBHOOK_SECRET": "whsec_test",
        "PERENNIAL_LINK_SECRET": "secret of the test links",
        "TEMPORAL_ADDRESS": temporal.address,
    }


async def test_the_process_serves_the_catalog_file_and_stops_when_told(
    database_url: str, simulator: StripeSimulator, temporal_server: local_temporal.Server
) -> None:
    process = await _started(**_variables(database_url, simulator, temporal_server))
    assert process.stderr is not None
    async with asyncio.timeout(60):
        port = None
        while port is None:
            line = (await process.stderr.readline()).decode()
            assert line, "the process ended"
            if '"api.listening"' in line:
                port = int(line.partition('"port": ')[2].partition(",")[0].rstrip("}\n "))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/readyz")).status_code == 200
        answer = await client.get("/v1/prices")
    assert answer.json()["code"] == "api_key_missing"
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        await process.communicate()
    assert process.returncode in {0, -signal.SIGTERM}


_STARTS = """
import contextlib, io, json, os, sys
from api.service import main
answers = []
for variables in json.load(sys.stdin):
    os.environ.update(variables)
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        code = main()
    answers.append([code, errors.getvalue()])
json.dump(answers, sys.stdout)
"""
"""Starts it once for each set of variables in one process, which loads everything but once."""


async def test_what_keeps_it_from_starting_is_said_in_one_line(
    database_url: str, simulator: StripeSimulator, temporal_server: local_temporal.Server
) -> None:
    expected = (
        ({"PERENNIAL_CATALOG": "missing.yaml"}, "missing.yaml:1: the file cannot be read"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "the database is out of reach"),
        ({"TEMPORAL_ADDRESS": "127.0.0.1:1"}, "Temporal is out of reach"),
        ({"PERENNIAL_API_HOST": "192.0.2.1"}, "cannot be listened on"),
        ({"STRIPE_API_KEY": ""}, "setting STRIPE_API_KEY: Field required"),
    )
    well = {
        "PERENNIAL_API_PORT": "0",
        "PERENNIAL_API_HOST": "127.0.0.1",
        "PERENNIAL_CATALOG": str(_ROOT / "examples" / "catalog.yaml"),
        **_variables(database_url, simulator, temporal_server),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _STARTS,
        cwd=_ROOT,
        env={"PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        answered, crashed = await process.communicate(
            json.dumps([well | change for change, _ in expected]).encode()
        )
    assert (process.returncode, crashed) == (0, b"")
    answers = json.loads(answered)
    assert len(answers) == len(expected)
    for (_, said), (code, errors) in zip(expected, answers, strict=True):
        assert code == 1
        assert said in errors
        assert len(errors.splitlines()) == 1
        assert "Traceback" not in errors
