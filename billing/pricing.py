"""What a quantity costs for one period, and how that came about.

Owns the one way from a price to an amount, and which quantities are sold. Does not own the models'
arithmetic (`billing.charge`), what part of a period is charged (`billing.proration`), discounts or
tax.
"""

from typing import Final

from billing.charge import NO_CONTEXT, PricingContext, Quantity, bounded, parts_of
from billing.currency import charge_step_minor
from billing.errors import InvalidInput
from billing.explanation import ChargePart, Exact, Explanation, PartKind
from billing.money import Money, round_half_away
from billing.price import Price
from billing.price_model import Matrix


def charge_for(
    price: Price,
    quantity: Quantity,
    *,
    share: Exact = 1,
    context: PricingContext = NO_CONTEXT,
) -> Explanation:
    """What `quantity` units cost over `share` of an interval: the exact amount and its parts.

    Minimum and maximum hold for a whole interval. Raises `InvalidInput` where the context lacks
    what the price needs (`billing.charge.parts_of`).
    """
    return Explanation(
        currency=price.currency,
        unit_name=price.unit_name,
        parts=tuple(_bounded_parts(price, quantity, context)),
        share=share,
    )


def charge_for_more(
    price: Price,
    *,
    held: Quantity,
    wanted: Quantity,
    share: Exact,
    context: PricingContext = NO_CONTEXT,
) -> Explanation:
    """What the step from one quantity to another costs: the difference of the two (policy P13)."""
    charged = charge_for(price, wanted, share=share, context=context)
    before = charge_for(price, held, context=context)
    part = ChargePart(kind=PartKind.HELD, count=held, amount_minor=-before.exact_minor)
    return charged.model_copy(update={"parts": (*charged.parts, part)})


def price_of(price: Price, quantity: Quantity, *, context: PricingContext = NO_CONTEXT) -> Money:
    """The amount for `quantity` units over one interval, rounded once (policy P1)."""
    return rounded(charge_for(price, quantity, context=context))


def rounded(explanation: Explanation) -> Money:
    """The amount that the explanation comes to, rounded once (policy P1)."""
    return Money(
        amount_minor=round_half_away(explanation.exact_minor), currency=explanation.currency
    )


def _bounded_parts(price: Price, quantity: Quantity, context: PricingContext) -> list[ChargePart]:
    return bounded(
        parts_of(price.model, quantity, context),
        minimum_minor=price.minimum_amount_minor,
        maximum_minor=price.maximum_amount_minor,
    )


LARGEST_CHARGE_MINOR: Final = 99_999_999
"""Stripe takes at most eight digits in one charge (https://docs.stripe.com/currencies)."""


def check_quantity(price: Price, quantity: int, *, context: PricingContext = NO_CONTEXT) -> None:
    """Raises `InvalidInput` where the price cannot be sold so often, or for so much.

    Codes: `quantity_out_of_range`, `quantity_not_a_multiple`, `amount_too_large`,
    `amount_not_chargeable`, `dimension_unknown`, and those of `charge_for`.
    """
    if not price.minimum_quantity <= quantity <= price.maximum_quantity:
        raise InvalidInput(
            "quantity_out_of_range",
            f"{price.id} is sold in quantities from {price.minimum_quantity}"
            f" to {price.maximum_quantity}, not {quantity}",
            minimum_quantity=price.minimum_quantity,
            maximum_quantity=price.maximum_quantity,
        )
    if quantity % price.quantity_step:
        raise InvalidInput(
            "quantity_not_a_multiple",
            f"{price.id} is sold in multiples of {price.quantity_step}, not {quantity}",
            quantity_step=price.quantity_step,
        )
    _refuse_strange_dimensions(price, context)
    amount = price_of(price, quantity, context=context)
    check_not_too_large(amount, what=f"a quantity of {quantity}")
    check_chargeable(amount)


def _refuse_strange_dimensions(price: Price, context: PricingContext) -> None:
    known = [d.name for d in price.model.dimensions] if isinstance(price.model, Matrix) else []
    for name in context.dimensions:
        if name not in known:
            raise InvalidInput(
                "dimension_unknown",
                f"the price of {price.id} does not depend on {name[:63]!r}",
                dimension=name[:63],
            )


def check_not_too_large(amount: Money, *, what: str) -> None:
    """Raises `InvalidInput` (`amount_too_large`) for more than one charge can take.

    `what` costs that, in words that a sentence begins with.
    """
    if amount.amount_minor > LARGEST_CHARGE_MINOR:
        raise InvalidInput(
            "amount_too_large",
            f"{what} costs {amount}, which is more than one charge can take",
            largest_minor=LARGEST_CHARGE_MINOR,
        )


def check_chargeable(amount: Money) -> None:
    """Raises `InvalidInput` (`amount_not_chargeable`) for what no gateway can take (policy P6)."""
    step = charge_step_minor(amount.currency)
    if amount.amount_minor % step:
        raise InvalidInput(
            "amount_not_chargeable",
            f"{amount} cannot be charged: the last decimal of {amount.currency} must be zero",
            step_minor=step,
        )
