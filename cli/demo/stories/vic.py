"""Vic: what is given back as balance pays renewals, and a refund takes the same ways back."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.office import give_back
from cli.demo.story import YEAR_END, Ending, Story, each_paid, given_back, paid, usd


async def _play(vic: DemoCustomer) -> None:
    await vic.check_out("team_monthly", quantity=10, cards=[VISA], trial=False)
    await vic.becomes("active")
    await vic.live_until("2026-05-10T00:00")
    await give_back(vic, "2026-05-01T00:00", to="balance")
    await vic.live_until("2026-06-10T00:00")
    await give_back(vic, "2026-06-01T00:00", amount_minor=40_00)
    await vic.live_until("2026-07-10T00:00")
    await give_back(vic, "2026-07-01T00:00")
    await vic.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Vic",
    plot="Team, 10 seats: May given back pays June; July's $40.00 balance and $120.00 card return",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="team_monthly", quantity=10),
    invoices=(
        *each_paid(usd(160_00), "00:00", "2026-04-01", "2026-05-01"),
        paid("2026-06-01T00:00", usd(160_00), balance=usd(160_00)),
        paid("2026-07-01T00:00", usd(160_00), balance=usd(40_00)),
        paid("2026-08-01T00:00", usd(160_00), balance=usd(40_00)),
        *each_paid(
            usd(160_00),
            "00:00",
            *("2026-09-01", "2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
    given_back=(
        given_back("2026-05-10T00:00", to_balance=usd(160_00)),
        given_back("2026-06-10T00:00", to_balance=usd(40_00)),
        given_back("2026-07-10T00:00", to_card=usd(120_00), to_balance=usd(40_00)),
    ),
)
