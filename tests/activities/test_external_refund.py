"""News of refunds, ours and those made in the dashboard: any order and number, the same books."""

import contextlib
import copy
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.external_refund import take_in_refund
from adapters.memory.outages import Operation, Outage
from billing.errors import (
    Conflict,
    GatewayRefused,
    GatewayUnavailable,
    GatewayUnreachable,
    InvalidInput,
    PerennialError,
)
from billing.ports.gateway import GatewayRefund, RefundStatus
from billing.refund import RefundState, state_of
from tests.activities.counter import Counter, usd
from tests.activities.till import Till
from tests.adapters.db.undone import undone


@pytest.fixture
def counter(till: Till) -> Counter:
    return Counter(till)


async def test_a_refund_made_in_the_dashboard_is_taken_in_once(counter: Counter) -> None:
    invoice_id = await counter.sell()
    made = counter.till.gateway.refund_by_hand(await counter.payment_of(invoice_id), usd(5000))

    for _ in range(3):
        refund = await counter.hear_of_refund(made.id)

    assert refund is not None
    assert (refund.is_external, refund.state) == (True, RefundState.SUCCEEDED)
    assert (await counter.rows("credit_notes"), await counter.rows("refunds")) == (1, 1)
    assert await counter.accounts() == {"cash": 11000, "deferred_revenue": -11000}
    with pytest.raises(PerennialError, match="amount_too_large"):
        await counter.refund(invoice_id, 11001)


async def test_two_refunds_of_the_dashboard_are_two(counter: Counter) -> None:
    payment_id = await counter.payment_of(await counter.sell())
    for made in [counter.till.gateway.refund_by_hand(payment_id, usd(5000)) for _ in range(2)]:
        await counter.hear_of_refund(made.id)
    assert await counter.accounts() == {"cash": 6000, "deferred_revenue": -6000}


async def test_one_that_failed_before_it_was_heard_of_is_balance(counter: Counter) -> None:
    payment_id = await counter.payment_of(await counter.sell())
    made = counter.till.gateway.refund_by_hand(payment_id, usd(5000))
    counter.till.gateway.settle_refund(made.id, failure="lost_or_stolen_card")
    for _ in range(2):
        await counter.hear_of_refund(made.id)
    assert await counter.balance_minor() == 5000
    assert await counter.tasks() == ["refund_failed"]
    assert (await counter.accounts())["cash"] == 16000


async def test_news_of_our_refund_whose_answer_was_lost_is_not_a_second_one(
    counter: Counter,
) -> None:
    invoice_id = await counter.sell()
    refund_id = await counter.refund(invoice_id, 5000)
    counter.till.gateway.outages.plan(Operation.CREATE_REFUND, Outage.LOST_ANSWER)
    with pytest.raises(GatewayUnreachable):
        await counter.advance(refund_id)
    made = await counter.till.gateway.find_refund(
        await counter.payment_of(invoice_id), refund_id=refund_id
    )
    assert made is not None

    heard = await counter.hear_of_refund(made.id)

    assert heard is not None
    assert (heard.id, heard.state, heard.is_external) == (refund_id, RefundState.SUCCEEDED, False)
    assert await counter.advance(refund_id) == heard
    assert await counter.rows("credit_notes") == 1
    assert (await counter.accounts())["cash"] == 11000


async def test_what_the_books_cannot_give_back_waits_for_an_operator(counter: Counter) -> None:
    invoice_id = await counter.sell_for_balance_and_card()
    await counter.refund(invoice_id)
    before = await counter.accounts()
    payment_id = await counter.payment_of(invoice_id)
    made = counter.till.gateway.refund_by_hand(payment_id, usd(5000))

    assert await counter.hear_of_refund(made.id) is None
    assert await counter.hear_of_refund(made.id) is None

    assert await counter.tasks() == ["unknown_refund"]
    assert await counter.accounts() == before


async def test_one_that_finds_room_once_ours_has_failed_no_longer_waits(
    counter: Counter,
) -> None:
    invoice_id = await counter.sell_for_balance_and_card()
    [ours] = await counter.give_back(invoice_id, 12000)
    made = counter.till.gateway.refund_by_hand(await counter.payment_of(invoice_id), usd(1000))
    assert await counter.hear_of_refund(made.id) is None
    assert await counter.tasks() == ["unknown_refund"]

    await counter.advance(ours)
    assert await counter.tasks() == ["refund_failed", "unknown_refund"]
    assert await counter.hear_of_refund(made.id) is not None

    assert await counter.tasks() == ["refund_failed"]
    assert (await counter.accounts())["cash"] == 27000


async def test_the_balance_s_part_cannot_come_from_the_card(counter: Counter) -> None:
    invoice_id = await counter.sell_for_balance_and_card()
    payment_id = await counter.payment_of(invoice_id)
    made = counter.till.gateway.refund_by_hand(payment_id, usd(12000))
    assert await counter.hear_of_refund(made.id) is not None
    with pytest.raises(PerennialError, match="amount_too_large"):
        await counter.refund(invoice_id, 4001)
    assert await counter.give_back(invoice_id, 4000) == ()


async def test_a_payment_that_is_not_recorded_yet_is_waited_for(counter: Counter) -> None:
    invoice_id = await counter.sell()
    made = counter.till.gateway.refund_by_hand(await counter.payment_of(invoice_id), usd(5000))
    async with counter.open_transaction() as tx:
        attempt = await tx.attempts.by_payment(made.payment_id or "")
        assert attempt is not None
        unanswered = attempt.model_copy(update={"outcome": None})
        with pytest.raises(Conflict, match="payment_unrecorded"):
            await take_in_refund(tx, unanswered, made, real_now=counter.till.real_now)


async def test_another_one_under_the_same_id_of_ours_is_not_ours(counter: Counter) -> None:
    invoice_id = await counter.sell()
    refund_id = await counter.refund(invoice_id, 5000)
    await counter.advance(refund_id)
    made = counter.till.gateway.refund_by_hand(await counter.payment_of(invoice_id), usd(5000))
    async with counter.open_transaction() as tx:
        attempt = await tx.attempts.by_payment(made.payment_id or "")
        assert attempt is not None
        double = made.model_copy(update={"refund_id": refund_id})
        refund = await take_in_refund(tx, attempt, double, real_now=counter.till.real_now)
    assert refund is not None
    assert (refund.is_external, refund.gateway_refund_id) == (True, made.id)
    assert (await counter.accounts())["cash"] == 6000


@dataclass
class _Week:
    """One payment, and whatever callers, the dashboard, banks and webhooks do with it."""

    counter: Counter
    payment_id: str
    invoice_id: str
    drawn: st.DataObject
    ours: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)

    async def step(self, number: int) -> None:
        everything = (
            *(self.ask, self.carry_out, self.sleep),
            *(self.refund_by_hand, self.fail, self.hear),
        )
        doing = self.drawn.draw(st.sampled_from(everything), label=f"step {number}")
        await doing()

    async def ask(self) -> None:
        minor = self.drawn.draw(st.integers(1, 9000))
        with contextlib.suppress(InvalidInput, Conflict):  # all of it may be given back by now
            self.ours += await self.counter.give_back(
                self.invoice_id, minor, command_id=f"cmd_{len(self.ours)}_{minor}"
            )

    async def carry_out(self) -> None:
        if not self.ours:
            return
        outage = self.drawn.draw(
            st.sampled_from([None, Outage.LOST_ANSWER, Outage.LOST_REQUEST, Outage.FAILED])
        )
        if outage is not None:
            self.counter.till.gateway.outages.plan(Operation.CREATE_REFUND, outage)
        with contextlib.suppress(GatewayUnavailable):
            await self.counter.advance(self.drawn.draw(st.sampled_from(self.ours)))

    async def sleep(self) -> None:
        self.counter.till.pass_time(timedelta(hours=self.drawn.draw(st.sampled_from([1, 30]))))

    async def refund_by_hand(self) -> None:
        minor = self.drawn.draw(st.integers(1, 9000))
        try:
            made = self.counter.till.gateway.refund_by_hand(self.payment_id, usd(minor))
        except GatewayRefused:
            return
        self.by_hand.append(made.id)

    async def fail(self) -> None:
        made = [each for each in await self.at_gateway() if each.status is RefundStatus.SUCCEEDED]
        if made:
            failing = self.drawn.draw(st.sampled_from(made))
            self.counter.till.gateway.settle_refund(failing.id, failure="declined")

    async def hear(self) -> None:
        made = await self.at_gateway()
        if made:
            await self.counter.hear_of_refund(self.drawn.draw(st.sampled_from(made)).id)

    async def at_gateway(self) -> list[GatewayRefund]:
        gateway = self.counter.till.gateway
        ours = [await gateway.find_refund(self.payment_id, refund_id=each) for each in self.ours]
        by_hand = [await gateway.read_refund(each) for each in self.by_hand]
        return [*(each for each in ours if each is not None), *by_hand]

    async def finish(self) -> None:
        """Outages are over and every webhook has come."""
        while self.counter.till.gateway.outages.take(Operation.CREATE_REFUND):
            continue
        for refund_id in self.ours:
            await self.counter.advance(refund_id)
        await self.hear_everything()

    async def hear_everything(self) -> None:
        made = await self.at_gateway()
        for each in self.drawn.draw(st.permutations(made)):
            await self.counter.hear_of_refund(each.id)


@pytest.fixture
async def sold(counter: Counter) -> tuple[Counter, str]:
    return counter, await counter.sell_for_balance_and_card()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.data())
async def test_whatever_happens_in_whatever_order_the_books_are_the_gateway_s(
    sold: tuple[Counter, str], engine: AsyncEngine, drawn: st.DataObject
) -> None:
    shop, invoice_id = sold
    async with undone(engine) as connection:
        till = Till(engine, gateway=copy.deepcopy(shop.till.gateway))
        counter = Counter(till, connection=connection)
        payment_id = await counter.payment_of(invoice_id)
        week = _Week(counter, payment_id, invoice_id, drawn)
        for number in range(drawn.draw(st.integers(1, 12))):
            await week.step(number)
        await week.finish()

        accounts = await counter.accounts()
        tasks = await counter.tasks()
        unknown = await _agree(week)
        assert tasks.count("unknown_refund") == len(unknown)
        paid_back = sum(
            each.amount.amount_minor
            for each in await week.at_gateway()
            if each.status is RefundStatus.SUCCEEDED and each.id not in unknown
        )
        assert accounts["cash"] == 28000 - paid_back

        await week.hear_everything()
        assert (await counter.accounts(), await counter.tasks()) == (accounts, tasks)


async def _agree(week: _Week) -> set[str]:
    """Every refund of the books stands where the gateway's does; the ids of those not in them."""
    unknown = set()
    async with week.counter.open_transaction() as tx:
        for made in await week.at_gateway():
            booked = await tx.refunds.by_gateway_id(made.id)
            if booked is None:
                assert made.refund_id is None
                unknown.add(made.id)
                continue
            assert (booked.state, booked.amount) == (state_of(made.status), made.amount)
            assert booked.is_external == (made.refund_id is None)
        assert await tx.refunds.unfinished() == ()
    return unknown
