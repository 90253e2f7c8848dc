"""What the `stripe` package says about the parameters of each request.

Owns the comparison of form parameters with the package's TypedDicts: no unknown names, readable as
the documented type, nothing missing. Open enumerations (`Literal[…] | str`) are taken as closed.
Does not import `stripe` before it is needed.
"""

import re
import types
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Literal, NotRequired, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

from simulator.forms import FormTree

_FOREIGN_NAMES = {"StripeContext": str, "Mapping": Mapping}
_INTEGER = re.compile(r"\A-?[0-9]+\Z")


def parameter_violations(documented: str, tree: FormTree) -> list[str]:
    """Everything in a request that the TypedDict `documented` of `stripe.params` does not allow."""
    package, _, name = documented.rpartition(".")
    module = import_module(f"stripe.params.{package}" if package else "stripe.params")
    return _hash(tree, getattr(module, name), documented)


def _hash(tree: FormTree, documented: object, path: str) -> list[str]:
    hints = _hints(documented)
    required = {name for name, hint in hints.items() if get_origin(hint) is not NotRequired}
    found = [f"{path}[{name}]: not documented" for name in sorted(set(tree) - set(hints))]
    found += [f"{path}[{name}]: missing" for name in sorted(required - set(tree))]
    for name, value in tree.items():
        if name in hints:
            found += _value(value, hints[name], f"{path}[{name}]")
    return found


def _value(value: "str | FormTree", hint: object, path: str) -> list[str]:
    origin = get_origin(hint)
    if origin is NotRequired:
        return _value(value, get_args(hint)[0], path)
    if origin in (Union, types.UnionType):
        return _union(value, get_args(hint), path)
    return _leaf(value, hint, path) if isinstance(value, str) else _branch(value, hint, path)


def _branch(tree: FormTree, hint: object, path: str) -> list[str]:
    origin = get_origin(hint)
    if is_typeddict(hint):
        return _hash(tree, hint, path)
    if origin in (list, dict) or getattr(origin, "__name__", "") == "UntypedStripeObject":
        return _each(tree, get_args(hint)[-1], path)
    return [] if hint is Any else [f"{path}: a hash is not {hint}"]


def _leaf(value: str, hint: object, path: str) -> list[str]:
    if get_origin(hint) is Literal:
        allowed = get_args(hint)
        fits = value in allowed or any(str(choice).lower() == value for choice in allowed)
    elif hint is int:
        fits = _INTEGER.match(value) is not None
    elif hint is bool:
        fits = value in ("true", "false")
    else:
        fits = hint in (str, Any)
    return [] if fits else [f"{path}: {value!r} is not {hint}"]


def _each(tree: Mapping[str, "str | FormTree"], hint: object, path: str) -> list[str]:
    found: list[str] = []
    for name, value in tree.items():
        found += _value(value, hint, f"{path}[{name}]")
    return found


def _union(value: "str | FormTree", arms: tuple[object, ...], path: str) -> list[str]:
    named = {choice for arm in arms if get_origin(arm) is Literal for choice in get_args(arm)}
    closed = bool(named - {""})
    attempts = [_value(value, arm, path) for arm in arms if not (closed and arm is str)]
    return [] if any(not attempt for attempt in attempts) else attempts[-1]


@cache
def _hints(documented: Any) -> dict[str, object]:  # noqa: ANN401 - TypedDicts have no common type
    options = set(import_module("stripe._request_options").RequestOptions.__annotations__)
    hints = get_type_hints(documented, localns=_FOREIGN_NAMES, include_extras=True)
    return {name: hint for name, hint in hints.items() if name not in options}
