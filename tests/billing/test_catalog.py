from fractions import Fraction

import pytest

from billing.catalog import Catalog, PauseMode, PausePolicy, Product
from billing.price import Price
from billing.price_model import PerUnit
from tests.billing.strategies import price


@pytest.mark.parametrize("unit", ["NaN", "Infinity", "-1", "1e15", "0.0000000000001", "sNaN"])
def test_prices_that_are_no_numbers_are_refused(unit: str) -> None:
    with pytest.raises(ValueError, match="unit_amount_minor"):
        price(unit)


def test_a_price_too_small_to_collect_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be collected"):
        price(49)
    assert price(50).smallest_amounts == (Fraction(50),)
    assert price(0).is_free


def _catalog(*prices: Price) -> Catalog:
    return Catalog(products=(Product(id="team", name="Team", family="team"),), prices=prices)


def test_a_catalog_names_each_thing_once_and_no_strangers() -> None:
    assert _catalog(price()).prices == (price(),)
    with pytest.raises(ValueError, match="used twice"):
        _catalog(price(), price())
    with pytest.raises(ValueError, match="is no product of the catalog"):
        _catalog(price().model_copy(update={"product_id": "other"}))


def _falling_back_to(price: Price | None, *, family: str = "plan") -> Catalog:
    return Catalog(
        products=(
            Product(id="team", name="Team", family="plan", free_fallback="free"),
            Product(id="personal", name="Personal", family=family),
        ),
        prices=() if price is None else (price,),
    )


def test_a_fallback_is_a_free_price_of_the_same_family() -> None:
    free = price(0).model_copy(update={"id": "free", "product_id": "personal"})
    assert _falling_back_to(free).products[0].free_fallback == "free"
    with pytest.raises(ValueError, match="no price of the catalog"):
        _falling_back_to(None)
    with pytest.raises(ValueError, match="no price of the family 'plan'"):
        _falling_back_to(free, family="other")
    with pytest.raises(ValueError, match="is not free"):
        _falling_back_to(free.model_copy(update={"model": PerUnit(unit_amount_minor=1600)}))


@pytest.mark.parametrize("max_days", [0, 366])
def test_a_pause_is_bounded(max_days: int) -> None:
    assert PausePolicy(mode=PauseMode.VOID).max_days == 90
    with pytest.raises(ValueError, match="max_days"):
        PausePolicy(mode=PauseMode.VOID, max_days=max_days)
