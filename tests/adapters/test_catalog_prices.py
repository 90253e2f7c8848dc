"""Price models as they are written in a catalog file."""

from decimal import Decimal

import pytest

from adapters.catalog_file import CatalogFileError, parse_catalog
from billing.billing_mode import BillingMode
from billing.interval import Interval, IntervalUnit
from billing.price import Price
from billing.price_model import (
    Cell,
    Dimension,
    Flat,
    Graduated,
    Matrix,
    Package,
    Percentage,
    PerUnit,
    PriceModel,
    StairStep,
    Step,
    Volume,
)
from tests.billing.price_models import TEAM_2020, TIERS

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


def _price(written: str, head: str = _HEAD) -> Price:
    content = head + "".join(f"        {line}\n" for line in written.splitlines())
    [price] = parse_catalog(content.encode(), source="catalog.yaml").prices
    return price


_TIERS = """\
tiers:
  - {up_to: 1000, amount: "0.10"}
  - {from: 1001, up_to: 10000, amount: "0.05"}
  - {amount: "0.01"}
"""
_MATRIX = """\
model: matrix
dimensions:
  - {name: region, values: [eu, us]}
  - {name: size, values: [small, large]}
cells:
  - {at: [eu, small], amount: "1.00"}
  - {at: [eu, large], amount: "2.50"}
  - {at: [us, small], amount: "0.905"}
refused:
  - [us, large]
"""


@pytest.mark.parametrize(
    ("written", "model"),
    [
        ('amount: "16.005"', PerUnit(unit_amount_minor=Decimal("1600.5"))),
        ('model: per_unit\namount: "16"', PerUnit(unit_amount_minor=Decimal(1600))),
        ('model: flat\namount: "9.99"', Flat(amount_minor=Decimal(999))),
        (f"model: graduated\n{_TIERS}", Graduated(tiers=TIERS)),
        (f"model: volume\n{_TIERS}", Volume(tiers=TIERS)),
        (
            'model: graduated\ntiers: [{up_to: 5, flat_amount: "25.00"}, {amount: "7.00"}]',
            TEAM_2020,
        ),
        (
            'model: package\npackage_size: 100\namount: "4.00"',
            Package(package_size=100, package_amount_minor=Decimal(400)),
        ),
        (
            'model: stair_step\ntiers: [{up_to: 10, amount: "50"}, {amount: "80"}]',
            StairStep(
                steps=(
                    Step(up_to=10, amount_minor=Decimal(5000)),
                    Step(amount_minor=Decimal(8000)),
                )
            ),
        ),
        (
            'model: percentage\nrate: "2.9"\nfixed_amount: "0.30"\nminimum: "1"\nmaximum: "50"',
            Percentage(
                rate_percent=Decimal("2.9"),
                fixed_amount_minor=Decimal(30),
                minimum_minor=Decimal(100),
                maximum_minor=Decimal(5000),
            ),
        ),
        (
            _MATRIX,
            Matrix(
                dimensions=(
                    Dimension(name="region", values=("eu", "us")),
                    Dimension(name="size", values=("small", "large")),
                ),
                cells=(
                    Cell(at=("eu", "small"), unit_amount_minor=Decimal(100)),
                    Cell(at=("eu", "large"), unit_amount_minor=Decimal(250)),
                    Cell(at=("us", "small"), unit_amount_minor=Decimal("90.5")),
                ),
                refused=(("us", "large"),),
            ),
        ),
    ],
)
def test_each_model_is_read_to_the_fraction_of_a_cent(written: str, model: PriceModel) -> None:
    assert _price(written).model == model


def test_a_price_has_bounds_of_what_it_costs_and_a_step_of_quantity() -> None:
    price = _price(
        'amount: "12.00"\nminimum_charge: "30"\nmaximum_charge: "450.50"\n'
        "minimum_quantity: 30\nquantity_step: 25"
    )
    assert (price.minimum_amount_minor, price.maximum_amount_minor) == (3000, 45050)
    assert (price.quantity_step, price.smallest_quantity) == (25, 50)


@pytest.mark.parametrize(
    ("written", "interval"),
    [
        ("quarter", Interval(unit=IntervalUnit.MONTH, count=3)),
        ("half_year", Interval(unit=IntervalUnit.MONTH, count=6)),
        ("quarter\n        interval_count: 3", Interval(unit=IntervalUnit.MONTH, count=9)),
        ("week\n        interval_count: 2", Interval(unit=IntervalUnit.WEEK, count=2)),
    ],
)
def test_quarters_and_half_years_are_months(written: str, interval: Interval) -> None:
    head = _HEAD.replace("interval: month", f"interval: {written}")
    assert _price('amount: "16.00"', head).interval == interval


def test_what_is_sold_once_has_no_interval() -> None:
    assert _price('amount: "250.00"', _HEAD.replace("month\n", "once\n")).interval is None
    with pytest.raises(CatalogFileError, match="9: what is sold once has no interval_count"):
        _price('amount: "1"', _HEAD.replace("month\n", "once\n") + "        interval_count: 1\n")


def test_a_price_is_billed_in_advance_unless_it_says_in_arrears() -> None:
    assert _price('amount: "16.00"').billing is BillingMode.IN_ADVANCE
    written = 'amount: "16.00"\nbilling: in_arrears'
    assert _price(written).is_in_arrears
    with pytest.raises(CatalogFileError, match="6: what is sold once has no end to be billed at"):
        _price(written, _HEAD.replace("month\n", "once\n"))


def test_in_arrears_no_pause_keeps_what_was_never_paid() -> None:
    head = _HEAD.replace("    prices:\n", "    pause: {mode: void}\n    prices:\n")
    with pytest.raises(CatalogFileError, match="11: billing: a pause of mode: void gives nothing"):
        _price('amount: "16.00"\nbilling: in_arrears', head)
    assert not _price('amount: "16.00"', head).is_in_arrears


@pytest.mark.parametrize(
    ("written", "line", "says"),
    [
        ("version: 1", 6, "a price needs amount, or a `model` and what it is made of"),
        ('model: bulk\namount: "1"', 9, "one of flat, per_unit, graduated"),
        ('model: graduated\namount: "1"', 10, "a graduated price has no 'amount'; it has tiers"),
        ("model: package\npackage_size: 0\namount: '4'", 10, "a unit or more"),
        ("model: package\namount: '4'", 9, "a price needs package_size"),
        ("model: volume\ntiers: []", 10, "tiers is a list"),
        ("model: volume\ntiers:\n  - {}", 11, "a tier needs an amount"),
        ("model: volume\ntiers:\n  - {up_to: 5, amount: '1'}", 11, "leave out its up_to"),
        (
            "model: volume\ntiers:\n  - {up_to: 5, amount: '1'}\n  - {from: 7, amount: '1'}",
            12,
            "leaves a gap: write from: 6",
        ),
        (
            "model: volume\ntiers:\n  - {up_to: 5, amount: '1'}\n  - {from: 5, amount: '1'}",
            12,
            "overlaps the tier before: write from: 6",
        ),
        (
            "model: graduated\ntiers:\n  - {up_to: 5, amount: '1'}\n  - {up_to: 3, amount: '1'}",
            12,
            "tiers are in order: write an up_to above 5, not 3",
        ),
        ("model: volume\ntiers:\n  - {amount: 'NaN'}", 11, "write digits and one point"),
        ("model: volume\ntiers:\n  - {amount: '1e3'}", 11, "write digits and one point"),
        ("model: volume\ntiers:\n  - {up_to: 0, amount: '1'}", 11, "write 1 or more"),
        ("model: volume\ntiers:\n  - {until: 3, amount: '1'}", 11, "a tier has no 'until'"),
        ("model: stair_step\ntiers:\n  - {up_to: 3}", 11, "a tier needs an amount"),
        ("model: percentage\nrate: '1001'", 10, "write 1000 or less"),
        (_MATRIX.replace("  - [us, large]", "  - [us]"), 14, "refused.0.1: it is missing"),
        (_MATRIX.replace("[us, large]", "[us, small]"), 14, "[us, small] is written twice"),
        (_MATRIX.replace("values: [eu, us]", "values: eu"), 11, "values is a list of texts"),
        ("amount: '1'\nminimum_charge: '0.005'", 10, "minimum_charge: write no more decimals"),
        ("amount: '1'\nquantity_step: 7\nmaximum_quantity: 5", 6, "no multiple of quantity_step"),
        ("amount: '1'\ninterval_count: 121", 10, "write 120 or less"),
        ("amount: '1'\nbilling: later", 10, "billing is one of in_advance, in_arrears"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    written: str, line: int, says: str
) -> None:
    with pytest.raises(CatalogFileError) as refused:
        _price(written)
    problems = [(problem.line, problem.message) for problem in refused.value.problems]
    assert any(at == line and says in message for at, message in problems), problems
