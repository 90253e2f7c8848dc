"""What a price costs in one more currency (Stripe's currency options).

Owns everything of a price that is an amount, and whether it contains the tax. Does not own what all
currencies of a price share: its interval, its quantities, its unit (`billing.price`).
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from billing.price_model import PriceModel
from billing.value import Value

_MOST_MINOR = 10**15

AmountBound = Annotated[int, Field(ge=1, lt=_MOST_MINOR)]
"""What a whole interval costs at least, or at most, in minor units."""


class CurrencyOption(Value):
    """The amounts of a price in a currency; its `model` is of the price's own kind."""

    model: PriceModel
    minimum_amount_minor: AmountBound | None = None
    maximum_amount_minor: AmountBound | None = None
    tax_inclusive: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        refuse_crossed_bounds(self.minimum_amount_minor, self.maximum_amount_minor)
        return self


def refuse_crossed_bounds(minimum_minor: int | None, maximum_minor: int | None) -> None:
    """Raises `ValueError` where no amount lies between."""
    if (minimum_minor or 0) > (maximum_minor or _MOST_MINOR):
        raise ValueError("the minimum charge must not exceed the maximum charge")
