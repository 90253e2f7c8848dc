import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from adapters.logging import MASK, configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def _events(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_events_are_one_json_object_per_line(stream: io.StringIO) -> None:
    configure_logging("json", stream=stream)
    structlog.get_logger("worker").info("invoice.paid", invoice_id="in_1", amount_minor=8000)
    (event,) = _events(stream)
    assert event["event"] == "invoice.paid"
    assert (event["invoice_id"], event["amount_minor"]) == ("in_1", 8000)
    assert (event["level"], event["logger"]) == ("info", "worker")
    assert str(event["timestamp"]).endswith("Z")


def test_the_standard_librarys_records_take_the_same_way(stream: io.StringIO) -> None:
    configure_logging("json", stream=stream)
    logging.getLogger("temporalio").warning("poll failed after %d tries", 3)
    (event,) = _events(stream)
    assert event["event"] == "poll failed after 3 tries"
    assert (event["level"], event["logger"]) == ("warning", "temporalio")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_and_personal_data_are_masked_wherever_they_lie(
    stream: io.StringIO, log_format: str
) -> None:
    configure_logging(log_format, stream=stream)
    log = structlog.get_logger()
    log.info(
        "request.received", headers={"Authorization": "Bearer abcdefgh12345"}, cvc="not a number"
    )
    log.info("customer.created", customer={"id": "cus_1", "email": "ada@example.com"})
    log.info("worker.started", url="postgresql://perennial:hunter2@localhost/x")
    log.info("key is sk_live_abcdefghijkl and whsec_abcdefghijkl")
    log.info("curl -H 'authorization: bearer abcdefghijkl'", answer="pk_abcdefghijkl is unknown")
    logging.getLogger("somebody").error("bad key %s", "rk_test_abcdefghijkl")
    shown = stream.getvalue()
    for secret in ("abcdefgh", "not a number", "ada@example.com", "hunter2"):
        assert secret not in shown
    assert shown.count(MASK) == 9
    assert "cus_1" in shown


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_are_shown_and_masked(stream: io.StringIO, log_format: str) -> None:
    configure_logging(log_format, stream=stream)
    try:
        int("no such key: sk_live_abcdefghijkl")
    except ValueError:
        structlog.get_logger().exception("worker.failed")
    shown = stream.getvalue()
    assert "ValueError" in shown
    assert "abcdefgh" not in shown


def test_talkative_libraries_are_quiet(stream: io.StringIO) -> None:
    configure_logging("json", stream=stream)
    logging.getLogger("httpx").info("HTTP Request: POST https://api.stripe.com/v1/customers")
    logging.getLogger("stripe").info("message='Invalid email address: ada@example.com'")
    assert stream.getvalue() == ""


def test_configuring_twice_logs_once(stream: io.StringIO) -> None:
    configure_logging("json", stream=stream)
    configure_logging("json", stream=stream)
    structlog.get_logger().info("worker.started")
    assert len(_events(stream)) == 1


class FullDisk(io.StringIO):
    """A stream that takes nothing any more."""

    def write(self, _: str, /) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_keeps_nobody_from_working() -> None:
    configure_logging("json", stream=FullDisk())
    structlog.get_logger("worker").info("webhook.processed", event_id="evt_1")
    structlog.get_logger("worker").error("webhook.failed", event_id="evt_1")
    closed = io.StringIO()
    closed.close()
    configure_logging("json", stream=closed)
    structlog.get_logger("worker").warning("inbox.unreachable")
