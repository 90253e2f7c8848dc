"""What is appended once: domain events, messages and the audit log."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.tables.audit import audit_log
from adapters.db.tables.domain_event import domain_events
from adapters.db.tables.message import messages
from billing.actor import Actor, ActorKind
from billing.event import DomainEvent
from billing.message import Message, MessageKind
from tests.adapters.db.company import START, open_shop, subscribe

_ACTOR = Actor(kind=ActorKind.OPERATOR, id="ada")


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine)
    await subscribe(engine)


def _event(key: str, **details: str | int | None) -> DomainEvent:
    return DomainEvent(
        key=key,
        type="subscription.activated",
        at=START,
        customer_id="cus_1",
        subscription_id="sub_1",
        details=details,
    )


async def test_an_event_is_written_once_per_key_in_order(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.events.append()
        await tx.events.append(_event("a", seats=5), _event("b"), _event("a", seats=6))
    async with transaction() as tx:
        await tx.events.append(_event("c", note=None), _event("b", seats=1))
    async with engine.connect() as connection:
        rows = (await connection.execute(select(domain_events).order_by("id"))).all()
    assert [(row.key, row.details) for row in rows] == [
        ("a", {"seats": 5}),
        ("b", {}),
        ("c", {"note": None}),
    ]
    assert rows[0].at == START


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE domain_events SET type = 'other'",
        "DELETE FROM domain_events",
        "TRUNCATE domain_events",
        "UPDATE audit_log SET reason = 'other'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ],
)
async def test_events_and_audit_are_append_only(
    transaction: Transactions, engine: AsyncEngine, change: str
) -> None:
    async with transaction() as tx:
        await tx.events.append(_event("a"))
    with pytest.raises(DBAPIError, match=r"append-only|only be marked as delivered"):
        async with engine.begin() as connection:
            await connection.execute(text(change))


async def test_an_event_can_be_marked_as_delivered(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        await tx.events.append(_event("a"))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE domain_events SET delivered_at = now()"))
        [row] = await connection.execute(select(domain_events))
        assert row.delivered_at is not None


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


async def test_a_command_is_audited_once_per_subject(
    transaction: Transactions, engine: AsyncEngine
) -> None:
    async with transaction() as tx:
        for subject, reason in (("sub_1", "asked"), ("sub_1", "again"), ("sub_2", None)):
            await tx.audit.append(
                command_id="cmd_1",
                command="cancel_now",
                subject=subject,
                actor=_ACTOR,
                reason=reason,
                at=START,
            )
    async with engine.connect() as connection:
        rows = (await connection.execute(select(audit_log).order_by("subject"))).all()
    assert [(row.subject, row.reason, row.actor_id) for row in rows] == [
        ("sub_1", "asked", "ada"),
        ("sub_2", None, "ada"),
    ]
