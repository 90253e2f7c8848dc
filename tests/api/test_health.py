"""Health, readiness and metrics."""

from dataclasses import replace

import httpx
from temporalio.client import Client

from adapters.db.engine import create_engine
from api.app import create_app
from tests.api.shop import Shop


async def test_every_part_is_named(idle_shop: Shop) -> None:
    assert (await idle_shop.client.get("/healthz")).json() == {"status": "ok"}
    ready = await idle_shop.client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"database": "ok", "temporal": "ok"})


async def test_the_part_out_of_reach_is_named_and_requests_are_told_to_wait(
    idle_shop: Shop,
) -> None:
    nowhere = create_engine("postgresql://nobody@127.0.0.1:1/none")
    temporal = await Client.connect("127.0.0.1:1", lazy=True)
    app = create_app(replace(idle_shop.deps, engine=nowhere, temporal=temporal))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://api.test",
        headers=idle_shop.client.headers,
    ) as client:
        ready = await client.get("/readyz")
        refused = await client.get("/v1/customers")
        alive = await client.get("/healthz")
    await nowhere.dispose()
    assert ready.status_code == 503
    assert ready.json() == {"database": "unreachable", "temporal": "unreachable"}
    assert (refused.status_code, refused.json()["code"]) == (503, "temporarily_unavailable")
    assert alive.status_code == 200


async def test_metrics_count_routes_and_never_ids(idle_shop: Shop) -> None:
    await idle_shop.client.get("/v1/customers/cus_secret")
    metrics = (await idle_shop.client.get("/metrics")).text
    assert 'route="/v1/customers/{customer_id}"' in metrics
    assert "cus_secret" not in metrics
