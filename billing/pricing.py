"""What a quantity costs for one period.

Owns the amount of a price. Does not own proration, discounts or tax.
"""

from fractions import Fraction

from billing.catalog import Price
from billing.errors import InvalidInput
from billing.money import Money, round_half_away


def price_of(price: Price, quantity: int) -> Money:
    """The amount for `quantity` units over one interval, rounded once (policy P1)."""
    exact = Fraction(price.unit_amount_minor) * quantity
    return Money(amount_minor=round_half_away(exact), currency=price.currency)


def check_quantity(price: Price, quantity: int) -> None:
    """Raises `InvalidInput` (`quantity_out_of_range`) where the price cannot be sold so often."""
    if not price.minimum_quantity <= quantity <= price.maximum_quantity:
        raise InvalidInput(
            "quantity_out_of_range",
            f"{price.id} is sold in quantities from {price.minimum_quantity}"
            f" to {price.maximum_quantity}, not {quantity}",
            minimum_quantity=price.minimum_quantity,
            maximum_quantity=price.maximum_quantity,
        )
