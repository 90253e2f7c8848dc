from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import InvalidInput
from billing.money import Money
from billing.price import MAX_QUANTITY
from billing.price_model import PerUnit
from billing.pricing import check_chargeable, check_quantity, price_of
from tests.billing.strategies import price


def test_five_seats_at_sixteen_dollars_cost_eighty() -> None:
    assert price_of(price(1600), 5) == Money(amount_minor=8000, currency="USD")


@pytest.mark.parametrize(
    ("unit", "quantity", "minor"),
    [("0.5", 101, 51), ("33.333333333333", 3, 100), ("0.015", 10_000, 150), ("0.125", 1_004, 126)],
)
def test_fractions_are_rounded_once(unit: str, quantity: int, minor: int) -> None:
    sold = price().model_copy(update={"model": PerUnit(unit_amount_minor=Decimal(unit))})
    assert price_of(sold, quantity).amount_minor == minor


@given(st.decimals(min_value=0, max_value=10**9, places=12), st.integers(1, MAX_QUANTITY))
def test_an_amount_is_at_most_half_a_unit_from_exact(unit: Decimal, quantity: int) -> None:
    sold = price().model_copy(update={"model": PerUnit(unit_amount_minor=unit)})
    exact = unit * quantity
    assert abs(price_of(sold, quantity).amount_minor - exact) <= Decimal("0.5")


@pytest.mark.parametrize("quantity", [0, -1, 3, 11, 10**30])
def test_quantities_out_of_range_are_refused(quantity: int) -> None:
    sold = price().model_copy(update={"minimum_quantity": 4, "maximum_quantity": 10})
    check_quantity(sold, 4)
    check_quantity(sold, 10)
    with pytest.raises(InvalidInput) as refused:
        check_quantity(sold, quantity)
    assert refused.value.code == "quantity_out_of_range"


def test_more_than_one_charge_can_take_is_refused() -> None:
    sold = price().model_copy(
        update={"model": PerUnit(unit_amount_minor=Decimal(100)), "maximum_quantity": 10**6}
    )
    check_quantity(sold, 999_999)
    with pytest.raises(InvalidInput) as refused:
        check_quantity(sold, 1_000_000)
    assert refused.value.code == "amount_too_large"


@pytest.mark.parametrize(("unit", "quantity"), [("1255", 1), ("1252", 4), ("0.5", 10)])
def test_thousandths_that_do_not_end_in_zero_are_not_sold(unit: str, quantity: int) -> None:
    sold = price(unit, currency="KWD")
    with pytest.raises(InvalidInput) as refused:
        check_quantity(sold, quantity)
    assert refused.value.code == "amount_not_chargeable"
    check_quantity(sold, quantity * 10)


def test_other_currencies_are_charged_to_the_last_digit() -> None:
    for currency in ("USD", "JPY", "ISK"):
        check_chargeable(Money(amount_minor=1_255, currency=currency))


def test_what_costs_nothing_is_sold() -> None:
    check_quantity(price(0), 7)
    assert price_of(price(0), 7).amount_minor == 0
