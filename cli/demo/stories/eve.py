"""Eve: a year paid in advance, twice."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, usd


async def _play(eve: DemoCustomer) -> None:
    await eve.check_out("team_annual", quantity=4, cards=[VISA], trial=False)
    await eve.becomes("active")
    await eve.live_until(YEAR_END, step_months=6)


STORY: Final = Story(
    name="Eve",
    plot="Team, 4 seats, annual",
    begins_at=at("2026-01-17T10:00"),
    play=_play,
    ending=Ending(status="active", price="team_annual", quantity=4),
    invoices=each_paid(usd(720_00), "10:00", "2026-01-17", "2027-01-17"),
)
