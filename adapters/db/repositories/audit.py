"""The audit log, appended to (policy P34)."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.audit import audit_log
from billing.actor import Actor


class SqlAuditLog:
    """Implements `billing.ports.storage.AuditLog`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(
        self,
        *,
        command_id: str,
        command: str,
        subject: str,
        actor: Actor,
        reason: str | None,
        at: datetime,
    ) -> None:
        """Once per command id and subject: callers choose the ids of their commands."""
        await self.append_first(
            command_id=command_id,
            command=command,
            subject=subject,
            actor=actor,
            reason=reason,
            at=at,
        )

    async def append_first(
        self,
        *,
        command_id: str,
        command: str,
        subject: str,
        actor: Actor,
        reason: str | None,
        at: datetime,
    ) -> bool:
        """As `append`; whether it was not there before. Waits for others that append the same."""
        appended = await self._connection.execute(
            insert(audit_log)
            .values(
                command_id=command_id,
                command=command,
                subject=subject,
                actor_kind=actor.kind,
                actor_id=actor.id,
                reason=reason,
                at=at,
            )
            .on_conflict_do_nothing()
        )
        return appended.rowcount > 0
