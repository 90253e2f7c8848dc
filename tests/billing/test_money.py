from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import BooksBroken
from billing.money import Money, allocate_minor, round_half_away
from tests.billing.strategies import amounts, currencies, minor_amounts

weights = st.lists(
    st.fractions(min_value=0, max_value=10**6, max_denominator=10**6), min_size=1, max_size=12
).filter(any)


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        ("0.5", 1),
        ("-0.5", -1),
        ("1.5", 2),
        ("2.5", 3),
        ("-2.5", -3),
        ("2.4999999999999999999", 2),
        ("-2.4999999999999999999", -2),
        ("0", 0),
    ],
)
def test_halves_go_away_from_zero(exact: str, rounded: int) -> None:
    assert round_half_away(Decimal(exact)) == rounded
    assert round_half_away(Fraction(exact)) == rounded


@given(st.fractions())
def test_rounding_is_nearest_and_symmetric(exact: Fraction) -> None:
    rounded = round_half_away(exact)
    assert abs(rounded - exact) <= Fraction(1, 2)
    assert round_half_away(-exact) == -rounded
    if abs(rounded - exact) == Fraction(1, 2):
        assert abs(rounded) > abs(exact)


@given(minor_amounts, weights)
def test_shares_sum_to_the_whole(total: int, parts: list[Fraction]) -> None:
    shares = allocate_minor(total, parts)
    assert sum(shares) == total
    whole = sum(parts)
    for share, part in zip(shares, parts, strict=True):
        assert abs(share - total * part / whole) < 1


@given(minor_amounts, weights)
def test_shares_keep_the_sign_and_nothing_goes_to_weight_zero(
    total: int, parts: list[Fraction]
) -> None:
    shares = allocate_minor(total, parts)
    assert all(share * total >= 0 for share in shares)
    assert all(share == 0 for share, part in zip(shares, parts, strict=True) if part == 0)
    assert allocate_minor(-total, parts) == tuple(-share for share in shares)


def test_equal_remainders_favour_the_earlier_share() -> None:
    assert allocate_minor(100, [1, 1, 1]) == (34, 33, 33)
    assert allocate_minor(101, [1, 1, 1]) == (34, 34, 33)


@pytest.mark.parametrize("parts", [[], [0, 0], [1, -1], [2, -1]])
def test_weights_that_share_nothing_are_refused(parts: list[int]) -> None:
    with pytest.raises(BooksBroken) as broken:
        allocate_minor(100, parts)
    assert broken.value.code == "unallocatable"


@given(amounts(), minor_amounts)
def test_adding_and_taking_away_leaves_the_same(amount: Money, other_minor: int) -> None:
    other = Money(amount_minor=other_minor, currency=amount.currency)
    assert amount + other - other == amount
    assert amount - amount == Money.zero(amount.currency)
    assert amount + (-amount) == Money.zero(amount.currency)


@given(amounts(), currencies)
def test_currencies_are_never_mixed(amount: Money, currency: str) -> None:
    if currency == amount.currency:
        return
    for combine in (Money.__add__, Money.__sub__):
        with pytest.raises(BooksBroken) as broken:
            combine(amount, Money.zero(currency))
        assert broken.value.code == "currency_mismatch"


@given(amounts())
def test_money_survives_being_written_and_read(amount: Money) -> None:
    assert Money.model_validate_json(amount.model_dump_json()) == amount


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (8000, "USD", "USD 80.00"),
        (-5, "USD", "USD -0.05"),
        (500, "JPY", "JPY 500"),
        (1234567, "KWD", "KWD 1,234.567"),
    ],
)
def test_money_is_written_with_its_currencys_digits(
    amount_minor: int, currency: str, text: str
) -> None:
    assert str(Money(amount_minor=amount_minor, currency=currency)) == text


@pytest.mark.parametrize("amount_minor", [1.5, "1e3", "NaN", float("nan"), None])
def test_only_whole_minor_units_are_money(amount_minor: object) -> None:
    with pytest.raises(ValueError, match="amount_minor"):
        Money.model_validate({"amount_minor": amount_minor, "currency": "USD"})
