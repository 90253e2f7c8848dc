"""What the `stripe` package says about the fields of each object.

Owns the comparison of a JSON document with the package's resource annotations, all the way down:
no unknown fields, the right types, nothing missing. Open enumerations (`Literal[…] | str` in the
package) are taken as closed. Does not import `stripe` before it is needed.
"""

import types
from functools import cache
from importlib import import_module
from inspect import get_annotations
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

from simulator.document import JsonObject

_DELETED_KEYS = {"id", "object", "deleted"}
_CONSTANTS = {"OBJECT_NAME"}
_SCALARS = (int, str, bool, float, type(None))


def field_violations(document: JsonObject) -> list[str]:
    """Everything in a response that the package's annotations do not allow."""
    found = _object(document, str(document.get("object")))
    data = document.get("data")
    snapshot = data.get("object") if isinstance(data, dict) else None
    if document.get("object") == "event" and isinstance(snapshot, dict):
        found += _object(snapshot, f"event.data.{snapshot.get('object')}")
    return found


def _object(value: object, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: expected an object, got {value!r}"]
    if value.get("deleted") is True:
        return _keys(value, known=_DELETED_KEYS, required=_DELETED_KEYS, path=path)
    kind = value.get("object")
    if kind == "list":
        return _list(value, path)
    documented = _documented_class(str(kind))
    if documented is None:
        return [f"{path}: no documented object {kind!r}"]
    return _fields(value, documented, path)


def _list(value: JsonObject, path: str) -> list[str]:
    keys = {"object", "data", "has_more", "url"}
    found = _keys(value, known=keys, required=keys, path=path)
    data = value.get("data")
    for index, item in enumerate(data if isinstance(data, list) else []):
        found += _object(item, f"{path}.data[{index}]")
    return found


def _fields(value: JsonObject, documented: type, path: str) -> list[str]:
    annotations = _annotations(documented)
    required = {name for name, annotation in annotations.items() if not _nullable(annotation)}
    found = _keys(value, known=set(annotations), required=required, path=path)
    for name, item in value.items():
        if name in annotations:
            found += _value(item, annotations[name], f"{path}.{name}")
    return found


def _keys(value: JsonObject, *, known: set[str], required: set[str], path: str) -> list[str]:
    unknown = [f"{path}.{name}: not documented" for name in sorted(set(value) - known)]
    return unknown + [f"{path}.{name}: missing" for name in sorted(required - set(value))]


def _value(value: object, annotation: object, path: str) -> list[str]:
    origin = get_origin(annotation)
    if annotation is Any:
        return []
    if origin in (Union, types.UnionType):
        return _union(value, get_args(annotation), path)
    if origin is Literal:
        allowed = get_args(annotation)
        return [] if value in allowed else [f"{path}: {value!r} is not one of {allowed}"]
    if annotation in _SCALARS:
        return [] if type(value) is annotation else [f"{path}: {value!r} is not {annotation}"]
    return _compound(value, annotation, path)


def _compound(value: object, annotation: object, path: str) -> list[str]:
    origin = get_origin(annotation) or annotation
    if origin is list:
        return _items(value, get_args(annotation)[0], path)
    if isinstance(annotation, ForwardRef):
        return _reference(value, annotation.__forward_arg__, path)
    if not isinstance(origin, type) or not isinstance(value, dict):
        return [f"{path}: {value!r} is not {annotation!r}"]
    match origin.__name__:
        case "UntypedStripeObject":
            return _untyped(value, get_args(annotation)[0], path)
        case "ListObject":
            return _object(value, path)
        case _:
            return _fields(value, origin, path)


def _union(value: object, arms: tuple[object, ...], path: str) -> list[str]:
    closed = any(get_origin(arm) is Literal for arm in arms)
    considered = [arm for arm in arms if not (closed and arm is str)]
    attempts = [_value(value, arm, path) for arm in considered]
    fitting = [attempt for attempt in attempts if not attempt]
    if fitting:
        return []
    return max(attempts, key=lambda attempt: max(len(finding) for finding in attempt))


def _items(value: object, annotation: object, path: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{path}: expected a list, got {value!r}"]
    found: list[str] = []
    for index, item in enumerate(value):
        found += _value(item, annotation, f"{path}[{index}]")
    return found


def _reference(value: object, name: str, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: expected {name}, got {value!r}"]
    documented = _documented_class(str(value.get("object")))
    if documented is None or documented.__name__ != name:
        return [f"{path}: expected {name}, got object {value.get('object')!r}"]
    return _object(value, path)


def _untyped(value: JsonObject, annotation: object, path: str) -> list[str]:
    found: list[str] = []
    for name, item in value.items():
        found += _value(item, annotation, f"{path}.{name}")
    return found


def _nullable(annotation: object) -> bool:
    return type(None) in get_args(annotation)


@cache
def _documented_class(kind: str) -> type | None:
    classes = import_module("stripe._object_classes").OBJECT_CLASSES
    if kind not in classes:
        return None
    module, name = classes[kind]
    found = getattr(import_module(module), name)
    return found if isinstance(found, type) else None


@cache
def _annotations(documented: type) -> dict[str, object]:
    root = import_module("stripe._stripe_object").StripeObject
    found: dict[str, object] = {}
    for parent in reversed(documented.__mro__):
        if parent is not root and issubclass(parent, root):
            found.update(get_annotations(parent))
    return {name: found[name] for name in found if name not in _CONSTANTS}
