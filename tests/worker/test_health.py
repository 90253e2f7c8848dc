"""The worker's health and figures, as a supervisor and Prometheus read them."""

import httpx

from local import ports
from worker.health import serving_health
from worker.inbox import PROCESSED


async def test_health_follows_whether_the_worker_works() -> None:
    port, working = ports.find_free_port(), [True]
    async with (
        serving_health(ports.LOOPBACK, port, is_working=lambda: working[0]),
        httpx.AsyncClient(base_url=f"http://{ports.LOOPBACK}:{port}", trust_env=False) as client,
    ):
        healthy = await answered(client, "/healthz")
        working[0] = False
        ill = await client.get("/healthz")

    assert (healthy.status_code, healthy.json()) == (200, {"status": "ok"})
    assert (ill.status_code, ill.json()) == (503, {"status": "not working"})


async def test_the_figures_of_the_inbox_are_served() -> None:
    PROCESSED.labels("applied").inc()
    port = ports.find_free_port()
    async with (
        serving_health(ports.LOOPBACK, port, is_working=lambda: True),
        httpx.AsyncClient(base_url=f"http://{ports.LOOPBACK}:{port}", trust_env=False) as client,
    ):
        figures = await answered(client, "/metrics")

    assert figures.headers["content-type"].startswith("text/plain")
    assert 'perennial_webhooks_processed_total{handling="applied"}' in figures.text


async def test_nothing_answers_once_the_worker_has_stopped() -> None:
    port = ports.find_free_port()
    async with (
        serving_health(ports.LOOPBACK, port, is_working=lambda: True),
        httpx.AsyncClient(base_url=f"http://{ports.LOOPBACK}:{port}", trust_env=False) as client,
    ):
        await answered(client, "/healthz")

    assert not ports.is_answering(ports.LOOPBACK, port)


async def answered(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """The first answer; the server starts in the background."""
    retrying = httpx.AsyncHTTPTransport(retries=10)
    async with httpx.AsyncClient(base_url=client.base_url, transport=retrying) as patient:
        return await patient.get(path)
