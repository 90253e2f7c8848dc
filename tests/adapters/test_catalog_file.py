"""The catalog's file: read exactly, and refused with the line and what to write instead."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.catalog_file import MAX_BYTES, CatalogFileError, parse_catalog, read_catalog
from billing.catalog import (
    AnchorKind,
    DisputeLost,
    PauseMode,
    PausePolicy,
    Product,
    ProrationMode,
    Trial,
    WithoutPaymentMethod,
)
from billing.dunning import DunningLadder, DunningPolicy, FinalAction, RetryLimit
from billing.interval import Interval, IntervalUnit
from billing.money import round_half_away
from billing.net_terms import Reminders
from billing.price import Price
from billing.price_model import PerUnit

_EXAMPLE = Path(__file__).parents[2] / "examples" / "catalog.yaml"

_SMALL = """\
products:
  - id: team
    name: Team
    family: plan
    trial: {days: 14}
    prices:
      - id: team_monthly
        amount: "16.00"
        currency: USD
        interval: month
"""


def _problems(content: str | bytes) -> list[tuple[int, str]]:
    raw = content.encode() if isinstance(content, str) else content
    with pytest.raises(CatalogFileError) as refused:
        parse_catalog(raw, source="catalog.yaml")
    assert refused.value.code == "catalog_file_invalid"
    for problem in refused.value.problems:
        assert f"catalog.yaml:{problem.line}: {problem.message}" in refused.value.message
    return [(problem.line, problem.message) for problem in refused.value.problems]


def test_the_example_sells_what_the_price_list_says() -> None:
    catalog = read_catalog(_EXAMPLE)
    sold = {
        price.id: (
            str(*price.smallest_amounts),
            price.currency,
            "once" if price.interval is None else str(price.interval.unit),
        )
        for price in catalog.prices
    }
    assert sold == {
        "personal_free": ("0", "USD", "month"),
        "pro_monthly": ("1100", "USD", "month"),
        "pro_annual": ("10800", "USD", "year"),
        "team_monthly": ("1600", "USD", "month"),
        "team_annual": ("18000", "USD", "year"),
        "team_2024_monthly": ("5500", "USD", "month"),
        "team_2024_annual": ("54000", "USD", "year"),
        "team_2020_monthly": ("2500", "USD", "month"),
        "hardened_images_annual": ("500000", "USD", "year"),
        "publisher_annual": ("30000", "USD", "year"),
        "business_monthly": ("2400", "USD", "month"),
        "business_annual": ("28800", "USD", "year"),
        "assistant_plus_monthly": ("2000", "USD", "month"),
        "assistant_plus_annual": ("20000", "USD", "year"),
        "assistant_ultra_monthly": ("6000", "USD", "month"),
        "onboarding_session": ("25000", "USD", "once"),
    }
    in_yen = {
        price.id: str(*price.in_currency("JPY").smallest_amounts)
        for price in catalog.prices
        if "JPY" in price.currencies
    }
    assert in_yen == {"personal_free": "0", "pro_monthly": "1650", "onboarding_session": "38000"}
    products = {
        product.id: product.model_copy(update={"entitlements": ()}) for product in catalog.products
    }
    families = {product.family for product in catalog.products}
    assert families == {"plan", "assistant", "hardened_images", "publisher", "onboarding"}
    assert products["personal"] == Product(id="personal", name="Personal", family="plan")
    assert products["team"] == Product(
        id="team",
        name="Team",
        family="plan",
        trial=Trial(days=14),
        pause=PausePolicy(mode=PauseMode.KEEP_ANCHOR),
        free_fallback="personal_free",
    )
    enterprise = products["business"].dunning.ladder_for("enterprise")
    assert (enterprise.retry_days, enterprise.final_action) == ((7, 21, 45), FinalAction.UNPAID)
    for id_ in ("assistant_plus", "assistant_ultra"):
        assert products[id_].proration is ProrationMode.DAY_INCLUSIVE
        assert products[id_].anchor is AnchorKind.CALENDAR


def test_what_the_example_says_to_be_the_default_is_the_default() -> None:
    described = "".join(
        line.removeprefix("# ").partition("   # ")[0].rstrip() + "\n"
        for line in _EXAMPLE.read_text().splitlines()
        if line.startswith("#   ")
    )
    assert "final_action: downgrade_to_free" in described
    rules = "".join(f"  {line}\n" for line in described.replace("{}", "{a_b: {}}").splitlines())
    content = _SMALL.replace("    trial: {days: 14}\n", rules + "    free_fallback: free\n")
    content += '      - {id: free, amount: "0", currency: USD, interval: month}\n'
    [product] = parse_catalog(content.encode(), source="catalog.yaml").products
    standard = DunningPolicy()
    assert product == Product(
        id="team",
        name="Team",
        family="plan",
        free_fallback="free",
        dunning=DunningPolicy(segments={"a_b": standard.ladder}),
    )


def test_a_product_has_every_rule_of_the_file() -> None:
    content = _SMALL.replace(
        "    trial: {days: 14}\n",
        """\
    trial: {days: 30, without_payment_method: pause}
    proration: day_inclusive
    pause: {mode: extend, max_days: 30}
    shorter_interval: true
    free_fallback: team_free
    dispute_lost: keep
    dunning:
      retry_days: [1, 2]
      final_action: downgrade_to_free
      retry_limit: {attempts: 10, days: 7}
      reminders: {days: [-5, 0, 5, 20], grace_days: 20}
      segments:
        enterprise: {final_action: unpaid, reminders: {grace_days: 60}}
        students: {retry_days: [30], retry_limit: {attempts: 3}}
""",
    )
    content += '      - {id: team_free, amount: "0", currency: USD, interval: month}\n'
    [product] = parse_catalog(content.encode(), source="catalog.yaml").products
    ladder = DunningLadder(
        retry_days=(1, 2),
        final_action=FinalAction.DOWNGRADE_TO_FREE,
        retry_limit=RetryLimit(attempts=10, days=7),
        reminders=Reminders(days=(-5, 0, 5, 20), grace_days=20),
    )
    enterprise = {"final_action": FinalAction.UNPAID, "reminders": Reminders(grace_days=60)}
    assert product == Product(
        id="team",
        name="Team",
        family="plan",
        trial=Trial(days=30, without_payment_method=WithoutPaymentMethod.PAUSE),
        proration=ProrationMode.DAY_INCLUSIVE,
        pause=PausePolicy(mode=PauseMode.EXTEND, max_days=30),
        shorter_interval=True,
        free_fallback="team_free",
        dispute_lost=DisputeLost.KEEP,
        dunning=DunningPolicy(
            ladder=ladder,
            segments={
                "enterprise": ladder.model_copy(update=enterprise),
                "students": ladder.model_copy(
                    update={"retry_days": (30,), "retry_limit": RetryLimit(attempts=3)}
                ),
            },
        ),
    )


def test_a_price_has_every_field_of_the_file() -> None:
    content = _SMALL.replace(
        "interval: month",
        "interval: month\n        interval_count: 3\n        version: 2\n        unit: seat\n"
        "        minimum_quantity: 5\n        maximum_quantity: 50",
    )
    [price] = parse_catalog(content.encode(), source="catalog.yaml").prices
    assert price == Price(
        id="team_monthly",
        version=2,
        product_id="team",
        currency="USD",
        model=PerUnit(unit_amount_minor=Decimal(1600)),
        interval=Interval(unit=IntervalUnit.MONTH, count=3),
        unit_name="seat",
        minimum_quantity=5,
        maximum_quantity=50,
    )


@given(
    digits=st.integers(0, 10**12 - 1),
    decimals=st.text("0123456789", min_size=0, max_size=12),
    currency=st.sampled_from([("USD", 2), ("JPY", 0), ("KWD", 3)]),
)
def test_amounts_are_converted_exactly(
    digits: int, decimals: str, currency: tuple[str, int]
) -> None:
    amount = f"{digits}.{decimals}" if decimals else str(digits)
    code, minor_digits = currency
    content = _SMALL.replace("16.00", amount).replace("USD", code)
    content += "        minimum_quantity: 1000000\n"
    expected = int(f"{digits}{decimals}") * Decimal(10) ** (minor_digits - len(decimals))
    try:
        [price] = parse_catalog(content.encode(), source="catalog.yaml").prices
    except CatalogFileError as refused:
        smallest = expected * 1_000_000
        told_why = (
            ("less than", 0 < smallest < 100),
            ("last decimal", round_half_away(smallest) % 10),
        )
        assert any(why in refused.message and holds for why, holds in told_why)  # noqa: PT017 - most amounts are accepted
    else:
        assert price.model == PerUnit(unit_amount_minor=expected)


@pytest.mark.parametrize(
    ("written", "instead", "line", "says"),
    [
        ('amount: "16.00"', "amount: 16.00", 8, "in quotes"),
        ('amount: "16.00"', 'amount: "1e3"', 8, "write digits and one point"),
        ('amount: "16.00"', 'amount: "-16"', 8, "write digits and one point"),
        ('amount: "16.00"', 'amount: "NaN"', 8, "write digits and one point"),
        ('amount: "16.00"', 'amount: "16,00"', 8, "write digits and one point"),
        ('amount: "16.00"', 'amount: "١٦"', 8, "write digits and one point"),
        ('amount: "16.00"', 'amount: "0.10"', 7, "less than 50 cannot be collected"),
        ('amount: "16.00"', 'amount: "0.00000000000001"', 8, "no amount"),
        ("currency: USD", "currency: usd", 9, "such as USD"),
        ("currency: USD", "currency: XXX", 9, "such as USD"),
        ("currency: USD", "currency: [USD]", 9, "currency is text"),
        ("interval: month", "interval: fortnight", 10, "one of day, week, month, quarter"),
        ("interval: month", "interval: month\n        version: 0", 11, "write 1 or more"),
        ("interval: month", 'interval: month\n        version: "2"', 11, "without quotes"),
        ("interval: month", "interval: month\n        version: 0x2", 11, "such as 14"),
        ("interval: month", "interval: month\n        intervall: 2", 11, "mean 'interval'?"),
        ("interval: month", "interval: month\n        amount: '1'", 11, "written twice"),
        (
            "interval: month",
            "interval: month\n        interval_count: 121",
            11,
            "write 120 or less",
        ),
        ("        interval: month\n", "", 7, "a price needs interval"),
        ("family: plan", "family: Plan", 4, "a letter first, such as team_2"),
        ("family: plan", "family: no", 4, "put it in quotes"),
        ("name: Team", "name: ''", 3, "write something"),
        ("name: Team", 'name: "Team\\0"', 3, "nobody sees; write it without '\\x00'"),
        ("name: Team", 'name: "Te\\nam"', 3, "write it without '\\n'"),
        ("name: Team", "name: Te\u202eam", 3, "write it without '\\u202e'"),
        ("interval: month", "interval: month\n        version: 02", 11, "such as 14"),
        ("interval: month", "interval: month\n---\na: 1", 11, "a file is one document"),
        ("name: Team", "title: Team", 2, "a product needs name"),
        ("trial: {days: 14}", "trial: {days: 0}", 5, "write 1 or more"),
        ("trial: {days: 14}", "trial: 14", 5, "a trial is written as"),
        ("trial: {days: 14}", "trial: &t {days: 14}", 5, "write the value out"),
        ("trial: {days: 14}", "trial: *t", 5, "write the value out"),
        ("trial: {days: 14}", "trial: !!python/object:os.system {}", 5, "write the plain value"),
        ("trial: {days: 14}", "? [a, b]\n    : 1", 5, "plain words"),
        ("products:", "produts:", 1, "did you mean 'products'?"),
        ("trial: {days: 14}", "proration: by_day", 5, "one of by_second, day_inclusive"),
        ("trial: {days: 14}", "anchor: first", 5, "one of anniversary, calendar"),
        (
            "trial: {days: 14}",
            "anchor: calendar\n    pause: {mode: extend}",
            2,
            "write mode: keep_anchor or void",
        ),
        ("trial: {days: 14}", "pause: extend", 5, "a pause is written as"),
        ("trial: {days: 14}", "pause: {max_days: 30}", 5, "a pause needs mode"),
        ("trial: {days: 14}", "pause: {mode: stop}", 5, "one of void, keep_anchor, extend"),
        ("trial: {days: 14}", "pause: {mode: void, max_days: 366}", 5, "write 365 or less"),
        ("trial: {days: 14}", "shorter_interval: yes", 5, "true or false, without quotes"),
        ("trial: {days: 14}", 'shorter_interval: "true"', 5, "true or false, without quotes"),
        ("trial: {days: 14}", "dispute_lost: ban", 5, "one of cancel, keep"),
        ("trial: {days: 14}", "free_fallback: free", 5, "'free' is no price of the catalog"),
        ("trial: {days: 14}", "free_fallback: team_monthly", 5, "'team_monthly' is not free"),
        ("trial: {days: 14}", "dunning: cancel", 5, "dunning is written as"),
        ("trial: {days: 14}", "dunning: {retry_days: 3}", 5, "such as [3, 8, 15]"),
        ("trial: {days: 14}", "dunning: {retry_days: [3, '8']}", 5, "such as [3, 8, 15]"),
        ("trial: {days: 14}", "dunning: {retry_days: [8, 3]}", 5, "must grow"),
        ("trial: {days: 14}", "dunning: {retry_days: []}", 5, "write 1 or more"),
        ("trial: {days: 14}", "dunning: {final_action: pause}", 5, "downgrade_to_free, cancel"),
        ("trial: {days: 14}", "dunning: {retry_limit: 15}", 5, "a retry limit is written as"),
        ("trial: {days: 14}", "dunning: {retry_limit: {days: 0}}", 5, "write 1 or more"),
        ("trial: {days: 14}", "dunning: {reminders: [0]}", 5, "a plan of reminders is written as"),
        ("trial: {days: 14}", "dunning: {reminders: {days: 0}}", 5, "such as [-10, 0, 15]"),
        ("trial: {days: 14}", "dunning: {reminders: {days: [0, -1]}}", 5, "must grow"),
        ("trial: {days: 14}", "dunning: {reminders: {days: [-366]}}", 5, "write -365 or more"),
        ("trial: {days: 14}", "dunning: {reminders: {days: [31]}}", 5, "not come after the grace"),
        ("trial: {days: 14}", "dunning: {reminders: {grace_days: 9}}", 5, "not come after the"),
        ("trial: {days: 14}", "dunning: {segments: {}}", 5, "`name: value` lines"),
        ("trial: {days: 14}", "dunning: {segments: {Big: {}}}", 5, "the names of segments match"),
        ("trial: {days: 14}", "dunning: {segments: {a1: {}, a1: {}}}", 5, "written twice"),
        ("trial: {days: 14}", "dunning: {segments: {a1: {retry_day: 1}}}", 5, "mean 'retry_days'?"),
        ("trial: {days: 14}", "dunning:\n      segments:\n        a1: 15", 7, "written as"),
        (
            "trial: {days: 14}",
            "dunning:\n      final_action: downgrade_to_free",
            6,
            "name it in free_fallback",
        ),
        (
            'amount: "16.00"\n        currency: USD',
            'amount: "1.255"\n        currency: KWD',
            8,
            "zero",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    written: str, instead: str, line: int, says: str
) -> None:
    assert written in _SMALL
    problems = _problems(_SMALL.replace(written, instead))
    assert any(at == line and says in message for at, message in problems), problems


def test_all_mistakes_are_told_at_once() -> None:
    content = _SMALL.replace('"16.00"', "16").replace("14", "many").replace("Team", '""')
    assert [line for line, _ in _problems(content)] == [3, 5, 8]


def test_an_id_is_used_once() -> None:
    twice = _SMALL + "".join(_SMALL.splitlines(keepends=True)[1:])
    assert _problems(twice) == [
        (11, "the product id 'team' is used in line 2; choose another"),
        (16, "the price id 'team_monthly' is used in line 7; choose another"),
    ]
    coupon = '{id: HALF, name: Half, percent: "50", duration: once}'
    assert _problems(f"{_SMALL}coupons: [{coupon}, {coupon}]\n") == [
        (11, "the coupon id 'HALF' is used in line 11; choose another")
    ]


def test_a_mistake_in_one_section_is_told_of_that_alone() -> None:
    assert _problems(f"{_SMALL}coupons: []\n") == [
        (11, "coupons is a list; begin each of its items with `- `")
    ]
    told = "tiers is a list; begin each of its items with `- `"
    content = _SMALL.replace('amount: "16.00"', "model: volume\n        tiers: []")
    assert _problems(content) == [(9, told)]


def test_a_fallback_is_of_the_same_family() -> None:
    content = _SMALL.replace("trial: {days: 14}", "free_fallback: other_free")
    content += """\
  - id: other
    name: Other
    family: other
    prices:
      - {id: other_free, amount: "0", currency: USD, interval: month}
"""
    assert _problems(content) == [
        (5, "free_fallback: 'other_free' is no price of the family 'plan'")
    ]


def test_a_calendar_anchor_has_no_weeks() -> None:
    content = _SMALL.replace("trial: {days: 14}", "anchor: calendar")
    assert parse_catalog(content.encode(), source="catalog.yaml").prices
    assert _problems(content.replace("interval: month", "interval: week")) == [
        (
            10,
            "interval: a product with a calendar anchor is sold by months or years, not every week",
        )
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"products: \0", "control characters"),
        (b"- 1", "written as `key: value`"),
        (b"a: b: c", "not YAML"),
        (b"products:\n\t- id: a", "indent with spaces, not with tabs"),
        (b"{}", "a catalog needs products"),
        (b"products: []", "is a list"),
        (b"products: 7", "is a list"),
        (b"products: []\n---\nproducts: []", "a file is one document"),
        (b"[" * 100_000, "nested too deeply"),
        (b"#" * (MAX_BYTES + 1), "at most 1048576 bytes"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_catalog_at_all_is_told_so(content: bytes, says: str) -> None:
    [(_, message)] = _problems(content)
    assert says in message


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"
    with pytest.raises(CatalogFileError, match="cannot be read") as refused:
        read_catalog(path)
    assert str(path) in refused.value.message
    with pytest.raises(CatalogFileError, match=r"no file that ends with \.yaml"):
        read_catalog(tmp_path)


_PRODUCT = """\
products:
  - {id: team, name: Team, family: plan, free_fallback: free}
"""
_PRICES = """\
prices:
  - {product: team, id: team_monthly, amount: "16.00", currency: USD, interval: month}
  - {product: team, id: free, amount: "0", currency: USD, interval: month}
"""


def _folder(path: Path, **files: str) -> Path:
    for name, content in files.items():
        (path / f"{name}.yaml").write_text(content)
    return path


def test_a_folder_is_split_as_its_owner_likes(tmp_path: Path) -> None:
    (tmp_path / "prices").mkdir()
    (tmp_path / ".copies").mkdir()
    _folder(tmp_path / "prices", team=_PRICES)
    _folder(tmp_path / ".copies", team=_PRICES)
    (tmp_path / "notes.md").write_text("none of ours")
    catalog = read_catalog(_folder(tmp_path, products=_PRODUCT))
    assert [price.id for price in catalog.prices] == ["team_monthly", "free"]
    assert {price.product_id for price in catalog.prices} == {"team"}


def test_mistakes_are_told_with_the_file_they_are_in(tmp_path: Path) -> None:
    other = _PRICES.replace("team_monthly", "other").replace("product: team", "product: teem")
    path = _folder(tmp_path, a=_PRODUCT, b=_PRICES, c=other)
    with pytest.raises(CatalogFileError) as refused:
        read_catalog(path)
    assert refused.value.message.splitlines() == [
        f"{path}/c.yaml:3: the price id 'free' is used in {path}/b.yaml:3; choose another"
    ]
    _folder(tmp_path, c=other.replace("id: free", "id: free2"))
    with pytest.raises(CatalogFileError) as refused:
        read_catalog(path)
    assert refused.value.message.splitlines() == [
        f"{path}/c.yaml:{line}: product: 'teem' is no product of the catalog" for line in (2, 3)
    ]


def test_a_product_has_a_price_somewhere(tmp_path: Path) -> None:
    with pytest.raises(CatalogFileError, match=r"1.yaml:2: 'pro' has no price; write `prices:`"):
        read_catalog(
            _folder(
                tmp_path,
                **{"0": _PRODUCT, "1": "products:\n  - {id: pro, name: P, family: plan}\n"},
                prices=_PRICES,
            )
        )


def test_all_files_together_have_a_limit(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text("#" * (MAX_BYTES // 2))
    with pytest.raises(CatalogFileError, match=r"2.yaml:1: a catalog has at most 1048576 bytes"):
        read_catalog(tmp_path)


_YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(content=st.binary() | st.text().map(str.encode) | _YAML.map(lambda v: yaml.dump(v).encode()))
@example(content=b"products: [{id: a, name: b, family: c, prices: [{}]}]")
@example(content=b"products: [{id: [a], name: b, family: c, prices: [{id: x, amount: '1'}]}]")
def test_whatever_is_written_is_a_catalog_or_a_told_mistake(content: bytes) -> None:
    with pytest.raises(CatalogFileError):
        parse_catalog(content, source="catalog.yaml")


_FRAGMENTS = st.sampled_from(
    [
        "&a ",
        "*a ",
        "!!int ",
        "<<: *a",
        "\t",
        "\n",
        "{",
        "}",
        "[",
        "]",
        ":",
        "- ",
        "? ",
        "|",
        ">",
        "#",
        "%YAML 9.9",
        "---",
        "...",
        "null",
        "~",
        ".nan",
        ".inf",
        "1e400",
        "0x1F",
        "2026-01-01",
        "é",
        "\u2028",
        "\ufeff",
        "'",
        '"',
        "replaced_by: team_monthly",
        "version: 999999999",
        "amount: '9999999999999.999999999999'",
        "maximum_quantity: 1",
    ]
)


@given(
    cuts=st.lists(
        st.tuples(st.integers(0, 6_000), st.integers(0, 40), _FRAGMENTS), min_size=1, max_size=4
    )
)
@settings(max_examples=100, deadline=None)
@example(cuts=[(0, 0, "\ufeff")])
@example(cuts=[(1_800, 0, "? {a: b} : c")])
def test_a_mutilated_catalog_is_read_or_refused_and_nothing_else(
    cuts: list[tuple[int, int, str]],
) -> None:
    content = _EXAMPLE.read_text(encoding="utf-8")
    for at, length, instead in cuts:
        content = content[:at] + instead + content[at + length :]
    try:
        catalog = parse_catalog(content.encode(), source="catalog.yaml")
    except CatalogFileError as refused:
        for problem in refused.problems:
            assert problem.place.source == "catalog.yaml"
            assert 1 <= problem.line <= len(content.splitlines()) + 1
            assert problem.message
    else:
        assert catalog.products


def test_exploding_aliases_are_refused_before_they_explode() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairwise("abcdefghi")
    )
    assert _problems(bomb) == [
        (1, "anchors and aliases (& and *) are not read; write the value out")
    ]


_REPLACING = """\
products:
  - {id: team, name: Team, family: plan}
  - {id: chat, name: Chat, family: chat}
prices:
  - {product: team, id: a_monthly, amount: "16", currency: USD, interval: month}
  - {product: team, id: b_monthly, amount: "11", currency: USD, interval: month, replaced_by: X}
  - {product: team, id: c_monthly, amount: "9", currency: USD, interval: month, replaced_by: Y}
  - {product: team, id: euro, amount: "9", currency: EUR, interval: month}
  - {product: chat, id: chat, amount: "9", currency: USD, interval: month}
"""


def _replacing(first: str, second: str = "b_monthly") -> str:
    return _REPLACING.replace("X", first).replace("Y", second)


def test_a_replaced_price_stays_in_the_catalog() -> None:
    catalog = parse_catalog(_replacing("a_monthly").encode(), source="catalog.yaml")
    assert catalog.replacements == {"b_monthly": "a_monthly", "c_monthly": "b_monthly"}
    assert len(catalog.prices) == 5


def test_a_long_line_of_replacements_is_refused_soon() -> None:
    line = _REPLACING.replace(", replaced_by: X", "").replace(", replaced_by: Y", "")
    terms = 'amount: "9", currency: USD, interval: month'
    for number in range(300):
        after = "a_monthly" if number == 0 else f"p_{number - 1}"
        line += f"  - {{product: team, id: p_{number}, {terms}, replaced_by: {after}}}\n"
    problems = _problems(line)
    assert problems[0] == (
        110,
        "replaced_by: more than 100 replace one another; name one nearer the end",
    )
    assert len(problems) == 200


@pytest.mark.parametrize(
    ("first", "says"),
    [
        ("none_such", "'none_such' is no price of the catalog"),
        ("euro", "'euro' is in EUR; name a price in USD"),
        ("chat", "'chat' is of another family"),
        ("b_monthly", "it goes in a circle (b_monthly → b_monthly)"),
        ("c_monthly", "it goes in a circle (b_monthly → c_monthly → b_monthly)"),
    ],
)
def test_a_replacement_that_cannot_be_one_is_told_at_its_line(first: str, says: str) -> None:
    problems = _problems(_replacing(first))
    assert any(line == 6 and says in message for line, message in problems), problems
