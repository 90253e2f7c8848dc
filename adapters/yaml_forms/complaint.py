"""What a model has against a value, as a sentence that says what to write instead.

Owns those sentences, for whoever writes files. The limits in them are the model's own.
"""

from collections.abc import Mapping
from typing import Final

from pydantic_core import ErrorDetails

_SENTENCES: Final[Mapping[str, str]] = {
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write {ge} or more",
    "less_than": "write less than {lt}",
    "less_than_equal": "write {le} or less",
    "string_too_short": "write something",
    "string_too_long": "write {max_length} characters at most",
    "too_short": "write {min_length} or more",
    "too_long": "write {max_length} at most",
    "int_from_float": "write no more decimals than the currency has",
    "decimal_max_places": "write {decimal_places} decimals at most",
    "missing": "it is missing; write it",
}
_PATTERNS: Final[Mapping[str, str]] = {
    "^[a-z][a-z0-9_]{1,62}$": "write 2 to 63 of a-z, 0-9 and _, a letter first, such as team_2",
    "^[a-z][a-z0-9_]{0,62}$": "write up to 63 of a-z, 0-9 and _, a letter first, such as region",
    "^[a-z0-9][a-z0-9_.-]{0,62}$": "write up to 63 of a-z, 0-9, _, . and -, such as eu-west.1",
    "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$": "write up to 63 letters, digits, _ or -, such as MAY-25",
    "^[A-Z0-9]{1,3}$": "write up to 3 of A-Z and 0-9, such as NY",
}
_OF_ANOTHER: Final = frozenset({"model_type", "union_tag_invalid", "union_tag_not_found"})
"""Complaints of a value that is put together of others later, of which one is told already."""


def sentence(complaint: ErrorDetails) -> str | None:
    """What to write instead; None where that is told of another value."""
    kind, context = complaint["type"], complaint.get("ctx", {})
    if kind in _OF_ANOTHER:
        return None
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return _PATTERNS.get(pattern, f"write what matches {pattern}")
    known = _SENTENCES.get(kind)
    return (
        complaint["msg"].removeprefix("Value error, ") if known is None else known.format(**context)
    )
