"""Ids that follow from business facts (policy P32).

Owns the derivation. Ids of things that a caller creates freely are drawn where the request enters
(`api/`); everything that follows from them is derived here, so that doing it again finds it.
"""

from hashlib import blake2b

_SEPARATOR = "\x1f"


def derived_id(prefix: str, *parts: str) -> str:
    """`{prefix}_{24 hex digits}`: the same parts give the same id, other parts another one."""
    digest = blake2b(_SEPARATOR.join(parts).encode(), digest_size=12)
    return f"{prefix}_{digest.hexdigest()}"


def effect_key(operation: str, subject: str, *details: str | int) -> str:
    """An idempotency key: `{operation}:{subject}:{period or change id}:{attempt}`."""
    return ":".join((operation, subject, *(str(detail) for detail in details)))
