"""The published schema is of the same mind as the reader."""

import json
from pathlib import Path
from typing import Final

import jsonschema
import pytest
import yaml

from adapters.catalog_file import CatalogFileError, parse_catalog
from adapters.catalog_schema import catalog_schema, catalog_schema_text

_ROOT: Final = Path(__file__).parents[2]
_EXAMPLE: Final = _ROOT / "examples" / "catalog.yaml"
_VALIDATOR: Final = jsonschema.Draft202012Validator(catalog_schema())

_GOOD: Final = """\
products:
  - id: team
    name: Team
    family: plan
    trial: {days: 14}
    dunning: {retry_days: [1, 2], segments: {big: {final_action: unpaid}}}
    pause: {mode: void}
prices:
  - {product: team, id: team_monthly, amount: "16.00", currency: USD, interval: month}
  - {product: team, id: old, amount: "9", currency: USD, interval: year, replaced_by: team_monthly}
"""


def _schema_accepts(content: str) -> bool:
    return bool(_VALIDATOR.is_valid(yaml.safe_load(content)))


def _reader_accepts(content: str) -> bool:
    try:
        parse_catalog(content.encode(), source="catalog.yaml")
    except CatalogFileError:
        return False
    return True


def test_the_published_file_is_current() -> None:
    published = (_ROOT / "docs" / "catalog.schema.json").read_text(encoding="utf-8")
    assert published == catalog_schema_text(), (
        "make it anew: perennial catalog schema > docs/catalog.schema.json"
    )


def test_it_is_a_schema_and_describes_every_key() -> None:
    jsonschema.Draft202012Validator.check_schema(catalog_schema())
    undescribed = [
        path for path, schema in _properties(catalog_schema(), "") if "description" not in schema
    ]
    assert undescribed == []


@pytest.mark.parametrize("example", ["catalog.yaml", "support.yaml"])
def test_the_examples_are_valid_and_name_it_for_editors(example: str) -> None:
    content = (_ROOT / "examples" / example).read_text(encoding="utf-8")
    assert _schema_accepts(content)
    first = content.splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (_ROOT / "examples" / named).resolve() == _ROOT / "docs" / "catalog.schema.json"


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("{days: 14}", "{days: 15, without_payment_method: pause}"),
        ("{days: 14}", "{days: 0}"),
        ("{days: 14}", "{days: 731}"),
        ("{days: 14}", "{dais: 14}"),
        ("{days: 14}", "14"),
        ("{days: 14}", "{}"),
        ("{mode: void}", "{mode: stop}"),
        ("{mode: void}", "{mode: void, max_days: 366}"),
        ("[1, 2]", "[]"),
        ("[1, 2]", "[91]"),
        ("[1, 2]", "3"),
        ("{big: {final_action: unpaid}}", "{}"),
        ("{big: {final_action: unpaid}}", "{Big: {}}"),
        ("{big: {final_action: unpaid}}", "{big: {final_action: pause}}"),
        ("family: plan", "family: Plan"),
        ("family: plan", "family: plan\n    proration: day_inclusive"),
        ("family: plan", "family: plan\n    proration: by_day"),
        ("family: plan", "family: plan\n    shorter_interval: 1"),
        ("name: Team", "name: ''"),
        ("name: Team", "title: Team"),
        ('"16.00"', "16.00"),
        ('"16.00"', '"1e3"'),
        ('"16.00"', '"-16"'),
        ('"16.00"', '"16."'),
        ("currency: USD", "currency: usd"),
        ("currency: USD", "currency: EUR, minimum_quantity: 0"),
        ("interval: month", "interval: fortnight"),
        ("interval: month", "interval: month, interval_count: 121"),
        ("interval: month", "interval: month, interval_count: 3"),
        ("interval: month", "interval: month, version: 0"),
        ("interval: month", "interval: month, version: '2'"),
        ("product: team, id: team_monthly", "id: team_monthly"),
        ("products:", "produts:"),
        ("prices:", "coupns:"),
    ],
)
def test_schema_and_reader_agree(written: str, instead: str) -> None:
    assert written in _GOOD
    content = _GOOD.replace(written, instead, 1)
    assert _schema_accepts(content) == _reader_accepts(content)


def test_both_accept_the_file_that_the_mistakes_are_made_in() -> None:
    assert _schema_accepts(_GOOD)
    assert _reader_accepts(_GOOD)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("[1, 2]", "[2, 1]"),
        ("id: old", "id: team_monthly"),
        ("product: team, id: old", "product: teem, id: old"),
        ("replaced_by: team_monthly", "replaced_by: none_such"),
        ('"16.00"', '"0.10"'),
    ],
)
def test_what_no_schema_can_say_the_reader_says(written: str, instead: str) -> None:
    content = _GOOD.replace(written, instead)
    assert _schema_accepts(content)
    assert not _reader_accepts(content)


def _properties(schema: object, path: str) -> list[tuple[str, dict[str, object]]]:
    found: list[tuple[str, dict[str, object]]] = []
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            found += [(f"{path}.{name}", each) for name, each in properties.items()]
        for name, inner in schema.items():
            found += _properties(inner, f"{path}.{name}")
    return found


def test_it_is_written_as_json() -> None:
    assert json.loads(catalog_schema_text()) == catalog_schema()
