"""Lou: a pause that keeps the dates; the paused days pay a part of the next renewal."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, given_back, paid, usd


async def _play(lou: DemoCustomer) -> None:
    await lou.check_out("team_monthly", quantity=10, cards=[VISA], trial=False)
    await lou.becomes("active")
    await lou.live_until("2026-04-11T00:00")
    await lou.pause("2026-04-21T00:00")
    await lou.live_until("2026-04-22T00:00")
    await lou.becomes("active")
    await lou.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Lou",
    plot="Team, 10 seats: paused for ten days of April, which May gets back",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="team_monthly", quantity=10),
    invoices=(
        paid("2026-04-01T00:00", usd(160_00)),
        paid("2026-05-01T00:00", usd(160_00), balance=usd(53_33)),
        *each_paid(
            usd(160_00),
            "00:00",
            *("2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01"),
            *("2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
    given_back=(given_back("2026-04-21T00:00", to_balance=usd(53_33)),),
)
