"""What a story is: what is done in it, and what it must have come to.

Owns the shape of stories and short ways to write expectations down. These are given instant by
instant and computed by nothing: they are what the system is held against.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from billing.money import Money
from cli.demo.customer import DemoCustomer
from cli.demo.life import at

YEAR_END: Final = "2027-01-18T00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """An invoice: when it was due, what paid it, and how the tries to collect it went."""

    due_at: datetime
    total: Money
    by_card: Money
    from_balance: Money
    by_transfer: Money
    outcomes: tuple[str, ...]
    status: str = "paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """A credit note: when it was issued, and where the money went."""

    issued_at: datetime
    to_card: Money
    to_balance: Money

    def __str__(self) -> str:
        """For people."""
        return f"{self.to_card} and {self.to_balance} as balance on {self.issued_at:%Y-%m-%d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a subscription stands when its story is over."""

    status: str
    price: str
    quantity: int = 1
    end_reason: str | None = None

    def __str__(self) -> str:
        """For people: `active, business_monthly x 15`."""
        reason = "" if self.end_reason is None else f" ({self.end_reason})"
        return f"{self.status}{reason}, {self.price} x {self.quantity}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One customer's year."""

    name: str
    plot: str
    begins_at: datetime
    play: Callable[[DemoCustomer], Awaitable[None]]
    ending: Ending
    """Of the subscription that they had last."""
    invoices: tuple[Billed, ...] = ()
    given_back: tuple[GivenBack, ...] = ()
    balance: Mapping[str, int] = field(default_factory=dict)
    """What the customer has in their favour in the end, in minor units by currency."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """What a bank has taken back for good, in the same way."""
    segment: str | None = None


def usd(amount_minor: int) -> Money:
    """Cents."""
    return Money(amount_minor=amount_minor, currency="USD")


def paid(instant: str, total: Money, *declined: str, balance: Money | None = None) -> Billed:
    """An invoice that was paid in the end: by the balance first, and after tries in vain."""
    from_balance = Money.zero(total.currency) if balance is None else balance
    by_card = total - from_balance
    return Billed(
        due_at=at(instant),
        total=total,
        by_card=by_card,
        from_balance=from_balance,
        by_transfer=Money.zero(total.currency),
        outcomes=(*declined, "paid") if by_card.amount_minor else (),
    )


def each_paid(total: Money, time: str, *days: str) -> tuple[Billed, ...]:
    """Invoices of the same amount at the same time of day, each paid at the first try."""
    return tuple(paid(f"{day}T{time}", total) for day in days)


def transferred(instant: str, total: Money) -> Billed:
    """An invoice that was sent, and paid to the seller's bank without a try at any card."""
    nothing = Money.zero(total.currency)
    return Billed(
        due_at=at(instant),
        total=total,
        by_card=nothing,
        from_balance=nothing,
        by_transfer=total,
        outcomes=(),
    )


def void(instant: str, total: Money, *outcomes: str) -> Billed:
    """An invoice that is not owed any more, after tries in vain."""
    nothing = Money.zero(total.currency)
    return Billed(
        due_at=at(instant),
        total=total,
        by_card=nothing,
        from_balance=nothing,
        by_transfer=nothing,
        outcomes=outcomes,
        status="void",
    )


def given_back(
    instant: str, *, to_card: Money | None = None, to_balance: Money | None = None
) -> GivenBack:
    """One credit note in dollars, with the parts that are named."""
    nothing = usd(0)
    return GivenBack(
        issued_at=at(instant), to_card=to_card or nothing, to_balance=to_balance or nothing
    )
