"""Products and prices that are no longer sold, as their owner writes it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from adapters.catalog_file import CatalogFileError, parse_catalog, read_catalog
from billing.migration import Canary, MigrationRule

_EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "catalog.yaml"
_DECEMBER: Final = datetime(2024, 12, 10, tzinfo=UTC)
_FILE: Final = """\
products:
  - id: team
    name: Team
    family: plan
    prices:
      - {id: team_monthly, amount: "16", currency: USD, interval: month}
      - {id: team_annual, amount: "180", currency: USD, interval: year}
  - {id: chat, name: Chat, family: chat, prices: [{id: chat, amount: "9", currency: USD, interval: month}]}
  - id: old
    name: Old
    family: plan
    replaced_by: team
    migration: {from: "2024-12-10"}
    prices:
      - {id: old_monthly, amount: "11", currency: USD, interval: month}
      - {id: old_annual, amount: "108", currency: USD, interval: year}
"""  # noqa: E501 - one product a line


def _problems(written: str, instead: str) -> list[tuple[int, str]]:
    assert written in _FILE
    with pytest.raises(CatalogFileError) as refused:
        parse_catalog(_FILE.replace(written, instead, 1).encode(), source="catalog.yaml")
    return [(problem.line, problem.message) for problem in refused.value.problems]


def test_each_price_of_a_replaced_product_has_its_counterpart() -> None:
    catalog = parse_catalog(_FILE.encode(), source="catalog.yaml")
    assert catalog.replacements == {"old_monthly": "team_monthly", "old_annual": "team_annual"}
    rule = MigrationRule(migrates_at=_DECEMBER)
    assert catalog.migrations == {"old_monthly": rule, "old_annual": rule}


def test_what_a_price_says_goes_before_what_its_product_says() -> None:
    own = (
        'interval: month, replaced_by: team_annual}\n      - {id: old_annual, amount: "108",'
        " currency: USD, interval: year, migration: {from: 2025-06-01, notice_days: 60,"
        " canary: {percent: 5, wait_hours: 24}, per_minute: 10}}\n"
    )
    content = _FILE.replace('    migration: {from: "2024-12-10"}\n', "")
    content = content[: content.index("interval: month}\n      - {id: old_annual")] + own
    catalog = parse_catalog(content.encode(), source="catalog.yaml")
    assert catalog.replacements == {"old_monthly": "team_annual", "old_annual": "team_annual"}
    assert catalog.migrations == {
        "old_annual": MigrationRule(
            migrates_at=datetime(2025, 6, 1, tzinfo=UTC),
            notice_days=60,
            canary=Canary(percent=5, wait=timedelta(hours=24)),
            per_minute=10,
        )
    }


@pytest.mark.parametrize(
    ("written", "instead", "line", "says"),
    [
        ("replaced_by: team", "replaced_by: tema", 12, "'tema' is no product of the catalog"),
        ("replaced_by: team", "replaced_by: chat", 12, "'chat' is of another family"),
        ("replaced_by: team", "replaced_by: old", 12, "it cannot replace itself"),
        ("    replaced_by: team\n", "", 12, "nothing replaces it; write `replaced_by:`"),
        ("interval: year}\n  - {id: chat", "interval: week}\n  - {id: chat", 12, "every year"),
        (
            "interval: year}\n  - {id: chat",
            "interval: year, billing: in_arrears}\n  - {id: chat",
            12,
            "that recurs every year",
        ),
        ('{from: "2024-12-10"}', "{notice_days: 3}", 13, "a migration needs from"),
        ('{from: "2024-12-10"}', "{from: soon}", 13, "from is a day, such as"),
        ('"2024-12-10"}', '"2024-12-10", notice_days: 366}', 13, "notice_days:"),
        ('"2024-12-10"}', '"2024-12-10", canary: {}}', 13, "either count or percent"),
        (
            '"2024-12-10"}',
            '"2024-12-10", canary: {count: 1, wait_hours: 0}}',
            13,
            "wait_hours is a number of hours, 1 to 8760",
        ),
        (
            'id: old_annual, amount: "108"',
            'replaced_by: team_monthly, id: old_annual, amount: "108"',
            13,
            "'team_monthly' recurs every month and this one every year",
        ),
        (
            'id: team_annual, amount: "180"',
            'replaced_by: old_annual, id: team_annual, amount: "180"',
            12,
            "it goes in a circle",
        ),
    ],
)
def test_what_cannot_be_is_told_where_it_is_written(
    written: str, instead: str, line: int, says: str
) -> None:
    problems = _problems(written, instead)
    assert any(at == line and says in message for at, message in problems), problems


def test_the_example_moves_team_2024_and_keeps_team_2020() -> None:
    catalog = read_catalog(_EXAMPLE)
    assert catalog.replacements == {
        "team_2024_monthly": "team_monthly",
        "team_2024_annual": "team_annual",
        "team_2020_monthly": "team_monthly",
    }
    assert catalog.migrations.keys() == {"team_2024_monthly", "team_2024_annual"}
    assert {rule.migrates_at for rule in catalog.migrations.values()} == {_DECEMBER}
