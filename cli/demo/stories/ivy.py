"""Ivy: upgrades in the portal, in the middle of a period and of a minute."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, paid, usd


async def _play(ivy: DemoCustomer) -> None:
    await ivy.check_out("team_monthly", quantity=10, cards=[VISA], trial=False)
    await ivy.becomes("active")
    await ivy.live_until("2026-04-16T13:37:11")
    await ivy.change_in_portal(price="business_monthly", quantity=10)
    await ivy.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Ivy",
    plot="Team, 10 seats: upgraded to Business in the portal on 16 April",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="business_monthly", quantity=10),
    invoices=(
        paid("2026-04-01T00:00", usd(160_00)),
        paid("2026-04-16T13:37:11", usd(115_46) - usd(76_97)),
        *each_paid(
            usd(240_00),
            "00:00",
            *("2026-05-01", "2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01"),
            *("2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
)
