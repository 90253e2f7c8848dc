"""Xia: an upgrade counted in whole days, and a pause in which nothing is billed."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, usd


async def _play(xia: DemoCustomer) -> None:
    await xia.check_out("assistant_plus_monthly", cards=[VISA])
    await xia.becomes("active")
    await xia.live_until("2026-04-16T15:00")
    await xia.change(price="assistant_ultra_monthly")
    await xia.live_until("2026-06-10T09:00", step_months=3)
    await xia.pause("2026-08-20T00:00")
    await xia.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Xia",
    plot="Assistant: Ultra from 16 April by whole days, paused without a bill for July and August",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="assistant_ultra_monthly"),
    invoices=(
        *each_paid(usd(20_00), "00:00", "2026-04-01"),
        *each_paid(usd(30_00) - usd(10_00), "15:00", "2026-04-16"),
        *each_paid(
            usd(60_00),
            "00:00",
            *("2026-05-01", "2026-06-01", "2026-09-01"),
            *("2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
)
