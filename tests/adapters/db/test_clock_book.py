"""Which subscriptions a test clock waits for."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.clock_book import SqlClockBook
from adapters.db.engine import Transactions
from adapters.db.tables.customer import customers
from billing.credit_note import UnusedPart
from billing.message import Message, MessageKind
from billing.period import Period
from billing.subscription import (
    EndReason,
    OpenInvoice,
    PromisedBack,
    SubscriptionState,
    SubscriptionStatus,
)
from tests.adapters.db.company import START, open_shop, subscribe, subscription

_END = START + timedelta(days=3)
_MESSAGE = Message(
    key="msg_1",
    kind=MessageKind.SUBSCRIPTION_CANCELED,
    customer_id="cus_1",
    subscription_id="sub_1",
    product_name="Team",
    at=_END,
)


@pytest.fixture(autouse=True)
async def clock(transaction: Transactions, engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=2)
    async with transaction() as tx:
        await tx.test_clocks.create(
            test_clock_id="clock_1", name=None, frozen_at=START, created_at=START
        )
        await tx.connection.execute(
            update(customers).where(customers.c.id == "cus_1").values(test_clock_id="clock_1")
        )


_PROMISED = PromisedBack(
    cause="cmd_1", unused=UnusedPart.CREDIT, part=Period(start=START, end=_END), paid=("inv_1",)
)


def _ended(number: int, **left: object) -> SubscriptionState:
    return subscription(number).model_copy(
        update={
            "status": SubscriptionStatus.CANCELED,
            "ended_at": _END,
            "end_reason": EndReason.REQUESTED,
            **left,
        }
    )


async def test_a_clock_waits_for_what_lives_and_for_what_still_has_something_to_say(
    engine: AsyncEngine,
) -> None:
    amount = subscription().terms.period_amount
    owed = OpenInvoice(invoice_id="inv_1", amount=amount, due_at=START, next_attempt_at=None)
    states = (
        subscription(1),
        _ended(2),
        _ended(3, messages=(_MESSAGE,)),
        _ended(4, open_invoices=(owed,)),
        _ended(5, promised_back=_PROMISED),
        subscription(6, customer_number=2),
    )
    await subscribe(engine, *states)

    waited_for = await SqlClockBook(engine).subscription_ids("clock_1")

    assert waited_for == ("sub_1", "sub_3", "sub_4", "sub_5")
