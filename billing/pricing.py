"""What a quantity costs for one period.

Owns the amount of a price. Does not own proration, discounts or tax.
"""

from fractions import Fraction
from typing import Final

from billing.catalog import Price
from billing.currency import charge_step_minor
from billing.errors import InvalidInput
from billing.money import Money, round_half_away


def price_of(price: Price, quantity: int) -> Money:
    """The amount for `quantity` units over one interval, rounded once (policy P1)."""
    exact = exact_price_of(price, quantity)
    return Money(amount_minor=round_half_away(exact), currency=price.currency)


def exact_price_of(price: Price, quantity: int) -> Fraction:
    """The same in minor units, before it is rounded: for parts of an interval (policy P13)."""
    return Fraction(price.unit_amount_minor) * quantity


LARGEST_CHARGE_MINOR: Final = 99_999_999
"""Stripe takes at most eight digits in one charge (https://docs.stripe.com/currencies)."""


def check_quantity(price: Price, quantity: int) -> None:
    """Raises `InvalidInput` where the price cannot be sold so often, or for so much.

    Codes: `quantity_out_of_range`, `amount_too_large`, `amount_not_chargeable`.
    """
    if not price.minimum_quantity <= quantity <= price.maximum_quantity:
        raise InvalidInput(
            "quantity_out_of_range",
            f"{price.id} is sold in quantities from {price.minimum_quantity}"
            f" to {price.maximum_quantity}, not {quantity}",
            minimum_quantity=price.minimum_quantity,
            maximum_quantity=price.maximum_quantity,
        )
    amount = price_of(price, quantity)
    if amount.amount_minor > LARGEST_CHARGE_MINOR:
        raise InvalidInput(
            "amount_too_large",
            f"{quantity} cost {amount}, which is more than one charge can take",
            largest_minor=LARGEST_CHARGE_MINOR,
        )
    check_chargeable(amount)


def check_chargeable(amount: Money) -> None:
    """Raises `InvalidInput` (`amount_not_chargeable`) for what no gateway can take (policy P6)."""
    step = charge_step_minor(amount.currency)
    if amount.amount_minor % step:
        raise InvalidInput(
            "amount_not_chargeable",
            f"{amount} cannot be charged: the last decimal of {amount.currency} must be zero",
            step_minor=step,
        )
