"""Disputes: forward only, each step in the books once, whatever was heard of and when."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.disputes import take_in_dispute
from activities.unused_time import GiveBack, UnusedTime
from billing.credit_note import CreditReason, UnusedPart
from billing.dispute import DisputeState
from billing.errors import Conflict
from billing.ports.gateway import DisputeStatus
from tests.activities.counter import Counter
from tests.activities.till import Till
from tests.adapters.db.undone import undone

WON = {"cash": 16000, "deferred_revenue": -16000}
LOST = {"deferred_revenue": -16000, "dispute_losses": 16000}


@pytest.fixture
def counter(till: Till) -> Counter:
    return Counter(till)


@pytest.fixture
async def sold(counter: Counter) -> tuple[Counter, str]:
    return counter, await counter.payment_of(await counter.sell())


async def test_an_open_dispute_is_money_withdrawn_and_a_task(sold: tuple[Counter, str]) -> None:
    counter, payment_id = sold
    dispute = counter.till.gateway.open_dispute(payment_id)
    for _ in range(2):
        heard = await counter.hear_of_dispute(dispute.id)
    assert heard is not None
    assert (heard.state, heard.reason) == (DisputeState.OPEN, "fraudulent")
    assert await counter.accounts() == {"deferred_revenue": -16000, "disputes": 16000}
    assert await counter.tasks() == ["dispute_opened"]
    assert "dispute.opened" in await counter.till.event_types()


@pytest.mark.parametrize(
    ("reason", "refusal"),
    [(CreditReason.PAUSED, None), (CreditReason.CANCELED, "charge_disputed")],
)
async def test_of_a_disputed_payment_nothing_is_given_back(
    sold: tuple[Counter, str], reason: CreditReason, refusal: str | None
) -> None:
    counter, payment_id = sold
    await counter.hear_of_dispute(counter.till.gateway.open_dispute(payment_id).id)
    before = await counter.accounts()
    request = GiveBack(
        state=counter.state,
        part=counter.state.running_period,
        source="cause_1",
        reason=reason,
        unused=UnusedPart.CREDIT,
        now=counter.state.running_period.start,
    )

    given = await UnusedTime(open_transaction=counter.open_transaction).give_back(request)

    assert (given.refund_ids, given.refusal) == ((), refusal)
    assert await counter.accounts() == before


async def test_an_inquiry_withdraws_nothing_and_may_become_a_dispute(
    sold: tuple[Counter, str],
) -> None:
    counter, payment_id = sold
    gateway = counter.till.gateway
    dispute = gateway.open_dispute(payment_id, status=DisputeStatus.WARNING_NEEDS_RESPONSE)
    await counter.hear_of_dispute(dispute.id)
    assert await counter.accounts() == WON
    assert await counter.tasks() == ["dispute_opened"]

    gateway.move_dispute(dispute.id, DisputeStatus.NEEDS_RESPONSE)
    await counter.hear_of_dispute(dispute.id)
    assert (await counter.accounts())["disputes"] == 16000
    assert await counter.rows("disputes") == 1


@pytest.mark.parametrize(
    ("decision", "state", "accounts"),
    [
        (DisputeStatus.WON, DisputeState.WON, WON),
        (DisputeStatus.LOST, DisputeState.LOST, LOST),
        (DisputeStatus.PREVENTED, DisputeState.LOST, LOST),
    ],
)
async def test_one_that_was_decided_before_it_was_heard_of_has_both_entries(
    sold: tuple[Counter, str],
    decision: DisputeStatus,
    state: DisputeState,
    accounts: dict[str, int],
) -> None:
    counter, payment_id = sold
    dispute = counter.till.gateway.open_dispute(payment_id)
    counter.till.gateway.move_dispute(dispute.id, decision)

    heard = await counter.hear_of_dispute(dispute.id)

    assert heard is not None
    assert heard.state is state
    assert await counter.accounts() == accounts
    told = [kind for kind in await counter.till.event_types() if kind.startswith("dispute")]
    assert told == sorted(["dispute.opened", f"dispute.{state}"])


async def test_a_decision_that_an_appeal_overturns_waits_for_an_operator(
    sold: tuple[Counter, str],
) -> None:
    counter, payment_id = sold
    dispute = counter.till.gateway.open_dispute(payment_id, status=DisputeStatus.LOST)
    await counter.hear_of_dispute(dispute.id)
    overturned = (await counter.till.gateway.read_dispute(dispute.id)).model_copy(
        update={"status": DisputeStatus.WON}
    )
    async with counter.open_transaction() as tx:
        attempt = await tx.attempts.by_payment(payment_id)
        assert attempt is not None
        kept = await take_in_dispute(tx, attempt, overturned, real_now=counter.till.real_now)
    assert kept is not None
    assert kept.state is DisputeState.LOST
    assert await counter.tasks() == ["dispute_opened", "dispute_opened"]
    assert await counter.accounts() == LOST


async def test_a_payment_that_is_not_recorded_yet_is_waited_for(sold: tuple[Counter, str]) -> None:
    counter, payment_id = sold
    dispute = counter.till.gateway.open_dispute(payment_id)
    async with counter.open_transaction() as tx:
        attempt = await tx.attempts.by_payment(payment_id)
        assert attempt is not None
        unanswered = attempt.model_copy(update={"outcome": None})
        with pytest.raises(Conflict, match="payment_unrecorded"):
            await take_in_dispute(tx, unanswered, dispute, real_now=counter.till.real_now)


_PATHS = st.sampled_from(
    [
        [DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW, DisputeStatus.WON],
        [DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW, DisputeStatus.LOST],
        [DisputeStatus.WARNING_NEEDS_RESPONSE, DisputeStatus.WARNING_CLOSED],
        [
            DisputeStatus.WARNING_NEEDS_RESPONSE,
            DisputeStatus.NEEDS_RESPONSE,
            DisputeStatus.LOST,
        ],
        [
            DisputeStatus.WARNING_NEEDS_RESPONSE,
            DisputeStatus.UNDER_REVIEW,
            DisputeStatus.WON,
        ],
    ]
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=_PATHS, heard=st.lists(st.integers(0, 2), min_size=3, max_size=3))
async def test_whatever_was_heard_of_it_the_end_is_the_same(
    sold: tuple[Counter, str], engine: AsyncEngine, path: list[DisputeStatus], heard: list[int]
) -> None:
    shop, payment_id = sold
    async with undone(engine) as connection:
        till = Till(engine, gateway=copy.deepcopy(shop.till.gateway))
        counter = Counter(till, connection=connection)
        dispute = till.gateway.open_dispute(payment_id, status=path[0])
        for status, times in zip(path, heard, strict=False):
            if status is not path[0]:
                till.gateway.move_dispute(dispute.id, status)
            for _ in range(times):
                await counter.hear_of_dispute(dispute.id)
        await counter.hear_of_dispute(dispute.id)

        assert await counter.accounts() == (LOST if path[-1] is DisputeStatus.LOST else WON)
        assert await counter.tasks() == ["dispute_opened"]
