"""Logs of every process: structlog's events and the standard library's records, one way out.

Owns rendering, levels of talkative libraries and the last line of defence for secrets: values
under known names, and anything that looks like a key of Stripe's, are masked. Does not own which
events there are.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "[redacted]"

_SECRET_NAMES: Final = frozenset(
    {
        "api_key", "authorization", "client_secret", "control_token", "cookie", "database_url",
        "link_secret", "password", "secret", "smtp_url", "stripe_api_key",
        "stripe_signature", "stripe_webhook_secret", "token",
    }
)  # fmt: skip
_PERSONAL_NAMES: Final = frozenset({"card", "card_number", "cvc", "email", "iban", "name", "phone"})
_HIDDEN_NAMES: Final = _SECRET_NAMES | _PERSONAL_NAMES
_SECRET_TEXT: Final = re.compile(
    r"(?:(?:sk|rk)_(?:test|live)|whsec|pk)_[A-Za-z0-9_]{6,}"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{8,}=*"
)
"""Keys of Stripe's, the credentials of a URL, bearer tokens."""

_TALKATIVE: Final = ("httpx", "httpcore", "stripe", "asyncio", "uvicorn.access")
"""They log URLs, error messages of Stripe's or every request at INFO."""


def configure_logging(
    log_format: str,
    *,
    level: int = logging.INFO,
    stream: TextIO | None = None,
) -> None:
    """Replaces the process's handlers; may be called again.

    `log_format` is `json`, or `console` for people; `stream` defaults to standard error.
    """
    out = stream or sys.stderr
    stamped: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = _rendering(log_format)
    structlog.configure(
        processors=[*stamped, *rendering],
        logger_factory=cache(partial(_Writer, out)),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*stamped, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _Writer(structlog.WriteLogger):
    """Writes lines under a name; through the standard library each would take twice as long."""

    def __init__(self, out: TextIO, *names: str) -> None:
        super().__init__(out)
        self.name = ".".join(names) or "root"

    def msg(self, message: str) -> None:
        """A full disk or a closed pipe keeps nobody from billing: as in the standard library."""
        with suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


def _add_logger_name(logger: WrappedLogger, _: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    event["logger"] = logger.name if record is None else record.name
    return event


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Masks secrets and personal data, however deep they lie; the shape stays."""
    return _members(event)


def _rendering(log_format: str) -> list[Processor]:
    if log_format == "json":
        return [
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(),
        ]
    plain = structlog.dev.plain_traceback
    return [
        structlog.processors.format_exc_info,
        redact,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),
    ]


def _members(named: Mapping[str, object]) -> dict[str, object]:
    return {
        name: MASK if value is not None and _is_hidden(name) else _masked(value)
        for name, value in named.items()
    }


def _is_hidden(name: object) -> bool:
    return isinstance(name, str) and name.lower() in _HIDDEN_NAMES


def _masked(value: object) -> object:
    match value:
        case str():
            return _SECRET_TEXT.sub(MASK, value) if _may_have_secrets(value) else value
        case None | int() | float():
            return value  # before the abstract classes, which take long to answer
        case Mapping():
            return _members(value)
        case bytes():
            return f"[{len(value)} bytes]"
        case Sequence():
            return [_masked(inner) for inner in value]
        case _:
            return value


def _may_have_secrets(text: str) -> bool:
    """Whether it has what each secret has; the pattern takes ten times as long to say no."""
    return "k_" in text or "whsec_" in text or "://" in text or "earer " in text
