"""Prices in several currencies, as they are written in a catalog file."""

from decimal import Decimal

import pytest

from adapters.catalog_file import CatalogFileError, parse_catalog
from billing.catalog import Catalog
from billing.catalog_change import Published, changes, refusals
from billing.catalog_version import content_digest
from billing.currency_option import CurrencyOption
from billing.price import Price
from billing.price_model import Cell, Graduated, Matrix, Percentage, PerUnit, Tier

_HEAD = """\
products:
  - id: any
    name: Any
    family: any
    prices:
      - id: any_monthly
        currency: USD
        interval: month
"""


def _catalog(written: str) -> Catalog:
    content = _HEAD + "".join(f"        {line}\n" for line in written.splitlines())
    return parse_catalog(content.encode(), source="catalog.yaml")


def _price(written: str) -> Price:
    [price] = _catalog(written).prices
    return price


def test_each_currency_has_amounts_of_its_own_and_all_else_in_common() -> None:
    price = _price(
        'amount: "11.00"\nunit: seat\nmaximum_quantity: 5\ncurrencies:\n'
        '  JPY: {amount: "1650"}\n  EUR: {amount: "10.005", tax_inclusive: true}'
    )
    assert price.currencies == ("USD", "EUR", "JPY")
    assert price.model == PerUnit(unit_amount_minor=Decimal(1100))
    assert price.currency_options == {
        "EUR": CurrencyOption(
            model=PerUnit(unit_amount_minor=Decimal("1000.5")), tax_inclusive=True
        ),
        "JPY": CurrencyOption(model=PerUnit(unit_amount_minor=Decimal(1650))),
    }
    euros = price.in_currency("EUR")
    assert (euros.unit_name, euros.maximum_quantity, euros.interval) == ("seat", 5, price.interval)


def test_what_a_price_says_of_tax_holds_in_a_currency_that_says_nothing() -> None:
    options = _price(
        'amount: "11.00"\ntax_inclusive: true\ncurrencies:\n  EUR: {amount: "10.00"}\n'
        '  CAD: {amount: "15.00", tax_inclusive: false}'
    ).currency_options
    assert (options["EUR"].tax_inclusive, options["CAD"].tax_inclusive) == (True, False)


def test_tiers_and_bounds_are_converted_to_the_currency_s_own_minor_units() -> None:
    price = _price(
        'model: graduated\ntiers: [{up_to: 5, flat_amount: "25.00"}, {amount: "7.00"}]\n'
        'minimum_charge: "30"\ncurrencies:\n'
        '  KWD: {tiers: [{up_to: 9, flat_amount: "8.5"}, {amount: "2"}], minimum_charge: "9"}'
    )
    dinars = price.in_currency("KWD")
    assert dinars.model == Graduated(
        tiers=(
            Tier(up_to=9, flat_amount_minor=Decimal(8500)),
            Tier(unit_amount_minor=Decimal(2000)),
        )
    )
    assert (price.minimum_amount_minor, dinars.minimum_amount_minor) == (3000, 9000)


def test_rates_and_dimensions_are_said_once() -> None:
    share = _price(
        'model: percentage\nrate: "2.9"\nfixed_amount: "0.30"\n'
        'currencies: {JPY: {fixed_amount: "40"}}'
    ).in_currency("JPY")
    assert share.model == Percentage(rate_percent=Decimal("2.9"), fixed_amount_minor=Decimal(40))
    machines = _price(
        "model: matrix\ndimensions:\n  - {name: region, values: [eu]}\n"
        "  - {name: size, values: [small, large]}\n"
        'cells: [{at: [eu, small], amount: "1.00"}]\nrefused: [[eu, large]]\n'
        'currencies: {JPY: {cells: [{at: [eu, small], amount: "150"}]}}'
    ).in_currency("JPY")
    assert isinstance(machines.model, Matrix)
    assert machines.model.cells == (Cell(at=("eu", "small"), unit_amount_minor=Decimal(150)),)
    assert machines.model.refused == (("eu", "large"),)


@pytest.mark.parametrize(
    ("written", "line", "says"),
    [
        ("{}", 10, "currencies are written as `name: value` lines"),
        ("[JPY]", 10, "currencies are written as `name: value` lines"),
        ("{yen: {amount: '1650'}}", 10, "the names of currencies match"),
        ("{XXX: {amount: '1650'}}", 10, "'XXX' is no supported currency"),
        ("{JPY: {amount: '1'}, JPY: {amount: '2'}}", 10, "'JPY' is written twice"),
        ("{USD: {amount: '1650'}}", 10, "the price is in USD already"),
        ("\n  JPY: '1650'", 11, "a currency of a price is written as `key: value` lines"),
        ("\n  JPY: {amuont: '1650'}", 11, "did you mean 'amount'?"),
        ("\n  JPY: {unit: seat, amount: '1650'}", 11, "a currency of a price has no 'unit'"),
        ("\n  JPY: {amount: 1650}", 11, "amount is a decimal in quotes"),
        ("\n  JPY:\n    amount: '1e3'", 12, "write digits and one point"),
        ("\n  JPY: {tax_inclusive: true}", 11, "JPY needs amount, as the price has in USD"),
        ("\n  JPY: {amount: '12', tiers: [{amount: '1'}]}", 11, "a per_unit price has no 'tiers'"),
        ("\n  EUR: {amount: '9'}\n  JPY: {amount: '49'}", 12, "less than 50 cannot be collected"),
        ("\n  KWD: {amount: '1.255'}", 11, "the last decimal of KWD must be zero"),
        (
            "\n  JPY: {amount: '900', minimum_charge: '9.5'}",
            11,
            "minimum_charge: write no more decimals than the currency has",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    written: str, line: int, says: str
) -> None:
    with pytest.raises(CatalogFileError) as refused:
        _price(f'amount: "11.00"\ncurrencies: {written}')
    problems = [(problem.line, problem.message) for problem in refused.value.problems]
    assert any(at == line and says in message for at, message in problems), problems


def test_a_bound_in_one_currency_is_asked_for_in_every_other() -> None:
    with pytest.raises(CatalogFileError, match="JPY needs minimum_charge, as the price has in USD"):
        _price('amount: "11"\nminimum_charge: "20"\ncurrencies: {JPY: {amount: "1650"}}')


def test_another_currency_is_another_version_of_the_price() -> None:
    alone, both = (
        _catalog('amount: "11"'),
        _catalog('amount: "11"\ncurrencies: {JPY: {amount: "9000"}}'),
    )
    [change] = changes(alone, both)
    assert [(each.field, each.before, each.after) for each in change.differences] == [
        ("currency_options.JPY.model.kind", None, "per_unit"),
        ("currency_options.JPY.model.unit_amount_minor", None, "9000"),
        ("currency_options.JPY.tax_inclusive", None, "false"),
    ]
    [refusal] = refusals(both, Published(prices=alone.prices, families={"any": "any"}))
    assert refusal.code == "price_version_immutable"
    raised = _catalog('version: 2\namount: "11"\ncurrencies: {JPY: {amount: "9000"}}')
    assert refusals(raised, Published(prices=alone.prices, families={"any": "any"})) == ()
    assert content_digest(alone) != content_digest(both)


def test_the_order_of_currencies_makes_no_difference() -> None:
    one, other = (
        _catalog(f'amount: "11"\ncurrencies: {{{written}}}')
        for written in (
            'JPY: {amount: "1650"}, EUR: {amount: "10"}',
            'EUR: {amount: "10.00"}, JPY: {amount: "1650"}',
        )
    )
    assert content_digest(one) == content_digest(other)
    assert changes(one, other) == ()
