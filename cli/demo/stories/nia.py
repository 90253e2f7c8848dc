"""Nia: cancels at once with credit, and comes back to what it pays for."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, given_back, paid, usd


async def _play(nia: DemoCustomer) -> None:
    await nia.check_out("pro_monthly", cards=[VISA])
    await nia.becomes("active")
    await nia.live_until("2026-04-11T00:00")
    await nia.cancel("now", unused="credit")
    await nia.live_until("2026-10-01T00:00", step_months=6)
    await nia.subscribe("pro_monthly")
    await nia.becomes("active")
    await nia.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Nia",
    plot="Pro: cancelled on 11 April with credit, which pays for her return in October",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="pro_monthly"),
    invoices=(
        paid("2026-04-01T00:00", usd(11_00)),
        paid("2026-10-01T00:00", usd(11_00), balance=usd(7_33)),
        *each_paid(usd(11_00), "00:00", "2026-11-01", "2026-12-01", "2027-01-01"),
    ),
    given_back=(given_back("2026-04-11T00:00", to_balance=usd(7_33)),),
)
