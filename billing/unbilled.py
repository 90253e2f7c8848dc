"""What was had in arrears and stands on no invoice yet, as revenue.

Owns which lines the next invoice would have for it: as it is foreseen, so that a report does not
change once it is invoiced. Does not own how a line is earned (`billing.recognition`).
"""

from collections.abc import Callable

from billing import accrual
from billing.price import Price
from billing.recognition import EarnedLine
from billing.subscription import SubscriptionState, Terms
from billing.upcoming import drafted, upcoming_period


def unbilled_lines(
    state: SubscriptionState, *, price_of: Callable[[Terms], Price]
) -> tuple[EarnedLine, ...]:
    """Of the running period up to its end, and of what is left from before a rest.

    Less the discounts of the next invoice, and with the tax of prices that include it: at which
    rate it is split is known when it is invoiced. `price_of` tells at what a part was sold.
    """
    following = upcoming_period(state, has_method=True)
    parts = state.accrued if following is None else following.accrued
    prices = tuple(price_of(part.terms) for part in parts)
    lines = tuple(accrual.lines_of(parts, prices))
    if following is not None and state.discounts:
        draft = drafted(
            state,
            following,
            price=price_of(following.terms),
            accrued_prices=prices,
            now=following.billed.start,
        )
        lines = draft.lines[: len(lines)]
    return tuple(
        EarnedLine.over(line.net, line.period, issued_on=None, in_arrears=True) for line in lines
    )
