"""Who commanded what, and why (policy P34), read."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.audit import audit_log
from billing.actor import Actor
from billing.value import Instant, Value


class AuditedCommand(Value):
    """One entry of the audit log."""

    command_id: str
    command: str
    actor: Actor
    reason: str | None
    at: Instant


async def of_subject(
    connection: AsyncConnection, subject: str, *, limit: int
) -> tuple[AuditedCommand, ...]:
    """What was commanded of a subscription or done to a task, latest first."""
    found = await connection.execute(
        select(audit_log)
        .where(audit_log.c.subject == subject)
        .order_by(audit_log.c.at.desc(), audit_log.c.recorded_at.desc())
        .limit(limit)
    )
    return tuple(
        AuditedCommand(
            command_id=row.command_id,
            command=row.command,
            actor=Actor(kind=row.actor_kind, id=row.actor_id),
            reason=row.reason,
            at=row.at,
        )
        for row in found
    )
