"""What the application consists of, and what it keeps."""

from pathlib import Path

import httpx
import pytest
import stripe

from simulator.config import SimulatorConfig
from simulator.control import SimulatorControl
from simulator.errors import ControlRefused
from simulator.faults import Fault
from simulator.server import running
from simulator.tls import tls_context
from tests.simulator.conftest import API_KEY, CONTROL_TOKEN, Simulator, SteppedClock, client


@pytest.mark.parametrize(
    "config",
    [
        SimulatorConfig(api_key="sk_live_x1234", control_token=CONTROL_TOKEN),
        SimulatorConfig(api_key=API_KEY, control_token=None),
    ],
)
async def test_there_is_no_control_api_beside_a_live_key_or_without_a_token(
    config: SimulatorConfig,
) -> None:
    headers = {"authorization": f"Bearer {CONTROL_TOKEN}"}
    async with (
        running(config) as url,
        httpx.AsyncClient(headers=headers, verify=tls_context()) as plain,
    ):
        answer = await plain.get(f"{url}/_control/requests")
        await plain.post(f"{url}/_control/reset")
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_the_control_api_wants_its_token(simulator: Simulator) -> None:
    async with SimulatorControl(simulator.url, "wrong-token") as stranger:
        with pytest.raises(ControlRefused, match="control_token_invalid"):
            await stranger.reset()


async def test_impossible_orders_are_refused(simulator: Simulator) -> None:
    with pytest.raises(ControlRefused, match="no such outcome"):
        await simulator.control.schedule_outcomes("pm_card_visa", "explode")
    with pytest.raises(ControlRefused, match="no test card"):
        await simulator.control.schedule_outcomes("4111", "succeed")
    with pytest.raises(ControlRefused, match="resource_missing"):
        await simulator.control.settle("pi_none")
    paid = await simulator.paid()
    with pytest.raises(ControlRefused, match="payment_intent_unexpected_state"):
        await simulator.control.settle(paid.id)
    async with httpx.AsyncClient(verify=tls_context()) as plain:
        headers = {"authorization": f"Bearer {CONTROL_TOKEN}"}
        answer = await plain.post(
            f"{simulator.url}/_control/faults", headers=headers, content=b'{"kind": "flood"}'
        )
    assert answer.status_code == 422


async def test_reset_forgets_everything(simulator: Simulator) -> None:
    await simulator.paid()
    await simulator.control.inject(Fault(kind="server_error"))
    await simulator.control.reset()
    assert (await simulator.control.pending_faults()).requests == []
    assert await simulator.control.requests() == []
    assert await simulator.control.totals() == {}
    assert (await simulator.v1.customers.list_async()).data == []


async def test_state_and_saved_answers_survive_a_restart(tmp_path: Path) -> None:
    config = SimulatorConfig(
        api_key=API_KEY,
        control_token=CONTROL_TOKEN,
        database=tmp_path / "state" / "simulator.db",
        strict=True,
    )
    key: stripe.RequestOptions = {"idempotency_key": "customer:1"}
    async with running(config) as url, SimulatorControl(url, CONTROL_TOKEN) as control:
        before = Simulator(url, client(url), control, SteppedClock())
        customer = await before.v1.customers.create_async({"name": "Ada"}, key)
        paid = await before.paid()
        await control.schedule_outcomes(customer.id, "lost_card")
    async with running(config) as url, SimulatorControl(url, CONTROL_TOKEN) as control:
        after = Simulator(url, client(url), control, SteppedClock())
        assert (await after.v1.customers.create_async({"name": "Ada"}, key)).id == customer.id
        assert (await after.v1.payment_intents.retrieve_async(paid.id)).status == "succeeded"
        assert (await control.totals())["usd"].captured_minor == 8000
        intent = await after.intent(customer.id, "pm_card_visa")
        with pytest.raises(stripe.CardError):
            await after.v1.payment_intents.confirm_async(intent.id)
        assert await control.violations() == []
    assert (config.database or tmp_path).stat().st_mode & 0o077 == 0
