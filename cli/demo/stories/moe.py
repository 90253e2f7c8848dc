"""Moe: a pause that moves the period's end, and with it every later one."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, usd


async def _play(moe: DemoCustomer) -> None:
    await moe.check_out("pro_monthly", cards=[VISA])
    await moe.becomes("active")
    await moe.live_until("2026-04-11T00:00")
    await moe.pause("2026-04-21T00:00")
    await moe.live_until("2026-04-22T00:00")
    await moe.becomes("active")
    await moe.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Moe",
    plot="Pro: paused for ten days of April, renewed ten days later ever since",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="pro_monthly"),
    invoices=each_paid(
        usd(11_00),
        "00:00",
        *("2026-04-01", "2026-05-11", "2026-06-11", "2026-07-11", "2026-08-11"),
        *("2026-09-11", "2026-10-11", "2026-11-11", "2026-12-11", "2027-01-11"),
    ),
)
