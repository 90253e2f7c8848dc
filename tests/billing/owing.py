"""A subscription whose renewal on the first of June is to be collected."""

from datetime import datetime

from billing.agenda import ActionKind, next_action
from billing.catalog import Product
from billing.dunning import DunningLadder, DunningPolicy, FinalAction
from billing.interval import Interval, IntervalUnit
from billing.invoice import InvoiceStatus
from tests.billing.running import (
    Running,
    at,
    offer,
)

LADDER = [at(f"2026-06-{day:02}") for day in (1, 4, 9, 16)]
WEEK = Interval(unit=IntervalUnit.WEEK)
FREE = offer("free", 0)


def team(final: FinalAction = FinalAction.CANCEL) -> Product:
    return Product(
        id="team",
        name="Team",
        family="plan",
        free_fallback="free",
        dunning=DunningPolicy(ladder=DunningLadder(final_action=final)),
    )


def owing(final: FinalAction = FinalAction.CANCEL, *, interval: Interval | None = None) -> Running:
    """$160.00 were paid for May and fall due again on the first of June."""
    sold = team(final)
    month = Interval(unit=IntervalUnit.MONTH)
    catalog = (
        offer("team", 1600, product=sold, interval=interval or month),
        offer("business", 2400, product=sold),
    )
    start = "2026-05-01" if interval is None else "2026-05-25"
    running = Running(*catalog, FREE, start=at(start), quantity=10)
    running.until("2026-05-31T23:59:59")
    running.attempts.clear()
    return running


def statuses(running: Running) -> list[InvoiceStatus]:
    return [booked.status for booked in running.books.invoices.values()]


def due_next(running: Running) -> tuple[ActionKind, datetime]:
    action = next_action(running.state)
    assert action is not None
    return action.kind, action.at
