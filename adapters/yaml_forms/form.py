"""Forms of what people write: the keys of a mapping, each with its kind and what it means.

A form reads a mapping into a value of a model, tells every mistake with its line, and describes
itself as JSON Schema; so a key is one line in one form. Does not own YAML
(`adapters.yaml_forms.document`), the kinds of values (`adapters.yaml_forms.kinds`) nor any rule:
what a number may be is the model's to say, and the schema takes it from there.
"""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Final, Generic, Protocol, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from adapters.yaml_forms.complaint import sentence
from adapters.yaml_forms.document import Place, Problem, Stop, Told, place_of

ModelT = TypeVar("ModelT", bound=BaseModel)
ValueT = TypeVar("ValueT")
Fields = dict[str, yaml.Node]
Values = dict[str, object]
Schema = dict[str, object]

_CONSTRAINTS: Final[tuple[str, ...]] = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
)


class Reading:
    """What is known while files are read: every mistake so far, and who used which id where."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._used: dict[tuple[str, str], Fields | None] = {}
        self._claimed: dict[tuple[str, str], yaml.Node] = {}
        self.places: dict[tuple[str, str], Place] = {}
        """Where the ids are written, by kind and id."""

    def tell(self, node: yaml.Node, message: str) -> None:
        """Something about this node must be corrected."""
        self.problems.append(Problem(place_of(node), message))

    def claim(self, kind: str, identifier: str, node: yaml.Node) -> None:
        """The id is this node's. Raises `Stop` where it is another's."""
        place = place_of(node)
        first = self.places.setdefault((kind, identifier), place)
        if self._claimed.setdefault((kind, identifier), node) is not node:
            where = f"line {first.line}" if first.source == place.source else str(first)
            raise Stop(place, f"the {kind} id {identifier!r} is used in {where}; choose another")

    def each(
        self, nodes: Iterable[yaml.Node], read: Callable[[yaml.Node], ValueT]
    ) -> tuple[ValueT, ...]:
        """What can be read; what is wrong with the others is told."""
        values: list[ValueT] = []
        for node in nodes:
            try:
                values.append(read(node))
            except Stop as stop:
                self.problems.append(stop.problem)
            except Told:
                continue
        return tuple(values)

    def remember(self, kind: str, identifier: str, fields: Fields) -> None:
        """Where the fields of what has this id are written, for `complain`."""
        self._used[kind, identifier] = fields

    def complain(self, kind: str, identifier: str, name: str, message: str) -> None:
        """Tells what is wrong between things, at the field of the one that names the other."""
        fields = self._used.get((kind, identifier)) or {}
        node = fields.get(name) or next(iter(fields.values()), None)
        place = self.places[kind, identifier] if node is None else place_of(node)
        self.problems.append(Problem(place, message))


class Kind(Protocol):
    """What the value of a key is."""

    def read(self, node: yaml.Node, name: str, reading: Reading) -> object:
        """The value of a field of that name. Raises `Stop`, or `Told`."""
        ...

    def schema(self) -> Schema:
        """The same as JSON Schema."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a form."""

    kind: Kind
    says: str
    """What it means, for the schema's description."""
    required: bool = False
    field: str | None = None
    """The model's field, where it is called otherwise."""
    of: type[BaseModel] | None = None
    """The model that has the field, where it is not the form's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[ModelT]):
    """The form of a mapping that a model is made of."""

    what: str
    """As mistakes call it: `a trial`."""
    model: type[ModelT]
    keys: Mapping[str, Key] = field(default_factory=dict)
    says: str = ""

    def read(self, node: yaml.Node, reading: Reading) -> ModelT:
        """The value. Raises `Told` where something is wrong, which is told."""
        fields = self.fields(node, reading)
        if not fields:
            return self._of_nothing(node, reading)
        return self.built(fields, reading, self.model.model_validate)

    def fields(self, node: yaml.Node, reading: Reading) -> Fields:
        """The fields that are given. Wrong keys are told; raises `Told` where some are missing."""
        known = tuple(self.keys)
        if not isinstance(node, yaml.MappingNode):
            reading.tell(node, f"{self.what} is written as `key: value` lines: {', '.join(known)}")
            raise Told
        fields: Fields = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or name not in self.keys:
                reading.tell(key, _unknown_key(name, self.what, known))
            elif name in fields:
                reading.tell(key, f"{name!r} is written twice; keep one")
            else:
                fields[name] = value
        missing = [name for name in known if self.keys[name].required and name not in fields]
        if missing:
            reading.tell(node, f"{self.what} needs {', '.join(missing)}")
            raise Told
        return fields

    def built(self, fields: Fields, reading: Reading, build: Callable[[Values], ValueT]) -> ValueT:
        """What `build` makes of the fields that are given, each read as its key says.

        What cannot be read, and what `build` complains of, is told with the lines of the fields;
        then it raises `Told`.
        """
        values: Values = {}
        for name, node in fields.items():
            key = self.keys[name]
            try:
                values[key.field or name] = key.kind.read(node, name, reading)
            except Stop as stop:
                reading.problems.append(stop.problem)
            except Told:
                continue
        if len(values) < len(fields):
            self._tell_what_else(values, fields, reading)
            raise Told
        try:
            return build(values)
        except Stop as stop:
            reading.problems.append(stop.problem)
        except ValidationError as error:
            self._tell_complaints(error, fields, reading)
        raise Told

    def schema(self) -> Schema:
        """The form as JSON Schema: what can be said of one mapping alone."""
        properties = {
            name: {"description": key.says}
            | _constrained(
                key.kind.schema(), _field_schema(key.of or self.model, key.field or name)
            )
            for name, key in self.keys.items()
        }
        required = [name for name, key in self.keys.items() if key.required]
        return {
            "type": "object",
            **({"description": self.says} if self.says else {}),
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def _of_nothing(self, node: yaml.Node, reading: Reading) -> ModelT:
        """Where no key is written there is no line but the mapping's own."""
        try:
            return self.model()
        except ValidationError as error:
            for complaint in error.errors(include_url=False):
                message = sentence(complaint)
                if message is not None:
                    reading.tell(node, message)
        raise Told

    def _tell_what_else(self, values: Values, fields: Fields, reading: Reading) -> None:
        """Some fields cannot be read: tells what the model has against the others."""
        try:
            self.model.model_validate(values)
        except ValidationError as error:
            only = {key.field or name for name, key in self.keys.items() if key.of is None}
            self._tell_complaints(error, fields, reading, only=only & values.keys())

    def _tell_complaints(
        self,
        error: ValidationError,
        fields: Fields,
        reading: Reading,
        *,
        only: AbstractSet[str] | None = None,
    ) -> None:
        places = [place_of(node) for node in fields.values()]
        for complaint in error.errors(include_url=False):
            field_name = str(complaint["loc"][0]) if complaint["loc"] else ""
            if only is not None and field_name not in only:
                continue
            name = self._name_in_file(field_name)
            place = place_of(fields[name]) if name in fields else min(places)
            message = sentence(complaint)
            if message is None:
                continue
            reading.problems.append(Problem(place, f"{name}: {message}" if name else message))

    def _name_in_file(self, field_name: str) -> str:
        return next(
            (name for name, key in self.keys.items() if key.field == field_name), field_name
        )


def _field_schema(model: type[BaseModel], name: str) -> Schema:
    properties = _schema_of(model).get("properties")
    found = properties.get(name) if isinstance(properties, dict) else None
    return found if isinstance(found, dict) else {}


@cache
def _schema_of(model: type[BaseModel]) -> Schema:
    """Made once: it takes as long as all forms together, and every key asks for it."""
    return model.model_json_schema()


def _constrained(kind: Schema, model: Schema) -> Schema:
    """The kind's schema with the limits that the model sets."""
    for choice in _choices(model):
        if choice.get("type") != kind.get("type"):
            continue
        limits = {
            name: choice[name] for name in _CONSTRAINTS if name in choice and name not in kind
        }
        items, of_model = kind.get("items"), choice.get("items")
        if isinstance(items, dict) and isinstance(of_model, dict):
            limits["items"] = _constrained(items, of_model)
        kind = kind | limits
    default = model.get("default")
    return kind if default is None or isinstance(default, dict) else kind | {"default": default}


def _choices(model: Schema) -> list[Schema]:
    several = model.get("anyOf")
    return (
        [one for one in several if isinstance(one, dict)] if isinstance(several, list) else [model]
    )


def _unknown_key(name: str | None, what: str, known: tuple[str, ...]) -> str:
    if name is None:
        return f"the keys of {what} are plain words: {', '.join(known)}"
    close = get_close_matches(name, known, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
    return f"{what} has no {name!r}; {advice}"
