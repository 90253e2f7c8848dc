"""Quotes: a price that a change was previewed at, to be executed for ten minutes (policy P14).

Owns what a quote says and when it no longer holds. Does not own the amounts (`billing.change`) nor
how a quote travels (`adapters.quote_token`).
"""

from datetime import datetime, timedelta
from typing import Final

from billing.configuration import Configuration
from billing.errors import Conflict
from billing.money import Money
from billing.subscription import SubscriptionState
from billing.value import Instant, Value

VALID_FOR: Final = timedelta(minutes=10)

CLOCK_SKEW: Final = timedelta(minutes=1)
"""How far the clock of whoever previewed may be ahead of the clock that the change is made by."""


class Quote(Value):
    """What was previewed; made again for the same instant it must come to the same total."""

    subscription_id: str
    version: int
    """The subscription's, at the preview."""
    at: Instant
    price_id: str
    price_version: int
    quantity: int
    configuration: Configuration | None = None
    """None in quotes of an older version: the one that the subscription has."""
    total: Money

    @property
    def expires_at(self) -> datetime:
        """Until when it can be executed; exclusive."""
        return self.at + VALID_FOR


def check_quote(quote: Quote, state: SubscriptionState, now: datetime) -> None:
    """Raises `Conflict` (`quote_expired`) once the price is too old or the subscription changed."""
    if quote.subscription_id != state.subscription_id or quote.version != state.version:
        raise Conflict("quote_expired", "the subscription has changed since it was previewed")
    if not quote.at - CLOCK_SKEW <= now < quote.expires_at:
        raise Conflict("quote_expired", "the quote was good for ten minutes: preview it again")
