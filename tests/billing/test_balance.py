"""How much of a balance an invoice uses up (policy P5, P6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.balance import applicable
from billing.currency import (
    charge_step_minor,
    largest_charge_minor,
    minimum_charge_minor,
    smallest_charge_minor,
)
from billing.money import Money
from tests.billing.strategies import currencies


def money(minor: int, currency: str = "USD") -> Money:
    return Money(amount_minor=minor, currency=currency)


@pytest.mark.parametrize(
    ("balance", "total", "used"),
    [
        (0, 16000, 0),
        (4000, 16000, 4000),
        (16000, 16000, 16000),
        (20000, 16000, 16000),
        (15951, 16000, 15950),
        (15950, 16000, 15950),
        (15949, 16000, 15949),
        (30, 50, 0),
        (500, 0, 0),
        (500, -700, 0),
    ],
)
def test_the_balance_leaves_nothing_or_what_can_be_collected(
    balance: int, total: int, used: int
) -> None:
    assert applicable(money(balance), money(total)) == money(used)


def test_in_a_currency_with_a_step_the_balance_leaves_whole_steps() -> None:
    assert applicable(money(6173, "KWD"), money(12_340, "KWD")) == money(6170, "KWD")
    assert applicable(money(7, "KWD"), money(12_340, "KWD")) == money(0, "KWD")


@given(currencies, st.integers(0, 10**6), st.integers(-(10**6), 10**6))
def test_what_is_left_can_always_be_charged(currency: str, balance: int, asked: int) -> None:
    total = asked if asked <= 0 else largest_charge_minor(asked, currency)
    used = applicable(money(balance, currency), money(total, currency)).amount_minor
    left = max(total, 0) - used
    assert 0 <= used <= balance
    assert left == 0 or (
        left >= minimum_charge_minor(currency) and left % charge_step_minor(currency) == 0
    )
    given_up = min(balance, max(total, 0)) - used
    assert given_up < max(minimum_charge_minor(currency), charge_step_minor(currency))


@given(currencies, st.integers(0, 10**6))
def test_charges_are_the_nearest_ones_below_and_above(currency: str, minor: int) -> None:
    below, above = largest_charge_minor(minor, currency), smallest_charge_minor(minor, currency)
    step, minimum = charge_step_minor(currency), minimum_charge_minor(currency)
    assert below <= minor <= above
    assert below % step == above % step == 0
    assert below == 0 or below >= minimum
    assert above >= minimum
    assert minor - below < max(step, minimum)
    assert above - max(minor, minimum) < step
