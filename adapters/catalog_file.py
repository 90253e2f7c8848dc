"""The catalog as a YAML file: what its owner writes, checked line by line.

Owns the file's form. Anchors, aliases, tags and repeated keys are refused: a file says what it
seems to say. Does not own the rules of products and prices (`billing.catalog`) nor storage
(`adapters.db.repositories.catalog`).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import yaml
from pydantic import ValidationError

from billing.catalog import Catalog, Price, Product, Trial, WithoutPaymentMethod
from billing.currency import MINOR_DIGITS
from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit

MAX_BYTES: Final = 1024 * 1024
_MAX_DEPTH: Final = 12
_AMOUNT: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,12})?")
_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_INT_TAG: Final = "tag:yaml.org,2002:int"
_IN_FILE: Final = {
    "unit_amount_minor": "amount",
    "unit_name": "unit",
    "product_id": "id",
    "count": "interval_count",
}

_CATALOG_KEYS: Final = ("products",)
_PRODUCT_KEYS: Final = ("id", "name", "family", "trial", "prices")
_TRIAL_KEYS: Final = ("days", "without_payment_method")
_PRICE_KEYS: Final = (
    "id",
    "version",
    "amount",
    "currency",
    "interval",
    "interval_count",
    "unit",
    "minimum_quantity",
    "maximum_quantity",
)

ValueT = TypeVar("ValueT")
ChoiceT = TypeVar("ChoiceT", bound=StrEnum)
Fields = dict[str, yaml.Node]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something to correct, and where; lines count from 1."""

    line: int
    message: str


class CatalogFileError(InvalidInput):
    """The file is no catalog; `problems` says all that must be corrected."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        listed = "\n".join(f"{source}:{problem.line}: {problem.message}" for problem in problems)
        super().__init__("catalog_file_invalid", listed)
        self.problems = problems


def read_catalog(path: Path) -> Catalog:
    """The catalog in a file. Raises `CatalogFileError` for whatever is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        problem = Problem(1, f"the file cannot be read: {error.strerror}")
        raise CatalogFileError(str(path), (problem,)) from error
    return parse_catalog(content, source=str(path))


def parse_catalog(content: bytes, *, source: str) -> Catalog:
    """The catalog in a file's content; errors name `source`."""
    reader = _Reader()
    catalog = None
    try:
        catalog = reader.catalog(_root(content))
    except _Stop as stop:
        reader.problems.append(stop.problem)
    if reader.problems or catalog is None:
        raise CatalogFileError(source, tuple(sorted(set(reader.problems))))
    return catalog


class _Stop(Exception):
    """Reading cannot go on below this."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, message)


def _root(content: bytes) -> yaml.Node:
    if len(content) > MAX_BYTES:
        raise _Stop(1, f"the file is larger than {MAX_BYTES} bytes")
    try:
        text = content.decode()
        _refuse_references(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise _Stop(1, "the file is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise _Stop(line, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError:
        raise _Stop(1, "not YAML: the file contains control characters") from None
    if root is None:
        raise _Stop(1, "the file is empty; write a list of `products:`")
    return root


def _refuse_references(text: str) -> None:
    """Before anything is built: no anchors, no tags of one's own, no bottomless nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Stop(line, "anchors and aliases (& and *) are not read; write the value out")
        if getattr(event, "tag", None) is not None:
            raise _Stop(line, "tags (!) are not read; write the plain value")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _Stop(line, "nested too deeply for a catalog")


class _Reader:
    """Turns nodes into values and collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._lines_of_ids: dict[tuple[str, str], int] = {}

    def catalog(self, node: yaml.Node) -> Catalog | None:
        """None where something is wrong; `problems` says what."""
        fields = self._fields(node, "a catalog", _CATALOG_KEYS, required=_CATALOG_KEYS)
        products: list[Product] = []
        prices: list[Price] = []
        for item in self._items(fields, "products"):
            with_prices = self._fields(
                item, "a product", _PRODUCT_KEYS, required=("id", "name", "family", "prices")
            )
            if with_prices is None:
                continue
            product = self._tried(self._product, with_prices)
            if product is not None:
                products.append(product)
            prices.extend(self._prices(with_prices))
        if self.problems:
            return None
        return Catalog(products=tuple(products), prices=tuple(prices))

    def _product(self, fields: Fields) -> Product:
        identifier = self._text(fields, "id")
        self._refuse_repeated("product", identifier, fields["id"])
        return Product(
            id=identifier,
            name=self._text(fields, "name"),
            family=self._text(fields, "family"),
            trial=self._trial(fields["trial"]) if "trial" in fields else None,
        )

    def _trial(self, node: yaml.Node) -> Trial | None:
        fields = self._fields(node, "a trial", _TRIAL_KEYS, required=("days",))
        return None if fields is None else self._tried(self._trial_of, fields)

    def _trial_of(self, fields: Fields) -> Trial:
        choice = WithoutPaymentMethod.CANCEL
        if "without_payment_method" in fields:
            choice = self._choice(fields, "without_payment_method", WithoutPaymentMethod)
        return Trial(days=self._whole(fields, "days"), without_payment_method=choice)

    def _prices(self, product: Fields) -> Iterator[Price]:
        product_id = str(product["id"].value)
        for item in self._items(product, "prices"):
            fields = self._fields(
                item, "a price", _PRICE_KEYS, required=("id", "amount", "currency", "interval")
            )
            if fields is not None:
                price = self._tried(partial(self._price, product_id=product_id), fields)
                if price is not None:
                    yield price

    def _price(self, fields: Fields, *, product_id: str) -> Price:
        identifier = self._text(fields, "id")
        self._refuse_repeated("price", identifier, fields["id"])
        currency = self._text(fields, "currency")
        if currency not in MINOR_DIGITS:
            raise _Stop(
                _line(fields["currency"]),
                f"{currency!r} is no supported currency; write its ISO 4217 code, such as USD",
            )
        optional = {
            name: self._whole(fields, name)
            for name in ("version", "minimum_quantity", "maximum_quantity")
            if name in fields
        }
        unit = {"unit_name": self._text(fields, "unit")} if "unit" in fields else {}
        count = self._whole(fields, "interval_count") if "interval_count" in fields else 1
        return Price(
            id=identifier,
            product_id=product_id,
            currency=currency,
            unit_amount_minor=self._amount(fields).scaleb(MINOR_DIGITS[currency]),
            interval=Interval(unit=self._choice(fields, "interval", IntervalUnit), count=count),
            **optional,
            **unit,
        )

    def _fields(
        self, node: yaml.Node, what: str, known: tuple[str, ...], *, required: tuple[str, ...]
    ) -> Fields | None:
        """The fields of a mapping; None where required ones are missing. Wrong keys are told."""
        if not isinstance(node, yaml.MappingNode):
            self._tell(node, f"{what} is written as `key: value` lines: {', '.join(known)}")
            return None
        fields: Fields = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name not in known:
                self._tell(key, _unknown_key(name, what, known))
            elif name in fields:
                self._tell(key, f"{name!r} is written twice; keep one")
            else:
                fields[name] = value
        missing = [name for name in required if name not in fields]
        if missing:
            self._tell(node, f"{what} needs {', '.join(missing)}")
        return None if missing else fields

    def _items(self, fields: Fields | None, name: str) -> list[yaml.Node]:
        if fields is None:
            return []
        node = fields[name]
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._tell(node, f"{name} is a list; begin each of its items with `- `")
            return []
        return list(node.value)

    def _tried(self, make: Callable[[Fields], ValueT], fields: Fields) -> ValueT | None:
        """What `make` gives; its complaints are told with the lines of the fields."""
        try:
            return make(fields)
        except _Stop as stop:
            self.problems.append(stop.problem)
        except ValidationError as error:
            lines = [_line(node) for node in fields.values()]
            for complaint in error.errors(include_url=False):
                name = str(complaint["loc"][0]) if complaint["loc"] else ""
                name = _IN_FILE.get(name, name)
                line = _line(fields[name]) if name in fields else min(lines, default=1)
                message = complaint["msg"].removeprefix("Value error, ")
                self.problems.append(Problem(line, f"{name}: {message}" if name else message))
        return None

    def _text(self, fields: Fields, name: str) -> str:
        node = fields[name]
        if not isinstance(node, yaml.ScalarNode) or node.tag != _TEXT_TAG:
            raise _Stop(_line(node), f"{name} is text; put it in quotes")
        return str(node.value)

    def _whole(self, fields: Fields, name: str) -> int:
        node = fields[name]
        is_whole = isinstance(node, yaml.ScalarNode) and node.tag == _INT_TAG
        if not is_whole or not _WHOLE.fullmatch(node.value):
            raise _Stop(_line(node), f"{name} is a whole number without quotes, such as 14")
        return int(node.value)

    def _amount(self, fields: Fields) -> Decimal:
        node = fields["amount"]
        if not isinstance(node, yaml.ScalarNode) or node.tag != _TEXT_TAG:
            raise _Stop(_line(node), 'amount is a decimal in quotes, such as "16.00"')
        if not _AMOUNT.fullmatch(node.value):
            raise _Stop(
                _line(node),
                f'{node.value!r} is no amount; write digits and one point, such as "16.00"',
            )
        return Decimal(node.value)

    def _choice(self, fields: Fields, name: str, among: type[ChoiceT]) -> ChoiceT:
        text = self._text(fields, name)
        try:
            return among(text)
        except ValueError:
            known = ", ".join(str(value) for value in among)
            raise _Stop(_line(fields[name]), f"{name} is one of {known}, not {text!r}") from None

    def _refuse_repeated(self, kind: str, identifier: str, node: yaml.Node) -> None:
        first = self._lines_of_ids.setdefault((kind, identifier), _line(node))
        if first != _line(node):
            raise _Stop(
                _line(node), f"the {kind} id {identifier!r} is used in line {first}; choose another"
            )

    def _tell(self, node: yaml.Node, message: str) -> None:
        self.problems.append(Problem(_line(node), message))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _unknown_key(name: str | None, what: str, known: tuple[str, ...]) -> str:
    if name is None:
        return f"the keys of {what} are plain words: {', '.join(known)}"
    close = get_close_matches(name, known, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
    return f"{what} has no {name!r}; {advice}"
