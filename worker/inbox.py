"""The inbox of webhooks: every stored event is processed, at once if possible, for ever if not.

Owns waking, claiming, backing off and telling of failures. An event is claimed for a while and not
locked: no transaction is open while it is processed, and what a killed worker held comes back. An
event that cannot be processed holds up no other; it is tried again, ever more rarely, until it can.
Does not own what events lead to (`worker.gateway_events`) nor who may store them (`api.webhooks`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import single_statements
from adapters.db.notifications import DATABASE_LOST, listen, rings
from adapters.db.repositories.webhooks import CHANNEL, ClaimedWebhook, SqlWebhooks
from worker.gateway_events import Handling

Apply = Callable[[str, str | None], Awaitable[Handling]]
"""Does what follows from an event, by its type and the id of its object."""

LEASE: Final = timedelta(minutes=2)
"""How long a claimed event is left alone; processing is stopped before that."""

_PROCESSING_SECONDS: Final = 100
_BATCH: Final = 20
_LONGEST_BACKOFF: Final = timedelta(hours=1)
_MOST_DOUBLINGS: Final = 12

PROCESSED: Final = Counter(
    "perennial_webhooks_processed_total", "Stored webhooks that were processed", ("handling",)
)
FAILED: Final = Counter(
    "perennial_webhooks_failed_total", "Tries to process a webhook that failed", ("type",)
)

log = structlog.get_logger(__name__)


def backoff(attempts: int) -> timedelta:
    """One second after the first failure, twice as long after each further one, up to an hour."""
    doublings = min(max(attempts, 1) - 1, _MOST_DOUBLINGS)
    return min(timedelta(seconds=2**doublings), _LONGEST_BACKOFF)


class Inbox:
    """Processes stored events until it is cancelled."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        database_url: str,
        apply: Apply,
        poll_interval: timedelta = timedelta(seconds=5),
    ) -> None:
        """`poll_interval` bounds how late an event is where no notification arrives."""
        self._engine = engine
        self._database_url = database_url
        self._apply = apply
        self._poll_interval = poll_interval

    async def run(self) -> None:
        """Wakes on every stored event, and every now and then; outlives the database's absence."""
        bell = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                listen(
                    self._database_url,
                    CHANNEL,
                    heard=bell.set,
                    lost=lambda reason: log.warning("inbox.not_listening", error=reason),
                    pause=self._poll_interval,
                )
            )
            while True:
                bell.clear()
                if await self._drained():
                    await rings(bell, within=self._poll_interval)

    async def process_due(self) -> int:
        """Processes one batch of what is due; returns how many events that were.

        Those that succeeded are marked together: a statement for each would cost as much as most
        of them do. Raises what the database raises; an event whose result could not be recorded
        comes back.
        """
        async with self._webhooks() as webhooks:
            claimed = await webhooks.claim(limit=_BATCH, lease=LEASE)
        results = await asyncio.gather(
            *(self._process(event) for event in claimed), return_exceptions=True
        )
        done = [event.id for event, result in zip(claimed, results, strict=True) if result is True]
        if done:
            async with self._webhooks() as webhooks:
                await webhooks.mark_processed(done)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return len(claimed)

    @asynccontextmanager
    async def _webhooks(self) -> AsyncIterator[SqlWebhooks]:
        async with single_statements(self._engine) as connection:
            yield SqlWebhooks(connection)

    async def _drained(self) -> bool:
        """Whether nothing more is due now, or nothing can be known about it."""
        try:
            return await self.process_due() < _BATCH
        except (SQLAlchemyError, *DATABASE_LOST) as error:
            log.warning("inbox.unreachable", error=type(error).__name__)
            return True

    async def _process(self, event: ClaimedWebhook) -> bool:
        """Whether it succeeded; a failure is recorded with it, told, and tried again later."""
        try:
            async with asyncio.timeout(_PROCESSING_SECONDS):
                handling = await self._apply(event.type, event.object_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the others
            await self._postpone(event, error)
            return False
        PROCESSED.labels(handling).inc()
        log.info("webhook.processed", event_id=event.id, type=event.type, handling=handling.value)
        return True

    async def _postpone(self, event: ClaimedWebhook, error: Exception) -> None:
        delay = backoff(event.attempts)
        described = f"{type(error).__name__}: {error}".encode(errors="replace").decode()
        FAILED.labels(event.type).inc()
        log.error(
            "webhook.failed",
            event_id=event.id,
            type=event.type,
            attempts=event.attempts,
            retry_in_seconds=int(delay.total_seconds()),
            error=type(error).__name__,
            code=getattr(error, "code", None),
        )
        async with self._webhooks() as webhooks:
            await webhooks.mark_failed(event.id, error=described, retry_in=delay)
