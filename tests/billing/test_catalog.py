import pytest

from billing.catalog import Catalog, Price, Product
from tests.billing.strategies import price


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
