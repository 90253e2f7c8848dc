"""What a buyer chooses of a matrix or a percentage: sold so, kept, and changed like a price."""

from decimal import Decimal

import pytest

from billing.change import ChangeKind, classify
from billing.configuration import PLAIN, Configuration
from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.price import Price
from billing.price_model import Cell, Dimension, Matrix, Percentage, PerUnit, PriceModel
from billing.pricing import price_of
from billing.rehearsal import Rehearsal, Running
from billing.subscription import SubscriptionStatus, Terms
from tests.billing.subscriptions import terms

REGIONS = Matrix(
    dimensions=(
        Dimension(name="size", values=("small", "large")),
        Dimension(name="region", values=("eu", "us")),
    ),
    cells=(
        Cell(at=("small", "eu"), unit_amount_minor=Decimal(1000)),
        Cell(at=("large", "eu"), unit_amount_minor=Decimal(3000)),
        Cell(at=("small", "us"), unit_amount_minor=Decimal(800)),
    ),
    refused=(("large", "us"),),
)
SHARE = Percentage(rate_percent=Decimal("2.5"), fixed_amount_minor=Decimal(30))
LARGE_EU = Configuration.of({"size": "large", "region": "eu"})
SMALL_EU = Configuration.of({"region": "eu", "size": "small"})


def _price(model: PriceModel, *, version: int = 1) -> Price:
    return Price(
        id="machine",
        version=version,
        product_id="machines",
        currency="USD",
        model=model,
        interval=Interval(unit=IntervalUnit.MONTH),
    )


def _sold(configuration: Configuration, quantity: int = 2) -> Terms:
    price = _price(REGIONS).configured(configuration)
    return terms().model_copy(
        update={
            "price_id": price.id,
            "quantity": quantity,
            "configuration": price.configuration,
            "period_amount": price_of(price, quantity),
        }
    )


def test_a_price_costs_what_its_cell_says_whoever_asks() -> None:
    large = _price(REGIONS).configured(LARGE_EU)
    assert price_of(large, 2).amount_minor == 6000
    assert large.configuration == LARGE_EU
    assert large.smallest_amounts == (3000,)
    assert large.configured(SMALL_EU).configuration == SMALL_EU


def test_a_percentage_is_of_the_amount_that_was_said() -> None:
    sold = _price(SHARE).configured(Configuration.of(base_amount_minor=100_000))
    assert price_of(sold, 1).amount_minor == 2530
    assert sold.configuration.base_amount_minor == 100_000


def test_what_was_chosen_is_no_part_of_the_catalog() -> None:
    large = _price(REGIONS).configured(LARGE_EU)
    assert Price.model_validate_json(large.model_dump_json()) == _price(REGIONS)


@pytest.mark.parametrize(
    ("model", "wanted", "code"),
    [
        (REGIONS, PLAIN, "dimension_required"),
        (REGIONS, Configuration.of({"size": "large"}), "dimension_required"),
        (REGIONS, Configuration.of({"size": "huge", "region": "eu"}), "dimension_unknown"),
        (
            REGIONS,
            Configuration.of({"size": "small", "region": "eu", "os": "bsd"}),
            "dimension_unknown",
        ),
        (REGIONS, Configuration.of({"size": "large", "region": "us"}), "combination_not_sold"),
        (
            REGIONS,
            Configuration.of({"size": "small", "region": "eu"}, 100),
            "base_amount_unknown",
        ),
        (SHARE, PLAIN, "base_amount_required"),
        (SHARE, Configuration.of({"size": "small"}, 100), "dimension_unknown"),
        (PerUnit(unit_amount_minor=Decimal(500)), SMALL_EU, "dimension_unknown"),
    ],
)
def test_what_does_not_fit_the_price_is_refused(
    model: PriceModel, wanted: Configuration, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        _price(model).configured(wanted)
    assert refused.value.code == code


def test_another_price_keeps_of_it_what_it_depends_on() -> None:
    plain = _price(PerUnit(unit_amount_minor=Decimal(500)))
    assert plain.keeping(LARGE_EU).configuration == PLAIN
    assert _price(REGIONS).keeping(SMALL_EU).configuration == SMALL_EU
    with pytest.raises(InvalidInput, match="dimension_required"):
        _price(REGIONS).keeping(PLAIN)


def test_another_cell_is_another_price() -> None:
    assert classify(_sold(SMALL_EU), _sold(LARGE_EU)) is ChangeKind.UPGRADE
    assert classify(_sold(LARGE_EU), _sold(SMALL_EU)) is ChangeKind.DECREASE
    assert classify(_sold(SMALL_EU), _sold(SMALL_EU, 3)) is ChangeKind.INCREASE
    with pytest.raises(InvalidInput, match="nothing_changes"):
        classify(_sold(SMALL_EU), _sold(SMALL_EU))


def test_a_rehearsal_compares_cell_with_cell_and_refuses_what_is_no_longer_sold() -> None:
    cells = tuple(
        cell.model_copy(update={"unit_amount_minor": cell.unit_amount_minor + 100})
        for cell in REGIONS.cells
        if cell.at != ("small", "us")
    )
    narrower = REGIONS.model_copy(
        update={"cells": cells, "refused": (("large", "us"), ("small", "us"))}
    )
    rehearsal = Rehearsal(old=_price(REGIONS), new=_price(narrower, version=2))
    effects = [
        rehearsal.effect_on(
            Running(
                subscription_id="sub_1",
                customer_id="cus_1",
                status=SubscriptionStatus.ACTIVE,
                price_id="machine",
                price_version=1,
                currency="USD",
                quantity=2,
                configuration=configuration,
                next_invoice_at=None,
            )
        )
        for configuration in (LARGE_EU, Configuration.of({"size": "small", "region": "us"}))
    ]
    assert [(each.before.amount_minor, each.after.amount_minor) for each in effects] == [
        (6000, 6200),
        (1600, 1600),
    ]
    assert effects[0].refusal is None
    assert "small with us" in (effects[1].refusal or "")
