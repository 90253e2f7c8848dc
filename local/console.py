"""What the local system shows in its terminal.

Owns the prefix and colour of each part and the rendering of structlog's JSON lines. Does not decide
what is worth showing.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TextIO

_COLOURS: Final[Mapping[str, str]] = {
    "postgres": "34",
    "temporal": "35",
    "simulator": "33",
    "worker": "32",
    "api": "36",
    "perennial": "1",
}
_LEVEL_COLOURS: Final[Mapping[str, str]] = {"error": "31", "critical": "31", "warning": "33"}
_PLAIN_FIELDS: Final = frozenset({"event", "level", "timestamp", "logger"})


class Console:
    """Lines from several threads, each whole; colours only where a person looks."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colours = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self._writing = threading.Lock()

    def say(self, text: str) -> None:
        """A line of the system itself."""
        self._write("perennial", text)

    def show(self, text: str) -> None:
        """Text without a prefix: the final screen."""
        self._print(text)

    def line_of(self, part: str) -> Callable[[str], None]:
        """Where the log lines of `part` go."""
        is_worth_showing = _FILTERS.get(part, bool)

        def write(line: str) -> None:
            if is_worth_showing(line):
                self._write(part, self._readable(line))

        return write

    def emphasised(self, text: str) -> str:
        """`text` so that it stands out."""
        return self._painted(text, "1")

    def _write(self, part: str, text: str) -> None:
        prefix = self._painted(f"{part:>9} |", _COLOURS[part])
        self._print("\n".join(f"{prefix} {line}" for line in text.splitlines() or [""]))

    def _print(self, text: str) -> None:
        with self._writing:
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def _readable(self, line: str) -> str:
        """A structlog line as time, event and fields; any other line as it is."""
        try:
            entry = json.loads(line)
        except ValueError:
            return line
        if not isinstance(entry, dict) or "event" not in entry:
            return line
        level = str(entry.get("level", "info"))
        words = [_clock_of(entry), str(entry["event"])]
        words += [
            f"{name}={value}"
            for name, value in entry.items()
            if name not in _PLAIN_FIELDS and value is not None
        ]
        text = " ".join(word for word in words if word)
        return self._painted(text, _LEVEL_COLOURS[level]) if level in _LEVEL_COLOURS else text

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text


def _clock_of(entry: Mapping[str, object]) -> str:
    try:
        at = datetime.fromisoformat(str(entry.get("timestamp", "")))
    except ValueError:
        return ""
    return at.astimezone().strftime("%H:%M:%S")


def _is_postgres_trouble(line: str) -> bool:
    # Refusing connections while it starts is what readiness looks like from its side.
    return not line.startswith("LOG:") and "the database system is starting up" not in line


def _is_temporal_trouble(line: str) -> bool:
    return "level=" in line


_FILTERS: Final[Mapping[str, Callable[[str], bool]]] = {
    "postgres": _is_postgres_trouble,
    "temporal": _is_temporal_trouble,
}
