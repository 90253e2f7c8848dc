"""JSON documents as the simulator passes them between its layers.

Owns the names of the types. Does not own the shape of any resource.
"""

from typing import TypeAlias

from pydantic import JsonValue

JsonObject: TypeAlias = dict[str, JsonValue]


def object_at(document: JsonObject, key: str) -> JsonObject | None:
    """The object under `key`, or None when there is none or something else stands there."""
    value = document.get(key)
    return value if isinstance(value, dict) else None
