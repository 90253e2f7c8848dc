import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import stripe

from adapters.stripe.client import API_VERSION, connect_stripe
from adapters.stripe.gateway import StripeGateway
from billing.errors import GatewayFailed, GatewayUnreachable


def test_the_pinned_version_is_the_one_that_the_package_was_generated_for() -> None:
    assert stripe.api_version == API_VERSION


async def test_an_address_where_nobody_listens_is_unreachable() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        async with connect_stripe(
            api_key="sk_test_nobody", api_base=f"http://127.0.0.1:{port}/"
        ) as client:
            with pytest.raises(GatewayUnreachable) as unreachable:
                await StripeGateway(client).read_payment("pi_1")
    assert unreachable.value.code == "gateway_unreachable"
    assert unreachable.value.__cause__ is None


async def test_an_answer_that_breaks_off_is_unreachable_and_not_a_refusal() -> None:
    async with (
        listening(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{") as address,
        connect_stripe(api_key="sk_test_nobody", api_base=address) as client,
    ):
        with pytest.raises(GatewayUnreachable):
            await StripeGateway(client).read_payment("pi_1")


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_a_proxy_that_the_environment_names_is_asked(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    async with listening(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("http_proxy", proxy.replace("http://", scheme))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with connect_stripe(
            api_key="sk_test_nobody", api_base="http://stripe.invalid"
        ) as client:
            with pytest.raises(GatewayFailed):
                await StripeGateway(client).read_payment("pi_1")


async def test_a_host_that_needs_no_proxy_is_asked_directly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    async with (
        listening(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n") as address,
        connect_stripe(api_key="sk_test_nobody", api_base=address) as client,
    ):
        with pytest.raises(GatewayFailed):
            await StripeGateway(client).read_payment("pi_1")


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[str]:
    """A server that says one thing and hangs up; its address."""

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer_once, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
