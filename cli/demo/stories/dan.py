"""Dan: cancels at period end, stays after all, and leaves in September."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import Ending, Story, each_paid, usd


async def _play(dan: DemoCustomer) -> None:
    await dan.check_out("business_monthly", quantity=3, cards=[VISA])
    await dan.becomes("active")
    await dan.live_until("2026-06-10T09:00", step_months=3)
    await dan.cancel("at_period_end")
    await dan.live_until("2026-06-20T09:00")
    await dan.undo_cancel()
    await dan.live_until("2026-09-10T09:00", step_months=3)
    await dan.cancel("at_period_end")
    await dan.live_until("2026-11-01T00:00", step_months=3)


STORY: Final = Story(
    name="Dan",
    plot="Business, 3 seats: cancels at period end, stays, leaves in September",
    begins_at=at("2026-01-31T12:00"),
    play=_play,
    ending=Ending(status="canceled", price="business_monthly", quantity=3, end_reason="requested"),
    invoices=each_paid(
        usd(72_00),
        "12:00",
        *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"),
        *("2026-05-31", "2026-06-30", "2026-07-31", "2026-08-31"),
    ),
)
