"""The log of requests received, for tests that assert on what was sent.

Owns what is kept of a request; card numbers and codes are not. Lives in memory, bounded.
"""

from collections import deque

from pydantic import BaseModel, ConfigDict

from simulator.forms import FormTree

_SECRET = {"number", "cvc", "account_number", "iban"}


class RecordedRequest(BaseModel):
    """A request as it came in. `status` is None if it was never answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request_id: str
    at: int
    method: str
    path: str
    parameters: dict[str, str]
    idempotency_key: str | None
    status: int | None
    replayed: bool
    fault: str | None


class RequestLog:
    """The latest requests, oldest first."""

    def __init__(self, capacity: int) -> None:
        self._entries: deque[RecordedRequest] = deque(maxlen=capacity)

    def add(self, entry: RecordedRequest) -> None:
        """Keep a request."""
        self._entries.append(entry)

    def entries(self) -> list[RecordedRequest]:
        """All that is kept."""
        return list(self._entries)

    def clear(self) -> None:
        """Forget all requests."""
        self._entries.clear()


def flattened(tree: FormTree, prefix: str = "") -> dict[str, str]:
    """The parameters in bracket notation, secrets masked, in a stable order."""
    flat: dict[str, str] = {}
    for key in sorted(tree):
        name = f"{prefix}[{key}]" if prefix else key
        value = tree[key]
        if isinstance(value, dict):
            flat.update(flattened(value, name))
        else:
            flat[name] = f"…{value[-4:]}" if key in _SECRET else value
    return flat
