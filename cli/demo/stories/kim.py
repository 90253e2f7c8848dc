"""Kim: from monthly to annual, which begins a new period at once."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, paid, usd


async def _play(kim: DemoCustomer) -> None:
    await kim.check_out("pro_monthly", cards=[VISA])
    await kim.becomes("active")
    await kim.live_until("2026-03-15T00:00")
    await kim.change_in_portal(price="pro_annual", quantity=1)
    await kim.live_until(YEAR_END, step_months=6)


STORY: Final = Story(
    name="Kim",
    plot="Pro, monthly: annual from 15 March",
    begins_at=at("2026-03-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="pro_annual"),
    invoices=(
        paid("2026-03-01T00:00", usd(11_00)),
        paid("2026-03-15T00:00", usd(101_97)),
    ),
)
