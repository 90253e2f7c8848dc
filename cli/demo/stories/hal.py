"""Hal: adds seats twice in one period."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, paid, usd


async def _play(hal: DemoCustomer) -> None:
    await hal.check_out("team_monthly", quantity=10, cards=[VISA], trial=False)
    await hal.becomes("active")
    await hal.live_until("2026-04-11T00:00")
    await hal.change(quantity_change=2)
    await hal.live_until("2026-04-21T00:00")
    await hal.change(quantity_change=3)
    await hal.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Hal",
    plot="Team, 10 seats: 2 more on 11 April and 3 more on 21 April",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="team_monthly", quantity=15),
    invoices=(
        paid("2026-04-01T00:00", usd(160_00)),
        paid("2026-04-11T00:00", usd(21_33)),
        paid("2026-04-21T00:00", usd(16_00)),
        *each_paid(
            usd(240_00),
            "00:00",
            *("2026-05-01", "2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01"),
            *("2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
)
