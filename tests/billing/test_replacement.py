"""What replaces what: chains, counterparts, refusals and the migrations that follow."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.catalog import Catalog, Product, complaints, replacement_path
from billing.interval import Interval, IntervalUnit
from billing.migration import Canary, MigrationRule, PriceVersion
from billing.price import Price
from billing.replacement import counterpart, no_longer_sold, retirements
from tests.billing.strategies import price

DECEMBER = datetime(2024, 12, 10, tzinfo=UTC)
RULE = MigrationRule(migrates_at=DECEMBER, notice_days=14, canary=Canary(percent=5))
YEAR = Interval(unit=IntervalUnit.YEAR)
_TEAM = Product(id="team", name="Team", family="plan")
_ids = st.sampled_from(["a1", "b2", "c3", "d4", "e5"])


def _price(id_: str, *, version: int = 1, interval: Interval | None = None) -> Price:
    return price(interval=interval).model_copy(update={"id": id_, "version": version})


def _catalog(
    *prices: Price, replacements: Mapping[str, str], migrations: Mapping[str, MigrationRule]
) -> Catalog:
    return Catalog(
        products=(_TEAM,), prices=prices, replacements=replacements, migrations=migrations
    )


@given(replacements=st.dictionaries(_ids, _ids), start=_ids)
def test_a_path_ends_at_what_is_sold_or_says_the_circle(
    replacements: dict[str, str], start: str
) -> None:
    path = replacement_path(start, replacements)
    assert path[0] == start
    assert all(replacements[one] == other for one, other in pairwise(path))
    assert len(set(path[:-1])) == len(path) - 1
    assert (path[-1] in replacements) == (path[-1] in path[:-1])


def test_whoever_has_a_retired_price_is_moved_to_the_end_of_the_path() -> None:
    catalog = _catalog(
        _price("a1"),
        _price("b2"),
        _price("c3", version=4),
        replacements={"a1": "b2", "b2": "c3"},
        migrations={"a1": RULE},
    )
    [retirement] = retirements(catalog)
    plan = retirement.plan([PriceVersion(price_id="a1", version=1)])
    assert plan.target == PriceVersion(price_id="c3", version=4)
    assert (plan.migrates_at, plan.notice_days, plan.canary) == (DECEMBER, 14, RULE.canary)


def test_one_date_is_one_migration_however_the_new_price_changes() -> None:
    def migration_id(rule: MigrationRule, version: int = 1) -> str:
        prices = _price("a1"), _price("b2", version=version)
        catalog = _catalog(*prices, replacements={"a1": "b2"}, migrations={"a1": rule})
        [retirement] = retirements(catalog)
        return retirement.migration_id

    other_notice = RULE.model_copy(update={"notice_days": 60})
    later = RULE.model_copy(update={"migrates_at": datetime(2025, 1, 1, tzinfo=UTC)})
    assert migration_id(RULE) == migration_id(RULE, version=2) == migration_id(other_notice)
    assert migration_id(RULE) != migration_id(later)


@pytest.mark.parametrize(
    ("replacements", "says"),
    [
        ({}, "nothing replaces it"),
        ({"a1": "year"}, "'year' recurs every year and this one every month"),
        ({"a1": "b2", "b2": "year"}, "'year' recurs every year"),
    ],
)
def test_a_migration_that_cannot_be_made_is_refused(
    replacements: dict[str, str], says: str
) -> None:
    prices = _price("a1"), _price("b2"), _price("year", interval=YEAR)
    [complaint] = complaints((_TEAM,), prices, replacements, {"a1": RULE})
    assert (complaint.kind, complaint.id, complaint.key) == ("price", "a1", "migration")
    assert says in complaint.message
    with pytest.raises(ValidationError, match="migration:"):
        _catalog(*prices, replacements=replacements, migrations={"a1": RULE})


def test_nobody_is_moved_from_what_is_charged_once() -> None:
    once = _price("a1").model_copy(update={"interval": None})
    other = once.model_copy(update={"id": "b2"})
    [complaint] = complaints((_TEAM,), (once, other), {"a1": "b2"}, {"a1": RULE})
    assert "it is charged once" in complaint.message
    assert counterpart(once, (_price("c3"), other)) == other
    assert "that is charged once" in str(counterpart(once, ()))


def test_without_a_migration_another_interval_may_replace_a_price() -> None:
    prices = _price("a1"), _price("year", interval=YEAR)
    assert retirements(_catalog(*prices, replacements={"a1": "year"}, migrations={})) == ()


def test_the_counterpart_has_the_same_currency_and_interval() -> None:
    monthly, yearly = _price("b2"), _price("c3", interval=YEAR)
    euro = monthly.model_copy(update={"id": "d4", "currency": "EUR"})
    assert counterpart(_price("a1"), (yearly, euro, monthly)) == monthly
    none = counterpart(_price("a1"), (yearly, euro))
    assert isinstance(none, str)
    assert "no price in USD that recurs every month" in none
    several = counterpart(_price("a1"), (monthly, _price("e5")))
    assert isinstance(several, str)
    assert "(b2, e5)" in several


def test_what_is_no_longer_sold_names_what_is() -> None:
    replacements = {"a1": "b2", "b2": "c3"}
    retired = no_longer_sold("a1", replacements)
    assert retired.code == "price_retired"
    assert retired.details == {"price": "a1", "replaced_by": "c3"}
    assert no_longer_sold("z9", replacements).code == "price_not_found"
