"""Gus: two days of January, and a declined renewal, rescued by a new card."""

from typing import Final

from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, paid, usd


async def _play(gus: DemoCustomer) -> None:
    await gus.save_card("pm_card_visa")
    await gus.subscribe("assistant_plus_monthly")
    await gus.becomes("active")
    await gus.live_until("2026-04-10T09:00", step_months=3)
    await gus.save_card("pm_card_chargeCustomerFail")
    await gus.live_until("2026-05-02T09:00")
    await gus.save_card("pm_card_mastercard")
    await gus.becomes("active")
    await gus.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Gus",
    plot="Assistant Plus: a declined renewal, rescued by a new card",
    begins_at=at("2026-01-30T08:00"),
    play=_play,
    ending=Ending(status="active", price="assistant_plus_monthly"),
    invoices=(
        *each_paid(usd(1_29), "08:00", "2026-01-30"),
        *each_paid(usd(20_00), "00:00", "2026-02-01", "2026-03-01", "2026-04-01"),
        paid("2026-05-01T00:00", usd(20_00), "declined"),
        *each_paid(
            usd(20_00),
            "00:00",
            *("2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01"),
            *("2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
)
