"""The gateways that take part, one module of tests at a time.

Real Stripe takes part when `STRIPE_TEST_KEY` is set.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext

import pytest
import pytest_asyncio

from billing.ports.gateway import PaymentGateway
from tests.contracts.gateways import GatewayBench, MemoryBench, simulator_bench, stripe_bench


def _opened(name: str) -> AbstractAsyncContextManager[GatewayBench]:
    match name:
        case "memory":
            return nullcontext(MemoryBench())
        case "simulator":
            return simulator_bench()
        case _:
            key = os.environ.get("STRIPE_TEST_KEY")
            if not key:
                pytest.skip("STRIPE_TEST_KEY is not set: real Stripe takes no part")
            return stripe_bench(key)


@pytest_asyncio.fixture(scope="module", params=["memory", "simulator", "stripe"])
async def opened_bench(request: pytest.FixtureRequest) -> AsyncIterator[GatewayBench]:
    async with _opened(request.param) as bench:
        yield bench


@pytest_asyncio.fixture
async def bench(opened_bench: GatewayBench) -> AsyncIterator[GatewayBench]:
    yield opened_bench
    assert await opened_bench.complaints() == []


@pytest.fixture
def orderly(bench: GatewayBench) -> GatewayBench:
    if not bench.takes_orders:
        pytest.skip("Stripe itself takes no orders to fail, and its pages need a person")
    return bench


@pytest.fixture
def gateway(bench: GatewayBench) -> PaymentGateway:
    return bench.gateway
