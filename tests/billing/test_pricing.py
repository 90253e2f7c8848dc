from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog import MAX_QUANTITY, Catalog, Price, Product
from billing.errors import InvalidInput
from billing.money import Money
from billing.pricing import check_quantity, price_of
from tests.billing.strategies import price


def test_five_seats_at_sixteen_dollars_cost_eighty() -> None:
    assert price_of(price(1600), 5) == Money(amount_minor=8000, currency="USD")


@pytest.mark.parametrize(
    ("unit", "quantity", "minor"),
    [("0.5", 101, 51), ("33.333333333333", 3, 100), ("0.015", 10_000, 150), ("0.125", 1_004, 126)],
)
def test_fractions_are_rounded_once(unit: str, quantity: int, minor: int) -> None:
    sold = price().model_copy(update={"unit_amount_minor": Decimal(unit)})
    assert price_of(sold, quantity).amount_minor == minor


@given(st.decimals(min_value=0, max_value=10**9, places=12), st.integers(1, MAX_QUANTITY))
def test_an_amount_is_at_most_half_a_unit_from_exact(unit: Decimal, quantity: int) -> None:
    sold = price().model_copy(update={"unit_amount_minor": unit})
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


@pytest.mark.parametrize("unit", ["NaN", "Infinity", "-1", "1e15", "0.0000000000001", "sNaN"])
def test_prices_that_are_no_numbers_are_refused(unit: str) -> None:
    with pytest.raises(ValueError, match="unit_amount_minor"):
        price(unit)


def test_a_price_too_small_to_collect_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be collected"):
        price(49)
    assert price(50).unit_amount_minor == 50
    assert price(0).unit_amount_minor == 0


def _catalog(*prices: Price) -> Catalog:
    return Catalog(products=(Product(id="team", name="Team", family="team"),), prices=prices)


def test_a_catalog_names_each_thing_once_and_no_strangers() -> None:
    assert _catalog(price()).prices == (price(),)
    with pytest.raises(ValueError, match="used twice"):
        _catalog(price(), price())
    with pytest.raises(ValueError, match="not in the catalog"):
        _catalog(price().model_copy(update={"product_id": "other"}))
