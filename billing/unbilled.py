"""What was had in arrears and stands on no invoice yet, as revenue.

Owns which lines the next invoice would have for it: as it is foreseen, so that a report does not
change once it is invoiced. Does not own how a line is earned (`billing.recognition`).
"""

from collections.abc import Callable

from billing import accrual
from billing.invoice_line import InvoiceLine
from billing.lifecycle import next_billing
from billing.money import Money
from billing.price import Price
from billing.recognition import EarnedLine
from billing.subscription import SubscriptionState, Terms
from billing.tax import UNTAXED, Taxation
from billing.upcoming import drafted, upcoming_period


def unbilled_lines(
    state: SubscriptionState,
    *,
    price_of: Callable[[Terms], Price],
    taxation: Taxation = UNTAXED,
) -> tuple[EarnedLine, ...]:
    """Of the running period up to its end, and of what is left from before a rest.

    Less the discounts of the next invoice and the tax in prices that include it, by `taxation` at
    its end. What waits in a rest is taken for a part of the invoice that comes if it goes on.
    `price_of` tells at what a part was sold.
    """
    following = upcoming_period(state, has_method=True)
    if following is None and not state.accrued:
        return ()
    following = following or next_billing(state, state.running_period.end)
    parts = following.accrued
    prices = tuple(price_of(part.terms) for part in parts)
    lines = tuple(accrual.lines_of(parts, prices))
    is_plain = not state.discounts and not any(price.tax_inclusive for price in prices)
    if not is_plain:
        draft = drafted(
            state,
            following,
            price=price_of(following.terms),
            accrued_prices=prices,
            taxation=taxation,
            now=following.billed.start,
        )
        lines = draft.lines[: len(lines)]
    return tuple(
        EarnedLine.over(_without_tax(line), line.period, issued_on=None, in_arrears=True)
        for line in lines
    )


def _without_tax(line: InvoiceLine) -> Money:
    if line.tax is None or not line.tax.inclusive:
        return line.net
    return line.net - line.tax.amount
