"""Refunds: to their sources, never more than was paid, and carried out once (policy P31, P32)."""

import asyncio
from datetime import timedelta

import pytest

from adapters.memory.outages import Operation, Outage
from billing.credit_note import UnusedPart
from billing.errors import Conflict, GatewayFailed, GatewayUnreachable, InvalidInput
from billing.ports.gateway import DisputeStatus, RefundRequest
from billing.refund import RefundState
from tests.activities.counter import Counter, usd
from tests.activities.till import DUE_AT, Till


@pytest.fixture
def counter(till: Till) -> Counter:
    return Counter(till)


async def test_what_balance_and_card_paid_goes_back_to_both(counter: Counter) -> None:
    invoice_id = await counter.sell_for_balance_and_card()
    assert await counter.balance_minor() == 0

    refund = await counter.advance(await counter.refund(invoice_id))

    assert (refund.state, refund.amount) == (RefundState.SUCCEEDED, usd(12000))
    assert await counter.balance_minor() == 4000
    assert await counter.accounts() == {
        "cash": 16000,
        "deferred_revenue": -12000,
        "customer_balance": -4000,
    }


async def test_a_part_goes_to_the_card_before_the_balance(counter: Counter) -> None:
    invoice_id = await counter.sell_for_balance_and_card()

    first = await counter.advance(await counter.refund(invoice_id, 10000))
    second = await counter.advance(await counter.refund(invoice_id, 5000))

    assert (first.amount, second.amount) == (usd(10000), usd(2000))
    assert await counter.balance_minor() == 3000
    assert await counter.give_back(invoice_id, 1000) == ()
    assert await counter.balance_minor() == 4000


async def test_all_of_it_may_go_to_the_balance(counter: Counter) -> None:
    invoice_id = await counter.sell()
    assert await counter.give_back(invoice_id, to=UnusedPart.CREDIT) == ()
    assert await counter.accounts() == {"cash": 16000, "customer_balance": -16000}


async def test_never_more_than_was_paid_is_given_back(counter: Counter) -> None:
    invoice_id = await counter.sell()
    with pytest.raises(InvalidInput, match="amount_too_large"):
        await counter.refund(invoice_id, 16001)
    await counter.refund(invoice_id, 6000)
    with pytest.raises(InvalidInput, match="amount_too_large"):
        await counter.refund(invoice_id, 10001)
    await counter.refund(invoice_id)
    with pytest.raises(Conflict, match="nothing_to_refund"):
        await counter.refund(invoice_id, 1)
    assert (await counter.accounts())["refunds_payable"] == -16000


async def test_requests_at_the_same_time_share_what_was_paid(counter: Counter) -> None:
    invoice_id = await counter.sell()
    answers = await asyncio.gather(
        *(counter.give_back(invoice_id, 6000, command_id=f"cmd_{number}") for number in range(4)),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, InvalidInput)]
    assert (len(refused), {error.code for error in refused}) == (2, {"amount_too_large"})
    assert (await counter.accounts())["refunds_payable"] == -12000


async def test_a_repeated_command_gives_back_once(counter: Counter) -> None:
    invoice_id = await counter.sell()
    answers = await asyncio.gather(
        *(counter.give_back(invoice_id, 6000, command_id="cmd_1") for _ in range(3))
    )
    await counter.advance(answers[0][0])
    assert await counter.give_back(invoice_id, 6000, command_id="cmd_1") == answers[0]
    assert len(set(answers)) == 1
    assert await counter.accounts() == {"cash": 10000, "deferred_revenue": -10000}


async def test_an_open_invoice_is_not_refunded(counter: Counter) -> None:
    owing = await counter.till.owing()
    with pytest.raises(Conflict, match="invoice_not_paid"):
        await counter.refund(owing.open_invoices[0].invoice_id)


@pytest.mark.parametrize("to", [UnusedPart.REFUND, UnusedPart.CREDIT])
async def test_nothing_of_a_disputed_payment_is_given_back(
    counter: Counter, to: UnusedPart
) -> None:
    invoice_id = await counter.sell()
    dispute = counter.till.gateway.open_dispute(await counter.payment_of(invoice_id))
    await counter.hear_of_dispute(dispute.id)

    with pytest.raises(Conflict, match="charge_disputed"):
        await counter.give_back(invoice_id, to=to)

    counter.till.gateway.move_dispute(dispute.id, DisputeStatus.WON)
    await counter.hear_of_dispute(dispute.id)
    await counter.give_back(invoice_id, to=to)
    assert "deferred_revenue" not in await counter.accounts()


async def test_a_lost_answer_does_not_refund_twice(counter: Counter) -> None:
    invoice_id = await counter.sell()
    refund_id = await counter.refund(invoice_id, 5000)
    counter.till.gateway.outages.plan(Operation.CREATE_REFUND, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnreachable):
        await counter.advance(refund_id)

    assert (await counter.advance(refund_id)).state is RefundState.SUCCEEDED
    assert await left_at_gateway(counter, invoice_id) == 11000


async def test_a_lost_answer_is_looked_up_once_the_key_is_forgotten(counter: Counter) -> None:
    invoice_id = await counter.sell()
    refund_id = await counter.refund(invoice_id, 5000)
    counter.till.gateway.outages.plan(Operation.CREATE_REFUND, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnreachable):
        await counter.advance(refund_id)
    counter.till.pass_time(timedelta(days=2))

    assert (await counter.advance(refund_id)).state is RefundState.SUCCEEDED
    assert await left_at_gateway(counter, invoice_id) == 11000


async def test_a_500_is_tried_again_under_a_fresh_key(counter: Counter) -> None:
    invoice_id = await counter.sell()
    refund_id = await counter.refund(invoice_id, 5000)
    counter.till.gateway.outages.plan(Operation.CREATE_REFUND, Outage.FAILED, times=2)
    for _ in range(2):
        with pytest.raises(GatewayFailed):
            await counter.advance(refund_id)

    assert (await counter.advance(refund_id)).failed_creations == 2
    assert await left_at_gateway(counter, invoice_id) == 11000


async def test_a_500_after_the_effect_does_not_refund_twice(counter: Counter) -> None:
    invoice_id = await counter.sell()
    refund_id = await counter.refund(invoice_id, 5000)
    counter.till.gateway.outages.plan(Operation.CREATE_REFUND, Outage.FAILED)
    with pytest.raises(GatewayFailed):
        await counter.advance(refund_id)
    await make_unseen(counter, invoice_id, refund_id, 5000)

    assert (await counter.advance(refund_id)).state is RefundState.SUCCEEDED
    assert await left_at_gateway(counter, invoice_id) == 11000


async def test_a_refusal_of_what_exists_already_is_no_failure(counter: Counter) -> None:
    invoice_id = await counter.sell()
    refund_id = await counter.refund(invoice_id)
    await make_unseen(counter, invoice_id, refund_id, 16000)

    assert (await counter.advance(refund_id)).state is RefundState.SUCCEEDED
    assert await counter.accounts() == {}


async def test_a_refused_refund_becomes_balance_and_a_task(counter: Counter) -> None:
    invoice_id = await counter.sell()
    refund_id = await counter.refund(invoice_id, 5000)
    counter.till.gateway.open_dispute(await counter.payment_of(invoice_id))

    failed = await counter.advance(refund_id)

    assert (failed.state, failed.failure_reason) == (RefundState.FAILED, "charge_disputed")
    assert await counter.balance_minor() == 5000
    assert await counter.tasks() == ["refund_failed"]
    assert await counter.advance(refund_id) == failed
    assert await counter.accounts() == {
        "cash": 16000,
        "deferred_revenue": -11000,
        "customer_balance": -5000,
    }


async def test_a_refund_may_fail_after_it_succeeded(counter: Counter) -> None:
    refund_id = await counter.refund(await counter.sell(), 5000)
    await counter.advance(refund_id)
    gateway_id = await counter.gateway_id(refund_id)
    counter.till.gateway.settle_refund(gateway_id, failure="expired_or_canceled_card")

    for _ in range(2):
        failed = await counter.hear_of_refund(gateway_id)
        assert failed is not None
        assert failed.state is RefundState.FAILED
        assert failed.failure_reason == "expired_or_canceled_card"

    assert await counter.balance_minor() == 5000
    assert await counter.tasks() == ["refund_failed"]
    assert (await counter.accounts())["cash"] == 16000
    assert await counter.advance(refund_id) == failed


async def test_a_refund_that_waits_for_the_bank_is_looked_at_again(counter: Counter) -> None:
    invoice_id = await counter.sell(card="pm_card_pendingRefund")
    refund_id = await counter.refund(invoice_id, 5000)
    assert (await counter.advance(refund_id)).state is RefundState.PENDING
    assert (await counter.accounts())["refunds_payable"] == -5000

    counter.till.gateway.settle_refund(await counter.gateway_id(refund_id))

    assert (await counter.advance(refund_id)).state is RefundState.SUCCEEDED
    assert await counter.accounts() == {"cash": 11000, "deferred_revenue": -11000}


async def test_what_happened_is_told_once(counter: Counter) -> None:
    refund_id = await counter.refund(await counter.sell(), 5000)
    for _ in range(3):
        await counter.advance(refund_id)
    told = [kind for kind in await counter.till.event_types() if "refund" in kind or "cred" in kind]
    assert told == ["credit_note.issued", "refund.created", "refund.succeeded"]


async def test_the_first_try_is_recorded_before_the_gateway_hears_of_it(counter: Counter) -> None:
    invoice_id = await counter.sell()
    refund_id = await counter.refund(invoice_id, 5000)
    counter.till.gateway.outages.plan(Operation.CREATE_REFUND, Outage.LOST_REQUEST)
    with pytest.raises(GatewayUnreachable):
        await counter.advance(refund_id)
    async with counter.open_transaction() as tx:
        begun = await tx.refunds.get(refund_id)
        assert begun is not None
        assert (begun.state, begun.started_at) == (RefundState.PENDING, DUE_AT)
        assert await tx.refunds.unfinished() == (refund_id,)


async def left_at_gateway(counter: Counter, invoice_id: str) -> int:
    """What the gateway has not paid back of an invoice's payment: what a bank could dispute."""
    dispute = counter.till.gateway.open_dispute(await counter.payment_of(invoice_id))
    return dispute.amount.amount_minor


async def make_unseen(counter: Counter, invoice_id: str, refund_id: str, minor: int) -> None:
    """The gateway made our refund, under a key whose answer says otherwise."""
    await counter.till.gateway.create_refund(
        RefundRequest(
            refund_id=refund_id,
            payment_id=await counter.payment_of(invoice_id),
            amount=usd(minor),
        ),
        key="unseen",
    )
