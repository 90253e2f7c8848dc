"""From a price to an amount: the figures to the cent, and what holds for every price."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.charge import PricingContext
from billing.currency import largest_charge_minor
from billing.errors import InvalidInput
from billing.explanation import Explanation
from billing.money import Money, allocate_minor, round_half_away
from billing.price_model import Flat, PerUnit, PriceModel
from billing.pricing import charge_for, charge_for_more, check_quantity, price_of, rounded
from tests.billing.price_models import TEAM_2020, models, priced
from tests.billing.running import Running, at, offer

_HALF = Fraction(1, 2)
_shares = st.fractions(min_value=0, max_value=1, max_denominator=10**6)


def test_seats_added_at_mid_period_cost_the_difference_of_the_tiers() -> None:
    charged = charge_for_more(priced(TEAM_2020), held=6, wanted=9, share=_HALF)
    assert rounded(charged) == Money(amount_minor=1050, currency="USD")


def test_seats_added_to_a_running_subscription_are_charged_by_the_tiers() -> None:
    sold = offer("team_2020", 0)
    tiered = sold.price.model_copy(update={"model": TEAM_2020})
    running = Running(sold.model_copy(update={"price": tiered}), start=at("2026-04-01"), quantity=6)
    running.until("2026-04-16")
    assert running.upgrade(quantity=9) == [1050]
    running.until("2026-05-01")
    assert [booked.due_minor for booked in running.books.invoices.values()] == [3200, 1050, 5300]


@pytest.mark.parametrize(
    ("minor", "currency", "share", "owed"),
    [(4950, "JPY", Fraction(17, 31), 2715), (12_345, "KWD", _HALF, 6173)],
)
def test_a_part_of_a_period_is_rounded_once(
    minor: int, currency: str, share: Fraction, owed: int
) -> None:
    sold = priced(Flat(amount_minor=Decimal(minor)), currency=currency)
    assert rounded(charge_for(sold, 1, share=share)).amount_minor == owed


def test_dinars_are_sent_in_whole_steps_and_the_rest_is_carried() -> None:
    assert largest_charge_minor(6173, "KWD") == 6170


def test_an_amount_in_three_is_the_whole() -> None:
    assert allocate_minor(100_00, [1, 1, 1]) == (33_34, 33_33, 33_33)


def test_the_least_and_the_most_hold_for_a_whole_interval() -> None:
    sold = priced(PerUnit(unit_amount_minor=Decimal(100))).model_copy(
        update={"minimum_amount_minor": 500, "maximum_amount_minor": 900}
    )
    assert [price_of(sold, n).amount_minor for n in (1, 5, 7, 9, 20)] == [500, 500, 700, 900, 900]
    assert rounded(charge_for(sold, 1, share=_HALF)).amount_minor == 250
    more = charge_for_more(sold, held=2, wanted=20, share=_HALF)
    assert rounded(more).amount_minor == (900 - 500) // 2


@pytest.mark.parametrize(("quantity", "is_sold"), [(25, True), (50, True), (30, False)])
def test_only_whole_packs_are_sold(quantity: int, is_sold: bool) -> None:  # noqa: FBT001 - a row
    sold = priced(PerUnit(unit_amount_minor=Decimal(1200))).model_copy(update={"quantity_step": 25})
    if is_sold:
        check_quantity(sold, quantity)
        return
    with pytest.raises(InvalidInput) as refused:
        check_quantity(sold, quantity)
    assert refused.value.code == "quantity_not_a_multiple"
    assert refused.value.details == {"quantity_step": 25}


def test_a_price_without_dimensions_takes_none() -> None:
    context = PricingContext(dimensions={"region": "eu"})
    with pytest.raises(InvalidInput) as refused:
        check_quantity(priced(PerUnit(unit_amount_minor=Decimal(1200))), 1, context=context)
    assert refused.value.code == "dimension_unknown"


@given(models, st.integers(0, 3_000), _shares)
def test_the_parts_that_explain_an_amount_sum_to_it(
    model: PriceModel, quantity: int, share: Fraction
) -> None:
    sold = priced(model).model_copy(
        update={"minimum_amount_minor": 777, "maximum_amount_minor": 10**9}
    )
    explanation = charge_for(sold, quantity, share=share)
    exact = Fraction(sum(part.amount_minor for part in explanation.parts)) * share
    assert explanation.exact_minor == exact
    assert rounded(explanation).amount_minor == round_half_away(exact)
    assert 777 * share <= exact <= 10**9 * share
    assert Explanation.model_validate_json(explanation.model_dump_json()) == explanation


@given(models, st.integers(0, 2_000), st.integers(0, 2_000), _shares)
def test_a_step_costs_the_difference_of_both_quantities(
    model: PriceModel, held: int, wanted: int, share: Fraction
) -> None:
    sold = priced(model)
    more = charge_for_more(sold, held=held, wanted=wanted, share=share).exact_minor
    both = charge_for(sold, wanted).exact_minor - charge_for(sold, held).exact_minor
    assert more == both * share
