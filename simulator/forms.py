"""Form-encoded parameters, as Stripe's libraries send them, to a nested tree.

Owns the bracket notation (`a[b][0][c]=x`, `a[]=x`). Does not know which parameters exist: lists
stay mappings of positions here, because only the schema knows `metadata[0]` from `expand[0]`.
"""

import re
from typing import TypeAlias
from urllib.parse import parse_qsl

from simulator.errors import InvalidRequest

FormTree: TypeAlias = "dict[str, str | FormTree]"

_KEY = re.compile(r"\A([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_PART = re.compile(r"\[([^\[\]]*)\]")
_DEPTH_LIMIT = 8
_FIELD_LIMIT = 1000


def parse_form(encoded: str) -> "FormTree":
    """The tree of parameters in a query or body. Raises InvalidRequest for malformed keys."""
    try:
        pairs = parse_qsl(
            encoded, keep_blank_values=True, errors="strict", max_num_fields=_FIELD_LIMIT
        )
    except ValueError as error:
        raise InvalidRequest(f"Invalid request: {error}") from error
    tree: FormTree = {}
    for key, value in pairs:
        _place(tree, _path(key), value, key)
    return tree


def _path(key: str) -> list[str]:
    match = _KEY.match(key)
    if match is None:
        raise InvalidRequest(f"Invalid parameter name: {key[:100]}", code="parameter_unknown")
    path = [match.group(1), *_PART.findall(match.group(2))]
    if len(path) > _DEPTH_LIMIT:
        raise InvalidRequest(f"Parameter nested too deeply: {key[:100]}")
    return path


def _place(tree: "FormTree", path: list[str], value: str, key: str) -> None:
    if "\x00" in value:
        raise InvalidRequest(f"Invalid string: {key} contains a NUL character", param=key)
    for part in path[:-1]:
        child = tree.setdefault(part, {})
        if isinstance(child, str):
            raise InvalidRequest(f"Invalid hash: {key}", param=path[0])
        tree = child
    leaf = path[-1] or str(len(tree))
    if isinstance(tree.get(leaf), dict):
        raise InvalidRequest(f"Invalid hash: {key}", param=path[0])
    tree[leaf] = value
