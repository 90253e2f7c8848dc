"""Ben: a trial that is cancelled in time and costs nothing."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import Ending, Story


async def _play(ben: DemoCustomer) -> None:
    await ben.check_out("team_monthly", quantity=5, cards=[VISA])
    await ben.becomes("trialing")
    await ben.live_until("2026-01-25T12:00")
    await ben.cancel("at_period_end")
    await ben.live_until("2026-03-01T00:00", step_months=3)


STORY: Final = Story(
    name="Ben",
    plot="Team, 5 seats: a trial cancelled on 25 January",
    begins_at=at("2026-01-17T09:30"),
    play=_play,
    ending=Ending(status="canceled", price="team_monthly", quantity=5, end_reason="requested"),
)
