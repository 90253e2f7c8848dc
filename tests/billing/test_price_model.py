"""What a price's model must be like; the amounts that follow are in `test_charge`."""

from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from billing.price_model import (
    Cell,
    Dimension,
    Graduated,
    Matrix,
    Percentage,
    PerUnit,
    PriceModel,
    Tier,
    plain_digits,
    tier_complaint,
)

_MODELS: TypeAdapter[PriceModel] = TypeAdapter(PriceModel)


@pytest.mark.parametrize(
    "amount",
    ["NaN", "Infinity", "1e3", "-1", "1.", ".5", "1,5", "٣", "", 1.5, True, None, "1" * 16],
)
def test_what_is_no_plain_decimal_is_no_amount(amount: object) -> None:
    with pytest.raises(ValueError, match="write digits and at most one point"):
        PerUnit.model_validate({"unit_amount_minor": amount})


@pytest.mark.parametrize(
    ("amount", "written"),
    [("1600", "1600"), ("0.10", "0.1"), (7, "7"), (Decimal("1E+2"), "100"), ("0.000", "0")],
)
def test_an_amount_has_one_way_to_be_written(amount: object, written: str) -> None:
    model = PerUnit.model_validate({"unit_amount_minor": amount})
    document = _MODELS.dump_json(model)
    assert document.decode() == f'{{"kind":"per_unit","unit_amount_minor":"{written}"}}'
    assert _MODELS.validate_json(document) == model
    assert plain_digits(model.unit_amount_minor) == written


@pytest.mark.parametrize(
    ("bounds", "firsts", "position", "says"),
    [
        ([10, 20], [], 1, "leave out its up_to, or add a tier after it"),
        ([None, 20, None], [], 0, "write where this one ends"),
        ([10, 10, None], [], 1, "write an up_to above 10, not 10"),
        ([20, 10, None], [], 1, "write an up_to above 20, not 10"),
        ([10, None], [1, 12], 1, "a tier from 12 leaves a gap: write from: 11"),
        ([10, None], [None, 10], 1, "a tier from 10 overlaps the tier before: write from: 11"),
        ([10, None], [2], 0, "a tier from 2 leaves a gap: write from: 1"),
    ],
)
def test_tiers_that_do_not_follow_one_another_are_refused(
    bounds: list[int | None], firsts: list[int | None], position: int, says: str
) -> None:
    complaint = tier_complaint(bounds, firsts)
    assert complaint is not None
    assert complaint[0] == position
    assert says in complaint[1]
    if not firsts:
        with pytest.raises(ValueError, match=f"tier {position + 1}: "):
            Graduated(tiers=tuple(Tier(up_to=bound) for bound in bounds))


def test_tiers_that_tile_are_sound() -> None:
    assert tier_complaint([10, 20, None], [1, 11, 21]) is None
    assert tier_complaint([None]) is None


def _matrix(*cells: tuple[str, str], refused: tuple[tuple[str, str], ...] = ()) -> Matrix:
    return Matrix(
        dimensions=(
            Dimension(name="region", values=("eu", "us")),
            Dimension(name="size", values=("small", "large")),
        ),
        cells=tuple(Cell(at=at, unit_amount_minor=Decimal(100)) for at in cells),
        refused=refused,
    )


_ALL = (("eu", "small"), ("eu", "large"), ("us", "small"), ("us", "large"))


@pytest.mark.parametrize(
    ("cells", "refused", "says"),
    [
        (_ALL[:3], (), "has no cell"),
        ((*_ALL, ("eu", "small")), (), "written twice"),
        (_ALL, (("us", "large"),), "written twice"),
        ((*_ALL, ("mars", "small")), (), "not in the dimensions"),
    ],
)
def test_a_matrix_decides_every_combination_once(
    cells: tuple[tuple[str, str], ...], refused: tuple[tuple[str, str], ...], says: str
) -> None:
    assert _matrix(*_ALL[:3], refused=_ALL[3:]).refused == (("us", "large"),)
    with pytest.raises(ValueError, match=says):
        _matrix(*cells, refused=refused)


def test_dimensions_have_names_and_values_of_their_own() -> None:
    region = Dimension(name="region", values=("eu",))
    cells = (Cell(at=("eu", "eu"), unit_amount_minor=Decimal(1)),)
    with pytest.raises(ValueError, match="two dimensions are called 'region'"):
        Matrix(dimensions=(region, region), cells=cells)
    twice = Dimension(name="size", values=("eu", "eu"))
    with pytest.raises(ValueError, match="size has a value twice"):
        Matrix(dimensions=(region, twice), cells=cells)


def test_the_bounds_of_a_percentage_are_in_order() -> None:
    with pytest.raises(ValueError, match="must not exceed"):
        Percentage(rate_percent=Decimal(3), minimum_minor=Decimal(200), maximum_minor=Decimal(100))
