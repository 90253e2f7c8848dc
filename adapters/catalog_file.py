"""The catalog as a YAML file: what its owner writes, checked line by line.

Owns the file's form. Does not own how a file is read and complained about
(`adapters.yaml_fields`), the rules of products and prices (`billing.catalog`) nor storage
(`adapters.db.repositories.catalog`).
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from adapters.yaml_fields import (
    Fields,
    Mistakes,
    Problem,
    Reader,
    Stop,
    as_written,
    decimal,
    flag,
    line_of,
    one_of,
    root_of,
    text,
    whole,
    wholes,
)
from billing.catalog import (
    Catalog,
    DisputeLost,
    PauseMode,
    PausePolicy,
    Price,
    Product,
    ProrationMode,
    Trial,
    WithoutPaymentMethod,
    fallback_complaints,
)
from billing.currency import MINOR_DIGITS
from billing.dunning import (
    STANDARD_LADDER,
    DunningLadder,
    DunningPolicy,
    FinalAction,
    RetryLimit,
)
from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.pricing import check_chargeable, price_of

MAX_BYTES: Final = 1024 * 1024
_SEGMENT: Final = re.compile(r"[a-z][a-z0-9_]{1,62}")
_IN_FILE: Final = {
    "unit_amount_minor": "amount",
    "unit_name": "unit",
    "product_id": "id",
    "count": "interval_count",
}


def _currency(node: yaml.Node, name: str) -> str:
    currency = text(node, name)
    if currency not in MINOR_DIGITS:
        raise Stop(
            line_of(node),
            f"{currency!r} is no supported currency; write its ISO 4217 code, such as USD",
        )
    return currency


_TRIAL: Final[Mapping[str, Reader]] = {
    "days": whole,
    "without_payment_method": one_of(WithoutPaymentMethod),
}
_PAUSE: Final[Mapping[str, Reader]] = {"mode": one_of(PauseMode), "max_days": whole}
_LIMIT: Final[Mapping[str, Reader]] = {"attempts": whole, "days": whole}
_PRICE: Final[Mapping[str, Reader]] = {
    "version": whole,
    "amount": decimal,
    "currency": _currency,
    "interval": one_of(IntervalUnit),
    "interval_count": whole,
    "unit": text,
    "minimum_quantity": whole,
    "maximum_quantity": whole,
}


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
        catalog = reader.catalog(root_of(content, max_bytes=MAX_BYTES))
    except Stop as stop:
        reader.problems.append(stop.problem)
    if reader.problems or catalog is None:
        raise CatalogFileError(source, tuple(sorted(set(reader.problems))))
    return catalog


class _Reader:
    """Turns nodes into products and prices."""

    def __init__(self) -> None:
        self._mistakes = Mistakes(_IN_FILE)
        self._lines_of_ids: dict[tuple[str, str], int] = {}
        self._downgrades: list[yaml.Node] = []
        """Where the product at hand says that dunning ends with a downgrade."""
        self._product_form: Mapping[str, Reader] = {
            "id": partial(self._new_id, "product"),
            "name": text,
            "family": text,
            "trial": self._trial,
            "proration": one_of(ProrationMode),
            "pause": self._pause,
            "shorter_interval": flag,
            "free_fallback": text,
            "dunning": self._dunning,
            "dispute_lost": one_of(DisputeLost),
            "prices": as_written,
        }
        self._price_form: Mapping[str, Reader] = {
            "id": partial(self._new_id, "price"),
            **_PRICE,
        }
        self._ladder_form: Mapping[str, Reader] = {
            "retry_days": wholes,
            "final_action": self._final_action,
            "retry_limit": self._retry_limit,
        }

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong so far."""
        return self._mistakes.problems

    def catalog(self, node: yaml.Node | None) -> Catalog | None:
        """None where something is wrong; `problems` says what."""
        if node is None:
            raise Stop(1, "the file is empty; write a list of `products:`")
        fields = self._mistakes.fields(node, "a catalog", ("products",), required=("products",))
        products: dict[str, Product] = {}
        prices: list[Price] = []
        fallbacks: dict[str, yaml.Node] = {}
        for item in self._mistakes.items(fields, "products"):
            with_prices = self._mistakes.fields(
                item,
                "a product",
                tuple(self._product_form),
                required=("id", "name", "family", "prices"),
            )
            if with_prices is None:
                continue
            product = self._product(with_prices)
            if product is not None:
                products[product.id] = product
                fallbacks[product.id] = with_prices.get("free_fallback", item)
            prices.extend(self._prices(with_prices))
        sold = tuple(products.values()), tuple(prices)
        if not self.problems:
            for product, complaint in fallback_complaints(*sold):
                self._mistakes.tell(fallbacks[product.id], complaint)
        return None if self.problems else Catalog(products=sold[0], prices=sold[1])

    def _product(self, fields: Fields) -> Product | None:
        self._downgrades = []
        product = self._mistakes.built(fields, self._product_form, Product.model_validate)
        for node in [] if "free_fallback" in fields else self._downgrades:
            self._mistakes.tell(
                node, "downgrade_to_free needs a price to fall back to; name it in free_fallback"
            )
        return product

    def _trial(self, node: yaml.Node, _: str) -> Trial | None:
        return self._mistakes.value(node, "a trial", _TRIAL, Trial, required=("days",))

    def _pause(self, node: yaml.Node, _: str) -> PausePolicy | None:
        return self._mistakes.value(node, "a pause", _PAUSE, PausePolicy, required=("mode",))

    def _dunning(self, node: yaml.Node, _: str) -> DunningPolicy:
        keys = (*self._ladder_form, "segments")
        fields = self._mistakes.fields(node, "dunning", keys) or {}
        segments = fields.pop("segments", None)
        ladder = self._ladder(fields, STANDARD_LADDER)
        return DunningPolicy(
            ladder=ladder, segments={} if segments is None else self._segments(segments, ladder)
        )

    def _segments(self, node: yaml.Node, base: DunningLadder) -> dict[str, DunningLadder]:
        """Each says what is different from the product's ladder."""
        ladders: dict[str, DunningLadder] = {}
        for name, item in self._mistakes.named(node, "segments", _SEGMENT).items():
            fields = self._mistakes.fields(item, "a segment's dunning", tuple(self._ladder_form))
            ladders[name] = self._ladder(fields or {}, base)
        return ladders

    def _ladder(self, fields: Fields, base: DunningLadder) -> DunningLadder:
        """The base where something is wrong, which is told: no catalog comes of it."""
        ladder = self._mistakes.built(
            fields,
            self._ladder_form,
            lambda given: DunningLadder.model_validate(dict(base) | given),
        )
        return base if ladder is None else ladder

    def _final_action(self, node: yaml.Node, name: str) -> object:
        action = one_of(FinalAction)(node, name)
        if action is FinalAction.DOWNGRADE_TO_FREE:
            self._downgrades.append(node)
        return action

    def _retry_limit(self, node: yaml.Node, _: str) -> RetryLimit:
        limit = self._mistakes.value(node, "a retry limit", _LIMIT, RetryLimit)
        return RetryLimit() if limit is None else limit

    def _prices(self, product: Fields) -> Iterator[Price]:
        product_id = str(product["id"].value)
        for item in self._mistakes.items(product, "prices"):
            fields = self._mistakes.fields(
                item,
                "a price",
                tuple(self._price_form),
                required=("id", "amount", "currency", "interval"),
            )
            if fields is None:
                continue
            price = self._mistakes.built(
                fields, self._price_form, partial(_price, product_id=product_id)
            )
            if price is not None:
                self._refuse_unchargeable(price, fields)
                yield price

    def _refuse_unchargeable(self, price: Price, fields: Fields) -> None:
        try:
            check_chargeable(price_of(price, price.minimum_quantity))
        except InvalidInput as refused:
            self._mistakes.tell(fields["amount"], refused.message)

    def _new_id(self, kind: str, node: yaml.Node, name: str) -> str:
        identifier = text(node, name)
        first = self._lines_of_ids.setdefault((kind, identifier), line_of(node))
        if first != line_of(node):
            raise Stop(
                line_of(node),
                f"the {kind} id {identifier!r} is used in line {first}; choose another",
            )
        return identifier


def _price(given: dict[str, object], *, product_id: str) -> Price:
    amount = Decimal(str(given.pop("amount")))
    interval = {"unit": given.pop("interval"), "count": given.pop("interval_count", 1)}
    unit = {"unit_name": given.pop("unit")} if "unit" in given else {}
    return Price.model_validate(
        given
        | unit
        | {
            "product_id": product_id,
            "unit_amount_minor": amount.scaleb(MINOR_DIGITS[str(given["currency"])]),
            "interval": Interval.model_validate(interval),
        }
    )
