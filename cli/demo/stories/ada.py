"""Ada: a trial that converts, and renewals at the ends of months."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, usd


async def _play(ada: DemoCustomer) -> None:
    await ada.check_out("team_monthly", quantity=5, cards=[VISA])
    await ada.becomes("trialing")
    await ada.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Ada",
    plot="Team, 5 seats: a trial that converts, renewed at month ends",
    begins_at=at("2026-01-17T09:30"),
    play=_play,
    ending=Ending(status="active", price="team_monthly", quantity=5),
    invoices=each_paid(
        usd(80_00),
        "09:30",
        *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"),
        *("2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31"),
    ),
)
