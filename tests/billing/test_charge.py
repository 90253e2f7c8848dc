"""What a quantity costs under each model, and the parts that say why."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.charge import NO_CONTEXT, PricingContext, bounded, contexts_of, parts_of
from billing.errors import InvalidInput
from billing.explanation import Exact, PartKind
from billing.price_model import (
    Cell,
    Dimension,
    Flat,
    Graduated,
    Matrix,
    Package,
    Percentage,
    PriceModel,
    StairStep,
    Step,
    Tier,
    Volume,
)
from tests.billing.price_models import TEAM_2020, TIERS, amounts, models, tiers


def _minor(
    model: PriceModel, quantity: int | Fraction, context: PricingContext = NO_CONTEXT
) -> Exact:
    return sum(part.amount_minor for part in parts_of(model, quantity, context))


@pytest.mark.parametrize(
    ("quantity", "minor"), [(0, 0), (1, 10), (1_000, 10_000), (1_001, 10_005), (10_001, 55_001)]
)
def test_graduated_each_unit_costs_what_its_tier_says(quantity: int, minor: int) -> None:
    assert _minor(Graduated(tiers=TIERS), quantity) == minor


@pytest.mark.parametrize(
    ("quantity", "minor"),
    [(0, 0), (1_000, 10_000), (1_001, 5_005), (10_000, 50_000), (10_001, 10_001)],
)
def test_volume_all_units_cost_what_the_tier_of_the_quantity_says(
    quantity: int, minor: int
) -> None:
    assert _minor(Volume(tiers=TIERS), quantity) == minor


@pytest.mark.parametrize(("quantity", "minor"), [(0, 0), (1, 400), (100, 400), (101, 800)])
def test_a_package_that_is_begun_is_paid(quantity: int, minor: int) -> None:
    package = Package(package_size=100, package_amount_minor=Decimal(400))
    assert _minor(package, quantity) == minor


@pytest.mark.parametrize(
    ("quantity", "minor"), [(0, 2500), (1, 2500), (5, 2500), (6, 3200), (9, 5300)]
)
def test_a_flat_amount_is_owed_where_its_tier_is_reached(quantity: int, minor: int) -> None:
    assert _minor(TEAM_2020, quantity) == minor


def test_each_tier_that_is_reached_adds_its_flat_amount_and_volume_only_its_own() -> None:
    both = (
        Tier(up_to=10, unit_amount_minor=Decimal(100), flat_amount_minor=Decimal(5)),
        Tier(unit_amount_minor=Decimal(50), flat_amount_minor=Decimal(7)),
    )
    assert _minor(Graduated(tiers=both), 10) == 1_005
    assert _minor(Graduated(tiers=both), 11) == 1_005 + 57
    assert _minor(Volume(tiers=both), 11) == 11 * 50 + 7


@pytest.mark.parametrize(("quantity", "minor"), [(1, 5000), (10, 5000), (11, 8000), (10**6, 8000)])
def test_a_stair_step_is_one_amount_up_to_its_bound(quantity: int, minor: int) -> None:
    stairs = StairStep(
        steps=(
            Step(up_to=10, amount_minor=Decimal(5000)),
            Step(amount_minor=Decimal(8000)),
        )
    )
    assert _minor(stairs, quantity) == minor


def test_a_flat_price_does_not_ask_for_the_quantity() -> None:
    assert {_minor(Flat(amount_minor=Decimal("99.5")), n) for n in (0, 1, 9)} == {Fraction(199, 2)}


@pytest.mark.parametrize(
    ("base", "minor"),
    [(0, 100 + 60), (10_000, 290 + 60), (1_000_000, 5_000 + 60), (3_449, Fraction("100.021") + 60)],
)
def test_a_percentage_has_bounds_and_a_fixed_part_for_each_unit(
    base: int, minor: int | Fraction
) -> None:
    model = Percentage(
        rate_percent=Decimal("2.9"),
        minimum_minor=Decimal(100),
        maximum_minor=Decimal(5_000),
        fixed_amount_minor=Decimal(30),
    )
    assert _minor(model, 2, PricingContext(base_minor=base)) == minor
    with pytest.raises(InvalidInput) as refused:
        _minor(model, 2)
    assert refused.value.code == "base_amount_required"
    assert list(contexts_of(model)) == []


_MATRIX = Matrix(
    dimensions=(
        Dimension(name="region", values=("eu", "us")),
        Dimension(name="size", values=("small", "large")),
    ),
    cells=(
        Cell(at=("eu", "small"), unit_amount_minor=Decimal(100)),
        Cell(at=("eu", "large"), unit_amount_minor=Decimal(250)),
        Cell(at=("us", "small"), unit_amount_minor=Decimal(90)),
    ),
    refused=(("us", "large"),),
)


def test_a_cell_of_the_matrix_says_what_a_unit_costs() -> None:
    large = PricingContext(dimensions={"size": "large", "region": "eu"})
    assert _minor(_MATRIX, 3, large) == 750
    assert [_minor(_MATRIX, 1, context) for context in contexts_of(_MATRIX)] == [100, 250, 90]


@pytest.mark.parametrize(
    ("dimensions", "code"),
    [
        ({}, "dimension_required"),
        ({"region": "eu"}, "dimension_required"),
        ({"region": "mars", "size": "small"}, "dimension_unknown"),
        ({"region": "us", "size": "large"}, "combination_not_sold"),
    ],
)
def test_a_matrix_refuses_what_it_does_not_sell(dimensions: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _minor(_MATRIX, 1, PricingContext(dimensions=dimensions))
    assert refused.value.code == code


def test_the_least_and_the_most_that_is_charged_are_parts_of_their_own() -> None:
    parts = parts_of(Flat(amount_minor=Decimal(300)), 1, NO_CONTEXT)
    assert bounded(parts, minimum_minor=300, maximum_minor=300) == parts
    *_, added = bounded(parts, minimum_minor=500, maximum_minor=None)
    assert (added.kind, added.amount_minor) == (PartKind.MINIMUM, Fraction(200))
    *_, taken = bounded(parts, minimum_minor=None, maximum_minor=100)
    assert (taken.kind, taken.amount_minor) == (PartKind.MAXIMUM, Fraction(-200))


_quantities = st.integers(0, 3_000)


@given(tiers(with_flats=False), _quantities)
def test_graduated_never_costs_less_for_more_and_has_no_jumps(
    drawn: tuple[Tier, ...], quantity: int
) -> None:
    model = Graduated(tiers=drawn)
    following = next(t for t in drawn if t.up_to is None or quantity < t.up_to)
    step = _minor(model, quantity + 1) - _minor(model, quantity)
    assert step == Fraction(following.unit_amount_minor) >= 0


@given(tiers(with_flats=False))
def test_graduated_is_the_sum_of_its_tiers_at_every_bound(drawn: tuple[Tier, ...]) -> None:
    model = Graduated(tiers=drawn)
    bounds = [0, *(tier.up_to for tier in drawn if tier.up_to is not None)]
    owed: Exact = 0
    for tier, (low, high) in zip(drawn, pairwise(bounds), strict=False):
        owed += (high - low) * Fraction(tier.unit_amount_minor)
        assert _minor(model, high) == owed


@given(tiers(), _quantities)
def test_volume_is_the_quantity_times_its_tier(drawn: tuple[Tier, ...], quantity: int) -> None:
    tier = next(t for t in drawn if t.up_to is None or quantity <= t.up_to)
    expected = quantity * Fraction(tier.unit_amount_minor) + Fraction(tier.flat_amount_minor)
    assert _minor(Volume(tiers=drawn), quantity) == expected


@given(models, _quantities, st.integers(1, 50))
def test_parts_say_how_many_at_how_much(model: PriceModel, quantity: int, thirds: int) -> None:
    for count in (quantity, quantity + Fraction(thirds, 3)):
        for part in parts_of(model, count, NO_CONTEXT):
            assert part.amount_minor == part.count * Fraction(part.each)


@given(
    st.builds(Package, package_size=st.integers(1, 99), package_amount_minor=amounts), _quantities
)
def test_packages_hold_the_quantity_and_no_more_than_one_too_many(
    model: Package, quantity: int
) -> None:
    [part] = parts_of(model, quantity, NO_CONTEXT)
    assert part.count.denominator == 1
    assert (part.count - 1) * model.package_size < quantity <= part.count * model.package_size
