"""Webhook deliveries: signed, at least once, in the background.

Owns sending, signing and retrying, and carrying out what was ordered to go wrong. Does not decide
who is owed what (`operation`). Source: https://docs.stripe.com/webhooks
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Coroutine

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from simulator.account import Account
from simulator.events import Event
from simulator.faults import WebhookFault
from simulator.store import Delivery
from simulator.tls import tls_context
from simulator.webhook_endpoints import WebhookEndpoint

_BATCH = 64
_CONCURRENCY = 8
_LONGEST_WAIT_SECONDS = 1.0
_LEASE_MARGIN_SECONDS = 30.0
_TAKEN = range(200, 300)

_log = structlog.get_logger("simulator")


def signature_header(secret: str, body: str, signed_at: int) -> str:
    """Stripe's signature of a body: `t=…,v1=…`, HMAC-SHA256 over `t.body`."""
    digest = hmac.new(secret.encode(), f"{signed_at}.{body}".encode(), hashlib.sha256)
    return f"t={signed_at},v1={digest.hexdigest()}"


class Deliveries:
    """The sender of one account; `run` it as a task."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._slots = asyncio.Semaphore(_CONCURRENCY)
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[Delivery] = []

    async def run(self) -> None:
        """Send what is due, for ever."""
        async with ClientSession(
            connector=TCPConnector(ssl=tls_context()),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=self._account.config.webhook_timeout_seconds),
        ) as client:
            try:
                while True:
                    self._account.changed.clear()
                    if not self._start_due(client):
                        await self._wait()
                    else:
                        await asyncio.sleep(0)
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait(self) -> None:
        next_due = self._account.store.next_delivery()
        seconds = _LONGEST_WAIT_SECONDS
        if next_due is not None:
            seconds = min(seconds, max(0.0, next_due - self._account.clock()))
        try:
            async with asyncio.timeout(seconds):
                await self._account.changed.wait()
        except TimeoutError:
            return

    def _start_due(self, client: ClientSession) -> bool:
        store, now = self._account.store, self._account.clock()
        due = store.due_deliveries(now, limit=_BATCH)
        lease = self._account.config.webhook_timeout_seconds + _LEASE_MARGIN_SECONDS
        for delivery in due:
            with store.transaction():
                store.lease(delivery, now + lease)
            self._start(client, delivery)
        return bool(due)

    def _start(self, client: ClientSession, delivery: Delivery) -> None:
        event = self._account.store.find(Event, delivery.event)
        endpoint = self._account.store.find(WebhookEndpoint, delivery.endpoint)
        if event is None or endpoint is None or endpoint.status == "disabled":
            self._end(delivery)
            return
        fault = None
        if delivery.attempts == 0:
            fault = self._account.faults.take_webhook(event.type)
        if fault is None:
            self._spawn(self._attempt(client, delivery))
        else:
            self._start_faulty(client, delivery, fault)

    def _start_faulty(self, client: ClientSession, delivery: Delivery, fault: WebhookFault) -> None:
        match fault.kind:
            case "delay":
                with self._account.store.transaction():
                    self._account.store.reschedule(delivery, self._account.clock() + fault.seconds)
            case "duplicate":
                self._spawn(self._twice(client, delivery))
            case "drop":
                self._end(delivery)
            case "reorder":
                self._held.append(delivery)
                if fault.times == 1:
                    held, self._held = self._held[::-1], []
                    self._spawn(self._one_by_one(client, held))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _twice(self, client: ClientSession, delivery: Delivery) -> None:
        event = self._account.store.find(Event, delivery.event)
        endpoint = self._account.store.find(WebhookEndpoint, delivery.endpoint)
        if event is not None and endpoint is not None:
            await self._post(client, endpoint, event)
        await self._attempt(client, delivery)

    async def _one_by_one(self, client: ClientSession, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            await self._attempt(client, delivery)

    async def _attempt(self, client: ClientSession, delivery: Delivery) -> None:
        event = self._account.store.find(Event, delivery.event)
        endpoint = self._account.store.find(WebhookEndpoint, delivery.endpoint)
        if event is None or endpoint is None:
            self._end(delivery)
            return
        async with self._slots:
            delivered = await self._post(client, endpoint, event)
        if delivered or delivery.attempts + 1 >= self._account.config.webhook_attempts:
            self._end(delivery)
            return
        with self._account.store.transaction():
            self._account.store.reschedule(
                delivery, self._account.clock() + self._backoff_seconds(delivery.attempts)
            )
        self._account.changed.set()

    async def _post(self, client: ClientSession, endpoint: WebhookEndpoint, event: Event) -> bool:
        document = event.public()
        self._account.conformance.check_response(document)
        body = json.dumps(document, separators=(",", ":"))
        signed_at = int(self._account.clock())
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "stripe-signature": signature_header(endpoint.secret or "", body, signed_at),
        }
        try:
            async with client.post(
                endpoint.url, data=body.encode(), headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (ClientError, TimeoutError) as error:
            _log.info("webhook.unreachable", event_id=event.id, reason=type(error).__name__)
            return False
        is_taken = status in _TAKEN
        if not is_taken:
            _log.info("webhook.refused", event_id=event.id, status=status)
        return is_taken

    def _end(self, delivery: Delivery) -> None:
        store = self._account.store
        with store.transaction():
            owed = store.settle(delivery)
            event = store.find(Event, delivery.event)
            if event is not None:
                store.replace(event.changed(pending_webhooks=owed))

    def _backoff_seconds(self, attempts: int) -> float:
        config = self._account.config
        return min(
            config.webhook_backoff_seconds * 2.0**attempts, config.webhook_backoff_ceiling_seconds
        )
