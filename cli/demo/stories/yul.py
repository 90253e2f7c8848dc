"""Yul: another plan in the middle of a trial, free until the trial's end."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import Ending, Story, each_paid, usd


async def _play(yul: DemoCustomer) -> None:
    await yul.check_out("team_monthly", quantity=5, cards=[VISA])
    await yul.becomes("trialing")
    await yul.live_until("2026-04-05T09:00")
    await yul.change_in_portal(price="business_monthly", quantity=3)
    await yul.live_until("2026-06-20T09:00", step_months=3)
    await yul.cancel("at_period_end")
    await yul.live_until("2026-08-01T00:00", step_months=3)


STORY: Final = Story(
    name="Yul",
    plot="Team on trial: Business from the trial's end, until July",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="canceled", price="business_monthly", quantity=3, end_reason="requested"),
    invoices=each_paid(usd(72_00), "00:00", "2026-04-15", "2026-05-15", "2026-06-15"),
)
