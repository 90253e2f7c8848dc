"""Messages: begun until they are sent."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.tables.message import messages
from billing.message import Message, MessageKind
from tests.adapters.db.company import START, open_shop, subscribe


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine)
    await subscribe(engine)


async def test_a_message_is_begun_until_it_is_sent(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    message = Message(
        key="message.trial_will_end:sub_1:1",
        kind=MessageKind.TRIAL_WILL_END,
        customer_id="cus_1",
        subscription_id="sub_1",
        product_name="Team",
        at=START,
    )
    async with transaction() as tx:
        assert await tx.messages.begin(message)
    async with transaction() as tx:
        assert await tx.messages.begin(message)
        await tx.messages.sent(message.key)
    async with transaction() as tx:
        assert not await tx.messages.begin(message)
        await tx.messages.sent(message.key)
    async with engine.connect() as connection:
        [row] = await connection.execute(select(messages))
    assert row.attempts == 2
    assert Message.model_validate(row.content) == message
