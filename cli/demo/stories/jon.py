"""Jon: a downgrade that is undone, and seats that go at the period's end."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, usd


async def _play(jon: DemoCustomer) -> None:
    await jon.check_out("business_monthly", quantity=10, cards=[VISA])
    await jon.becomes("active")
    await jon.live_until("2026-05-10T10:00")
    await jon.change_in_portal(price="team_monthly", quantity=10)
    await jon.live_until("2026-05-20T10:00")
    await jon.undo_change_in_portal()
    await jon.live_until("2026-06-10T10:00")
    await jon.change(quantity_change=-2)
    await jon.is_refused("change", "pending_change_exists", quantity_change=1)
    await jon.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Jon",
    plot="Business, 10 seats: a downgrade undone in the portal, 2 seats fewer from July",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="business_monthly", quantity=8),
    invoices=(
        *each_paid(usd(240_00), "00:00", "2026-04-01", "2026-05-01", "2026-06-01"),
        *each_paid(
            usd(192_00),
            "00:00",
            *("2026-07-01", "2026-08-01", "2026-09-01", "2026-10-01"),
            *("2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
)
