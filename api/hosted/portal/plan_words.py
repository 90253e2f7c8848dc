"""A plan in a customer's words: what it is, how many, and for how much.

Owns those phrases, for what is sold and for what could be. Does not own amounts (`billing.pricing`)
nor how one is written (`adapters.locale_format`).
"""

from adapters.locale_format import LocaleFormat
from billing.money import Money, round_half_away
from billing.price import Price
from billing.price_model import Flat, PerUnit
from billing.subscription import Terms


def how_many(written: LocaleFormat, price: Price, quantity: int) -> str | None:
    """`5 seats`; None for a plan that is not sold in quantities."""
    return None if price.maximum_quantity == 1 else written.counted(quantity, price.unit_name)


def each_costs(written: LocaleFormat, price: Price) -> str:
    """`$16.00 per seat, every month`; `from $25.00, every month` where it is not one amount."""
    if price.is_free:
        return "Free"
    match price.model:
        case PerUnit():
            per = "" if price.maximum_quantity == 1 else f" per {price.unit_name}"
            amount = written.unit_price(price.model.unit_amount_minor, price.currency) + per
        case Flat():
            amount = written.unit_price(price.model.amount_minor, price.currency)
        case _:
            least = round_half_away(min(price.smallest_amounts, default=0))
            amount = f"from {written.money(Money(amount_minor=least, currency=price.currency))}"
    return f"{amount}, {price.require_interval()}"


def all_cost(written: LocaleFormat, terms: Terms) -> str:
    """`$80.00 every month`."""
    if terms.period_amount.amount_minor == 0:
        return "Free"
    return f"{written.money(terms.period_amount)} {terms.interval}"


def titled(written: LocaleFormat, terms: Terms, price: Price) -> str:
    """`Team, 5 seats`."""
    quantity = how_many(written, price, terms.quantity)
    return terms.product_name if quantity is None else f"{terms.product_name}, {quantity}"
