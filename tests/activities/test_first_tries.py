"""After a first try that the gateway did not answer, the next are left to others for a while."""

import asyncio
from dataclasses import dataclass, replace

import pytest
from temporalio.testing import ActivityEnvironment

from activities.first_tries import PAUSE_SECONDS, FirstTries
from billing.errors import GatewayBusy, GatewayFailed, GatewayRefused, GatewayUnreachable


@dataclass(slots=True)
class Stopwatch:
    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Worker:
    tries: FirstTries

    async def attempt(self, outcome: BaseException | None, *, is_local: bool) -> None:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, is_local=is_local)

        async def activity() -> None:
            with self.tries.watched():
                if outcome is not None:
                    raise outcome

        await environment.run(activity)


@pytest.mark.parametrize(
    "failure",
    [
        GatewayUnreachable("gateway_unreachable", "no answer"),
        GatewayFailed("gateway_failed", "500"),
        GatewayBusy("rate_limit", "429"),
        asyncio.CancelledError(),
    ],
)
async def test_a_first_try_that_failed_lets_the_next_ones_be_made_elsewhere(
    failure: BaseException,
) -> None:
    stopwatch = Stopwatch()
    worker = Worker(FirstTries(stopwatch))
    with pytest.raises(type(failure)):
        await worker.attempt(failure, is_local=True)

    with pytest.raises(GatewayBusy) as refused:
        await worker.attempt(None, is_local=True)
    assert refused.value.code == "gateway_not_answering"
    await worker.attempt(None, is_local=False)

    stopwatch.seconds += PAUSE_SECONDS
    await worker.attempt(None, is_local=True)


async def test_a_refusal_is_an_answer() -> None:
    worker = Worker(FirstTries(Stopwatch()))
    refusal = GatewayRefused("resource_missing", "no such customer")
    with pytest.raises(GatewayRefused):
        await worker.attempt(refusal, is_local=True)
    await worker.attempt(None, is_local=True)


async def test_an_activity_of_the_usual_kind_pauses_nothing() -> None:
    worker = Worker(FirstTries(Stopwatch()))
    with pytest.raises(GatewayUnreachable):
        await worker.attempt(GatewayUnreachable("gateway_unreachable", "no"), is_local=False)
    await worker.attempt(None, is_local=True)
