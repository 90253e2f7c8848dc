"""The audit log: once per command and subject, append-only."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.tables.audit import audit_log
from billing.actor import Actor, ActorKind
from tests.adapters.db.company import START

_ACTOR = Actor(kind=ActorKind.OPERATOR, id="ada")


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


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_log SET reason = 'other'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ],
)
async def test_the_audit_log_is_append_only(engine: AsyncEngine, change: str) -> None:
    with pytest.raises(DBAPIError, match="audit_log is append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(change))
