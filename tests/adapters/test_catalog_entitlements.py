"""Entitlements in the catalog's file: read exactly, and refused with the line."""

from pathlib import Path

import pytest

from adapters.catalog_file import CatalogFileError, parse_catalog, read_catalog
from billing.entitlement import Combine, Entitlement, Limit

_EXAMPLE = Path(__file__).parents[2] / "examples" / "catalog.yaml"


def _file(*lines: str) -> bytes:
    product = ["products:", "  - id: team", "    name: Team", "    family: plan"]
    price = '      - {id: team_m, amount: "16.00", currency: USD, interval: month}'
    return "\n".join([*product, "    entitlements:", *lines, "    prices:", price]).encode()


def _given(*lines: str) -> tuple[Entitlement, ...]:
    return parse_catalog(_file(*lines), source="catalog.yaml").products[0].entitlements


def test_features_and_limits_are_read_in_their_order() -> None:
    assert _given(
        "      users: {limit: 3, unit: user, per_unit: true}",
        "      single_sign_on: true",
        "      domains: {limit: 25, unit: domain, combine: sum}",
        "      storage: {limit: unlimited, unit: GB}",
    ) == (
        Entitlement(feature="users", limit=Limit(amount=3, unit="user", per_unit=True)),
        Entitlement(feature="single_sign_on"),
        Entitlement(feature="domains", limit=Limit(amount=25, unit="domain", combine=Combine.SUM)),
        Entitlement(feature="storage", limit=Limit(amount=None, unit="GB")),
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sso: false", "leave out what is not included"),
        ('sso: "yes"', "sso is true, or a limit"),
        ("users: 5", "such as {limit: 5, unit: user}"),
        ("users: {limit: 5}", "a limit needs unit"),
        ("users: {limit: -1, unit: user}", "a whole number without quotes, or unlimited"),
        ("users: {limit: 5.5, unit: user}", "a whole number without quotes, or unlimited"),
        ("users: {limit: 5, unit: user, combine: most}", "one of highest, sum"),
        ("users: {limit: 5, unit: user, per: seat}", "a limit has no 'per'"),
        ("Users: true", "the names of entitlements match"),
    ],
)
def test_a_mistake_is_told_with_its_line(line: str, says: str) -> None:
    with pytest.raises(CatalogFileError) as refused:
        _given(f"      {line}")
    (problem,) = refused.value.problems
    assert (problem.line, says in problem.message) == (6, True), problem.message


def test_a_feature_of_two_meanings_is_refused_where_the_second_is_written() -> None:
    other = """
  - id: addon
    name: Add-on
    family: addon
    entitlements:
      users: true
    prices:
      - {id: addon_m, amount: "5.00", currency: USD, interval: month}
"""
    content = _file("      users: {limit: 5, unit: user}") + other.encode()
    with pytest.raises(CatalogFileError) as refused:
        parse_catalog(content, source="catalog.yaml")
    (problem,) = refused.value.problems
    assert problem.line == 13
    assert "the feature 'users' is a limit in 'user' elsewhere" in problem.message


def test_the_example_includes_what_the_price_list_says() -> None:
    included = {
        product.id: {each.feature: each.times(3).extent for each in product.entitlements}
        for product in read_catalog(_EXAMPLE).products
    }
    assert included["pro"] == {"users": 1, "scanned_repositories": 2, "registry_storage": 5}
    assert included["team"] == {"users": 3, "registry_storage": 50}
