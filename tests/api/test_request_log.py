"""The line that every request leaves: which operation, by whom, how it ended; nothing personal."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from adapters.db.queries import api_keys
from adapters.logging import configure_logging
from tests.api.shop import Shop


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging("json", stream=out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_a_request_leaves_its_route_its_status_and_who_asked(
    idle_shop: Shop, stream: io.StringIO
) -> None:
    answer = await idle_shop.client.get("/v1/customers/cus_unknown?email=ada@example.com")
    async with idle_shop.transactions() as tx:
        [key] = await api_keys.all_of(tx.connection)
    [line] = [
        said
        for said in map(json.loads, stream.getvalue().splitlines())
        if said["event"] == "request.answered"
    ]
    assert (line["method"], line["status"]) == ("GET", answer.status_code)
    assert line["route"] == "/v1/customers/{customer_id}"
    assert line["caller"] == key.id
    assert line["request_id"] == answer.headers["Request-Id"]
    assert "cus_unknown" not in stream.getvalue()
    assert "ada@" not in stream.getvalue()
