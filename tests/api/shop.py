"""A shop that sells Team and Assistant, and the requests that its tests make again and again."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, transactions
from adapters.db.tables.idempotency import idempotency_requests
from adapters.settings import Settings
from api.app import create_app
from api.authentication import SCOPES
from api.dependencies import Dependencies
from billing.catalog import Catalog, Product, Trial
from billing.entitlement import Entitlement
from billing.interval import Interval, IntervalUnit
from billing.message import Message
from billing.ports.customers import CustomerRecord
from billing.price import Price
from billing.price_model import PerUnit

CATALOG = Catalog(
    products=(
        Product(
            id="team",
            name="Team",
            family="plan",
            trial=Trial(days=14),
            entitlements=(Entitlement(feature="single_sign_on"),),
        ),
        Product(id="pro", name="Pro", family="plan"),
        Product(id="assistant", name="Assistant", family="assistant"),
    ),
    prices=(
        Price(
            id="team_monthly",
            product_id="team",
            currency="USD",
            model=PerUnit(unit_amount_minor=Decimal(1600)),
            interval=Interval(unit=IntervalUnit.MONTH),
            unit_name="seat",
            maximum_quantity=1_000,
        ),
        Price(
            id="pro_yearly",
            product_id="pro",
            currency="EUR",
            model=PerUnit(unit_amount_minor=Decimal("10800.5")),
            interval=Interval(unit=IntervalUnit.YEAR),
        ),
        Price(
            id="assistant_monthly",
            product_id="assistant",
            currency="JPY",
            model=PerUnit(unit_amount_minor=Decimal(2_000)),
            interval=Interval(unit=IntervalUnit.MONTH),
        ),
    ),
)


def settings_for(
    database_url: str,
    *,
    stripe_api_key: str = "sk_test_nobody",
    stripe_api_base: str | None = None,
) -> Settings:
    """Sandbox settings with secrets of the tests'."""
    return Settings(
        database_url=SecretStr(database_url),
        stripe_api_key=SecretStr(stripe_api_key),
        stripe_api_base=stripe_api_base,
        stripe_webhook_secret=SecretStr("whsec_test"),
        link_secret=SecretStr("secret of the test links"),
        public_url="http://api.test",
    )


async def sell_catalog(engine: AsyncEngine, catalog: Catalog = CATALOG) -> None:
    """Puts the catalog on sale."""
    async with transactions(engine)() as tx:
        await tx.catalog.put_on_sale(catalog)


@dataclass(slots=True)
class Mailbox:
    """A post that keeps what it is given."""

    messages: list[Message] = field(default_factory=list)

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        assert to.id == message.customer_id
        self.messages.append(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The API and what tests do with it."""

    app: FastAPI
    client: httpx.AsyncClient
    transactions: Transactions
    deps: Dependencies

    async def api_key(self, *, scopes: tuple[str, ...] = SCOPES) -> str:
        """The secret of a new API key."""
        secret = f"pk_{uuid.uuid4().hex}"
        async with self.transactions() as tx:
            await tx.api_keys.put(
                secret,
                key_id=f"key_{uuid.uuid4().hex[:12]}",
                name="test",
                scopes=scopes,
                created_at=datetime.now(UTC),
            )
        return secret

    async def post(
        self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.client.post(path, json=body or {}, headers=headers)

    async def made(self, path: str, body: dict[str, Any], *, key: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """What a POST made; it must succeed."""
        answer = await self.post(path, body, key=key)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def read(self, path: str, **query: str | int) -> Any:  # noqa: ANN401 - JSON
        """What a GET found; it must succeed."""
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def customer(self, *, card: str | None = None, clock: str | None = None) -> str:
        """A customer's id, with a saved card where one is named."""
        body = {"email": "ada@example.com", "name": "Ada"} | (
            {} if clock is None else {"test_clock": clock}
        )
        made = await self.made("/v1/customers", body)
        if card is not None:
            await self.made(f"/v1/customers/{made['id']}/payment_methods", {"payment_method": card})
        return str(made["id"])

    def out_of_patience(self, *, seconds: float = 0.5) -> None:
        """From now on requests wait for workflows no longer than this."""
        patience = timedelta(seconds=seconds)
        self.app.state.dependencies = replace(self.deps, caller_patience=patience)

    async def forget_answers(self) -> None:
        """As if the API had died before it stored what it answered."""
        async with self.deps.engine.begin() as connection:
            await connection.execute(delete(idempotency_requests))

    async def clock(self, at: str) -> str:
        """A test clock's id."""
        made = await self.made("/v1/test_clocks", {"frozen_at": at})
        return str(made["id"])

    async def advance(self, clock: str, to: str) -> None:
        """Moves a clock and waits until it is ready."""
        await self.made(f"/v1/test_clocks/{clock}/advance", {"frozen_at": to})
        await self.until(f"/v1/test_clocks/{clock}", "status", "ready")

    async def until(self, path: str, field: str, value: str) -> None:
        """Reads again until a field says so."""
        async with asyncio.timeout(60):
            while (await self.read(path))[field] != value:  # noqa: ASYNC110 - as callers do
                await asyncio.sleep(0.05)


@asynccontextmanager
async def opened_shop(deps: Dependencies, catalog: Catalog = CATALOG) -> AsyncIterator[Shop]:
    """It sells the catalog to a caller with a key of its own; nobody works for it."""
    await sell_catalog(deps.engine, catalog)
    app = create_app(deps)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api.test"
    ) as client:
        shop = Shop(app=app, client=client, transactions=transactions(deps.engine), deps=deps)
        client.headers["Authorization"] = f"Bearer {await shop.api_key()}"
        yield shop


def problem(answer: httpx.Response, status: int, code: str) -> Any:  # noqa: ANN401 - JSON
    """The problem document, which must be of this status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["code"] == code, document
    assert document["status"] == status
    assert document["request_id"] == answer.headers["request-id"]
    return document
