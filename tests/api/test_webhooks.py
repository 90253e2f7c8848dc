"""The door for Stripe's events: what comes in is stored once, what must not changes nothing."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.db.engine import create_engine
from adapters.db.tables.webhook import webhook_inbox
from adapters.memory.gateway import MemoryGateway
from adapters.settings import Settings
from adapters.stripe.client import API_VERSION
from api.app import create_app
from api.body_limit import LARGEST_BODY_BYTES
from api.dependencies import Dependencies

_SECRET = "whsec_test"
_PATH = "/v1/webhooks/stripe"


def _event(**changes: object) -> bytes:
    event: dict[str, object] = {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "api_version": API_VERSION,
        "created": 1_769_851_800,
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {}}},
    }
    return json.dumps({**event, **changes}).encode()


def _signature(body: bytes, *, secret: str = _SECRET, age_seconds: int = 0) -> str:
    signed_at = int(time.time()) - age_seconds
    digest = hmac.digest(secret.encode(), f"{signed_at}.".encode() + body, "sha256").hex()
    return f"t={signed_at},v1={digest}"


@dataclass(frozen=True, slots=True)
class _Door:
    http: httpx.AsyncClient
    engine: AsyncEngine

    async def post(self, body: bytes, signature: str | None) -> httpx.Response:
        headers = {"content-type": "application/json; charset=utf-8"}
        if signature is not None:
            headers["stripe-signature"] = signature
        return await self.http.post(_PATH, content=body, headers=headers)

    async def stored(self) -> list[tuple[str, str, dict[str, object]]]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(
                select(webhook_inbox.c.event_id, webhook_inbox.c.type, webhook_inbox.c.payload)
            )
            return [(row.event_id, row.type, row.payload) for row in rows]


@pytest.fixture
async def door(database_url: str, temporal_client: Client) -> AsyncIterator[_Door]:
    engine = create_engine(database_url)
    settings = Settings(
        database_url=SecretStr(database_url),
        stripe_api_key=SecretStr("sk_test_perennial"),
        stripe_webhook_secret=SecretStr(_SECRET),
        link_secret=SecretStr("secret of the test links"),
    )
    app = create_app(
        Dependencies(
            engine=engine, temporal=temporal_client, gateway=MemoryGateway(), settings=settings
        )
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as http:
        yield _Door(http, engine)
    await engine.dispose()


async def test_a_signed_event_is_stored_before_it_is_acknowledged(door: _Door) -> None:
    body = _event()
    answer = await door.post(body, _signature(body))
    assert (answer.status_code, answer.json()) == (200, {"received": True, "duplicate": False})
    assert await door.stored() == [("evt_1", "payment_intent.succeeded", json.loads(body))]


async def test_a_repeated_event_is_acknowledged_and_stored_once(door: _Door) -> None:
    body = _event()
    answers = await asyncio.gather(*(door.post(body, _signature(body)) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(not answer.json()["duplicate"] for answer in answers) == 1
    assert len(await door.stored()) == 1


async def test_an_event_of_a_kind_that_nothing_follows_from_is_stored_as_well(door: _Door) -> None:
    body = _event(type="balance.available", data={"object": {"object": "balance"}})
    assert (await door.post(body, _signature(body))).status_code == 200
    assert len(await door.stored()) == 1


_GOOD = _event()
_REFUSALS: dict[str, tuple[bytes, Callable[[bytes], str | None], str]] = {
    "unsigned": (_GOOD, lambda _: None, "webhook_signature_missing"),
    "empty signature": (_GOOD, lambda _: "", "webhook_signature_missing"),
    "signed by another": (
        _GOOD,
        lambda body: _signature(body, secret="whsec_x"),
        "webhook_signature_invalid",
    ),
    "signed for another body": (
        _GOOD,
        lambda _: _signature(_event(id="evt_2")),
        "webhook_signature_invalid",
    ),
    "gibberish for a signature": (_GOOD, lambda _: "t=,v1=;;;", "webhook_signature_invalid"),
    "no event": (b"[1]", _signature, "webhook_malformed"),
    "no JSON": (b"{", _signature, "webhook_malformed"),
    "no UTF-8": (b"\xff\xfe", _signature, "webhook_malformed"),
    "nothing at all": (b"", _signature, "webhook_malformed"),
}
"""Signed when they are sent: a signature is stale after five minutes."""


@pytest.mark.parametrize("name", _REFUSALS)
async def test_what_cannot_be_trusted_or_read_is_refused_and_not_stored(
    name: str, door: _Door
) -> None:
    body, sign, code = _REFUSALS[name]
    answer = await door.post(body, sign(body))
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await door.stored() == []


async def test_an_old_signature_is_refused_as_a_replay(door: _Door) -> None:
    answer = await door.post(_GOOD, _signature(_GOOD, age_seconds=301))
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_signature_stale")
    assert await door.stored() == []


@pytest.mark.parametrize("version", ["2020-08-27", "2026-10-28.other", None])
async def test_an_event_of_another_api_version_is_refused(version: str | None, door: _Door) -> None:
    body = _event(api_version=version)
    answer = await door.post(body, _signature(body))
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_version_unsupported")
    assert await door.stored() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "a\x00b"},
        {"account": "\ud800"},
        {"id": "evt_\x00"},
        {"id": "x" * 300},
        {"type": "no such type!"},
        {"created": 1e300},
        {"data": {"object": {"id": 7, "object": "payment_intent"}}},
    ],
)
async def test_a_signed_event_that_cannot_be_stored_is_refused(
    changes: dict[str, object], door: _Door
) -> None:
    body = _event(**changes)
    answer = await door.post(body, _signature(body))
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_malformed")
    assert await door.stored() == []


async def test_an_oversized_event_is_refused_unread(door: _Door) -> None:
    body = _event(account="x" * LARGEST_BODY_BYTES)
    answer = await door.post(body, _signature(body))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert await door.stored() == []
