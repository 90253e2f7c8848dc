"""Cursor lists."""

import pytest
import stripe

from tests.simulator.conftest import Simulator


async def _customers(simulator: Simulator, count: int) -> list[str]:
    return [(await simulator.v1.customers.create_async({})).id for _ in range(count)]


async def test_lists_are_newest_first_and_page_forwards(simulator: Simulator) -> None:
    made = await _customers(simulator, 5)
    first = await simulator.v1.customers.list_async({"limit": 2})
    assert [customer.id for customer in first.data] == [made[4], made[3]]
    assert first.has_more is True
    walked = [customer.id async for customer in first.auto_paging_iter()]
    assert walked == made[::-1]


async def test_paging_is_stable_while_new_objects_arrive(simulator: Simulator) -> None:
    made = await _customers(simulator, 4)
    first = await simulator.v1.customers.list_async({"limit": 2})
    await _customers(simulator, 3)
    second = await simulator.v1.customers.list_async({"starting_after": first.data[-1].id})
    assert [customer.id for customer in second.data] == [made[1], made[0]]
    assert second.has_more is False


async def test_ending_before_returns_the_next_newer_in_list_order(simulator: Simulator) -> None:
    made = await _customers(simulator, 5)
    page = await simulator.v1.customers.list_async({"ending_before": made[0], "limit": 2})
    assert [customer.id for customer in page.data] == [made[2], made[1]]
    assert page.has_more is True


async def test_created_bounds_are_honoured(simulator: Simulator) -> None:
    [old] = await _customers(simulator, 1)
    simulator.clock.now += 100
    [new] = await _customers(simulator, 1)
    bound = int(simulator.clock.now)
    after = await simulator.v1.customers.list_async({"created": {"gte": bound}})
    before = await simulator.v1.customers.list_async({"created": {"lt": bound}})
    exact = await simulator.v1.customers.list_async({"created": bound})
    assert [customer.id for customer in after.data] == [new]
    assert [customer.id for customer in before.data] == [old]
    assert [customer.id for customer in exact.data] == [new]


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 0},
        {"limit": 101},
        {"starting_after": "cus_none"},
        {"starting_after": "cus_a", "ending_before": "cus_b"},
        {"created": {"around": 3}},
    ],
)
async def test_impossible_lists_are_refused(
    simulator: Simulator, parameters: stripe.params.CustomerListParams
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await simulator.v1.customers.list_async(parameters)
