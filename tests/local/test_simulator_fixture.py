"""The simulator that tests are handed: strict, of their own, reached over HTTP."""

import httpx

from tests.conftest import StripeSimulator


async def test_the_simulator_answers_as_stripe_under_its_key(simulator: StripeSimulator) -> None:
    async with httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as client:
        anonymous = await client.get("/v1/customers")
        known = await client.get(
            "/v1/customers", headers={"authorization": f"Bearer {simulator.api_key}"}
        )
    assert (anonymous.status_code, known.status_code) == (401, 200)
    assert known.json()["data"] == []


async def test_the_simulator_has_seen_nothing_of_other_tests(simulator: StripeSimulator) -> None:
    assert await simulator.control.requests() == []
