"""Test clocks over HTTP."""

import asyncio
from dataclasses import replace

import httpx
from pydantic import SecretStr

from api.app import create_app
from tests.api.shop import Shop, problem

START = "2026-01-17T09:30:00Z"


async def test_a_clock_moves_its_customers_and_is_ready_again(shop: Shop) -> None:
    clock = await shop.clock(START)
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    assert (await shop.read(f"/v1/customers/{customer}"))["created_at"] == START
    await shop.made("/v1/subscriptions", {"customer": customer, "price": "team_monthly"})
    moving = await shop.made(f"/v1/test_clocks/{clock}/advance", {"by_seconds": 15 * 86_400})
    assert (moving["status"], moving["target_at"]) == ("advancing", "2026-02-01T09:30:00Z")
    await shop.until(f"/v1/test_clocks/{clock}", "status", "ready")
    assert (await shop.read(f"/v1/test_clocks/{clock}"))["frozen_at"] == "2026-02-01T09:30:00Z"
    assert len((await shop.read("/v1/invoices", customer=customer))["data"]) == 1


async def test_a_clock_can_be_moved_again_as_soon_as_it_is_ready(shop: Shop) -> None:
    clock = await shop.clock(START)
    for day in range(18, 28):
        await shop.advance(clock, f"2026-01-{day}T09:30:00Z")
    assert (await shop.read(f"/v1/test_clocks/{clock}"))["frozen_at"] == "2026-01-27T09:30:00Z"


async def test_a_move_asked_for_again_once_it_arrived_is_answered_as_done(shop: Shop) -> None:
    """A caller whose answer was lost with the API asks for the same instant again."""
    clock = await shop.clock(START)
    await shop.advance(clock, "2026-02-01T00:00:00Z")
    answer = await shop.post(
        f"/v1/test_clocks/{clock}/advance", {"frozen_at": "2026-02-01T00:00:00Z"}
    )
    assert (answer.json()["status"], answer.json()["frozen_at"]) == (
        "ready",
        "2026-02-01T00:00:00Z",
    )


async def test_clocks_only_go_forward_and_within_the_calendar(idle_shop: Shop) -> None:
    clock = await idle_shop.clock(START)
    path = f"/v1/test_clocks/{clock}/advance"
    before = {"frozen_at": "2026-01-17T09:29:59Z"}
    problem(await idle_shop.post(path, before), 422, "test_clock_goes_forward")
    late = await idle_shop.clock("9000-06-01T00:00:00Z")
    answer = await idle_shop.post(f"/v1/test_clocks/{late}/advance", {"by_seconds": 400 * 86_400})
    problem(answer, 422, "date_out_of_range")
    ever = await idle_shop.clock("1970-01-01T00:00:00Z")
    assert (await idle_shop.read(f"/v1/test_clocks/{ever}"))["status"] == "ready"


async def test_while_a_clock_moves_its_customers_are_left_alone(idle_shop: Shop) -> None:
    """Without a worker the clock stays on its way."""
    clock = await idle_shop.clock(START)
    customer = await idle_shop.customer(clock=clock)
    path = f"/v1/test_clocks/{clock}"
    await idle_shop.made(f"{path}/advance", {"by_seconds": 60})
    again = await idle_shop.made(f"{path}/advance", {"by_seconds": 60})
    assert again["target_at"] == "2026-01-17T09:31:00Z"
    code = "test_clock_advancing"
    problem(await idle_shop.post(f"{path}/advance", {"by_seconds": 61}), 409, code)
    problem(await idle_shop.client.delete(path), 409, code)
    problem(await idle_shop.post(f"/v1/customers/{customer}/setup_intents"), 409, code)
    order = {"customer": customer, "price": "team_monthly"}
    problem(await idle_shop.post("/v1/subscriptions", order, key="order-1"), 409, code)
    answer = await idle_shop.client.patch(f"/v1/customers/{customer}", json={"name": "Ada"})
    problem(answer, 409, code)
    new = {"email": "ada@example.com", "test_clock": clock}
    problem(await idle_shop.post("/v1/customers", new), 409, code)


async def test_a_deleted_clock_ends_its_subscriptions(shop: Shop) -> None:
    clock = await shop.clock(START)
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    made = await shop.made("/v1/subscriptions", {"customer": customer, "price": "team_monthly"})
    deleted = await shop.client.delete(f"/v1/test_clocks/{clock}")
    assert deleted.json()["status"] == "deleted"
    assert (await shop.read(f"/v1/subscriptions/{made['id']}"))["status"] == "canceled"
    for path in (f"/v1/test_clocks/{clock}", f"/v1/customers/{customer}"):
        assert (await shop.client.get(path)).status_code == 404
    assert (await shop.client.delete(f"/v1/test_clocks/{clock}")).status_code == 404
    assert (await shop.read("/v1/test_clocks"))["data"] == []


async def test_a_subscription_that_begins_as_its_clock_moves_is_never_left_behind(
    shop: Shop,
) -> None:
    """Either it began before and its trial converts on the way, or it is refused for now."""
    for delay in (0.0, 0.01, 0.03):
        clock = await shop.clock(START)
        customer = await shop.customer(card="pm_card_visa", clock=clock)

        async def move(clock: str = clock, delay: float = delay) -> httpx.Response:
            await asyncio.sleep(delay)
            return await shop.post(f"/v1/test_clocks/{clock}/advance", {"by_seconds": 20 * 86_400})

        order = {"customer": customer, "price": "team_monthly"}
        started, moved = await asyncio.gather(shop.post("/v1/subscriptions", order), move())
        assert moved.status_code == 200, moved.text
        await shop.until(f"/v1/test_clocks/{clock}", "status", "ready")
        if started.status_code == 201:
            found = await shop.read(f"/v1/subscriptions/{started.json()['id']}")
            assert found["status"] == "active"
        else:
            problem(started, 409, "test_clock_advancing")
            assert (await shop.read("/v1/subscriptions", customer=customer))["data"] == []


async def test_with_a_live_key_there_are_no_test_clocks(idle_shop: Shop) -> None:
    live = idle_shop.deps.settings.model_copy(update={"stripe_api_key": SecretStr("sk_live_1")})
    app = create_app(replace(idle_shop.deps, settings=live))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://api.test",
        headers=idle_shop.client.headers,
    ) as client:
        problem(await client.get("/v1/test_clocks"), 403, "not_in_sandbox")
        answer = await client.post("/v1/test_clocks", json={"frozen_at": START})
        problem(answer, 403, "not_in_sandbox")
