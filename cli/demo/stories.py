"""The small company: its customers, what happens to each, and what each must owe in the end.

Owns the stories and the invoices that they must lead to. These are written out, instant by instant,
and computed by nothing: they are what the system is held against.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.money import Money
from cli.demo.browser import DECLINED, VISA
from cli.demo.customer import DemoCustomer, at

YEAR_END: Final = "2027-01-18T00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedInvoice:
    """An invoice for the period from `start`, and how the tries to collect it went."""

    start: datetime
    total: Money
    outcomes: tuple[str, ...] = ("paid",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One customer's year."""

    name: str
    plot: str
    begins_at: datetime
    play: Callable[[DemoCustomer], Awaitable[None]]
    status: str
    """The subscription's, in the end."""
    end_reason: str | None = None
    invoices: tuple[ExpectedInvoice, ...] = ()


def _invoices(amount: Money, time: str, *days: str) -> tuple[ExpectedInvoice, ...]:
    return tuple(ExpectedInvoice(start=at(f"{day}T{time}"), total=amount) for day in days)


def _usd(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency="USD")


async def _ada(ada: DemoCustomer) -> None:
    await ada.check_out("team_monthly", quantity=5, cards=[VISA])
    await ada.becomes("trialing")
    await ada.live_until(YEAR_END)


async def _ben(ben: DemoCustomer) -> None:
    await ben.check_out("team_monthly", quantity=5, cards=[VISA])
    await ben.becomes("trialing")
    await ben.live_until("2026-01-25T12:00")
    await ben.cancel("at_period_end")
    await ben.live_until("2026-03-01T00:00", step_months=3)


async def _cleo(cleo: DemoCustomer) -> None:
    await cleo.subscribe("team_monthly", quantity=2)
    await cleo.becomes("trialing")
    await cleo.live_until("2026-03-01T00:00")


async def _dan(dan: DemoCustomer) -> None:
    await dan.check_out("business_monthly", quantity=3, cards=[VISA])
    await dan.becomes("active")
    await dan.live_until("2026-06-10T09:00")
    await dan.cancel("at_period_end")
    await dan.live_until("2026-06-20T09:00")
    await dan.undo_cancel()
    await dan.live_until("2026-09-10T09:00")
    await dan.cancel("at_period_end")
    await dan.live_until("2026-11-01T00:00")


async def _eve(eve: DemoCustomer) -> None:
    await eve.check_out("team_annual", quantity=4, cards=[VISA], trial=False)
    await eve.becomes("active")
    await eve.live_until(YEAR_END, step_months=3)


async def _fay(fay: DemoCustomer) -> None:
    await fay.check_out("pro_monthly_jpy", cards=[DECLINED, VISA])
    await fay.becomes("active")
    await fay.live_until("2026-05-05T08:00")
    await fay.cancel("now")
    await fay.live_until("2026-07-01T00:00", step_months=3)


async def _gus(gus: DemoCustomer) -> None:
    await gus.save_card("pm_card_visa")
    await gus.subscribe("assistant_plus_monthly")
    await gus.becomes("active")
    await gus.live_until("2026-04-10T09:00")
    await gus.save_card("pm_card_chargeCustomerFail")
    await gus.live_until("2026-05-02T09:00")
    await gus.save_card("pm_card_mastercard")
    await gus.becomes("active")
    await gus.live_until(YEAR_END)


STORIES: Final = (
    Story(
        name="Ada",
        plot="Team, 5 seats: a trial that converts, renewed at month ends",
        begins_at=at("2026-01-17T09:30"),
        play=_ada,
        status="active",
        invoices=_invoices(
            _usd(80_00),
            "09:30",
            *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"),
            *("2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31"),
        ),
    ),
    Story(
        name="Ben",
        plot="Team, 5 seats: a trial cancelled on 25 January",
        begins_at=at("2026-01-17T09:30"),
        play=_ben,
        status="canceled",
        end_reason="requested",
    ),
    Story(
        name="Cleo",
        plot="Team, 2 seats: a trial that ends without a card",
        begins_at=at("2026-01-17T09:30"),
        play=_cleo,
        status="canceled",
        end_reason="no_payment_method",
    ),
    Story(
        name="Dan",
        plot="Business, 3 seats: cancels at period end, stays, leaves in September",
        begins_at=at("2026-01-31T12:00"),
        play=_dan,
        status="canceled",
        end_reason="requested",
        invoices=_invoices(
            _usd(72_00),
            "12:00",
            *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"),
            *("2026-05-31", "2026-06-30", "2026-07-31", "2026-08-31"),
        ),
    ),
    Story(
        name="Eve",
        plot="Team, 4 seats, annual",
        begins_at=at("2026-01-17T10:00"),
        play=_eve,
        status="active",
        invoices=_invoices(_usd(720_00), "10:00", "2026-01-17", "2027-01-17"),
    ),
    Story(
        name="Fay",
        plot="Pro in yen: a declined card at checkout, later cancelled at once",
        begins_at=at("2026-01-31T18:00"),
        play=_fay,
        status="canceled",
        end_reason="requested",
        invoices=_invoices(
            Money(amount_minor=1650, currency="JPY"),
            "18:00",
            *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"),
        ),
    ),
    Story(
        name="Gus",
        plot="Assistant Plus: a declined renewal, rescued by a new card",
        begins_at=at("2026-01-30T08:00"),
        play=_gus,
        status="active",
        invoices=(
            *_invoices(_usd(20_00), "08:00", "2026-01-30", "2026-02-28", "2026-03-30"),
            ExpectedInvoice(
                start=at("2026-04-30T08:00"), total=_usd(20_00), outcomes=("declined", "paid")
            ),
            *_invoices(
                _usd(20_00),
                "08:00",
                *("2026-05-30", "2026-06-30", "2026-07-30", "2026-08-30"),
                *("2026-09-30", "2026-10-30", "2026-11-30", "2026-12-30"),
            ),
        ),
    ),
)
