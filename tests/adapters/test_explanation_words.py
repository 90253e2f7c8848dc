"""How customers read where an amount comes from."""

from decimal import Decimal
from fractions import Fraction

import pytest

from adapters.explanation_words import explained
from adapters.locale_format import ENGLISH, LocaleFormat
from billing.charge import PricingContext
from billing.price_model import Flat, Graduated, Package, Percentage, PerUnit, PriceModel
from billing.pricing import charge_for, charge_for_more
from tests.billing.price_models import TEAM_2020, TIERS, priced


@pytest.mark.parametrize(
    ("model", "quantity", "text"),
    [
        (
            Graduated(tiers=TIERS),
            1_001,
            "1,000 units at $0.10 = $100.00; 1 unit at $0.05 = $0.05",
        ),
        (PerUnit(unit_amount_minor=Decimal("0.0028")), 9, "9 units at $0.000028 = $0.000252"),
        (Flat(amount_minor=Decimal(999)), 3, "$9.99 flat"),
        (TEAM_2020, 6, "$25.00 flat up to 5 units; 1 unit at $7.00 = $7.00"),
        (
            Package(package_size=100, package_amount_minor=Decimal(400)),
            101,
            "2 packages of 100 units at $4.00 = $8.00",
        ),
        (
            Percentage(
                rate_percent=Decimal("2.9"),
                maximum_minor=Decimal(2000),
            ),
            1,
            "2.9% of $1,000.00 = $29.00; $9.00 taken off to come to the maximum",
        ),
    ],
)
def test_an_amount_is_explained_in_the_words_of_a_customer(
    model: PriceModel, quantity: int, text: str
) -> None:
    context = PricingContext(base_minor=100_000)
    assert explained(ENGLISH, charge_for(priced(model), quantity, context=context)) == text


def test_a_part_of_a_period_and_what_one_has_already_are_explained() -> None:
    seats = priced(TEAM_2020, unit_name="seat")
    more = charge_for_more(seats, held=6, wanted=9, share=Fraction(1, 2))
    assert explained(ENGLISH, more) == (
        "$25.00 flat up to 5 seats; 4 seats at $7.00 = $28.00; less $32.00 for the 6 seats so far;"
        " for 1/2 of the period: $10.50"
    )
    bounded = seats.model_copy(update={"minimum_amount_minor": 3000})
    seconds = Fraction(1_000_000, 2_592_000)
    assert explained(ENGLISH, charge_for(bounded, Fraction(3, 2), share=seconds)) == (
        "$25.00 flat up to 5 seats; $5.00 added to come to the minimum;"
        " for 125/324 of the period: $11.57"
    )
    assert "for 38.58% of the period" in explained(
        ENGLISH, charge_for(seats, Fraction(13, 2), share=seconds + Fraction(1, 10**9))
    )


def test_an_explanation_is_written_in_the_customers_locale() -> None:
    tiered = charge_for(priced(Graduated(tiers=TIERS), currency="EUR"), 1_001)
    assert explained(LocaleFormat("de-DE"), tiered).replace("\u00a0", " ") == (
        "1.000 units at 0,10 € = 100,00 €; 1 unit at 0,05 € = 0,05 €"
    )
