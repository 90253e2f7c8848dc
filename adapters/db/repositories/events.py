"""The outbox of domain events, appended to."""

from adapters.db.appended import Appended
from billing.event import DomainEvent


class SqlEvents:
    """Implements `billing.ports.storage.Events`."""

    def __init__(self, appended: Appended) -> None:
        self._appended = appended

    async def append(self, *events: DomainEvent) -> None:
        """Each once per key."""
        self._appended.tell(*events)
