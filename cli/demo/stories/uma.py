"""Uma: somebody refunds a seat of hers in Stripe's dashboard, and the books hear of it."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.office import refund_in_dashboard
from cli.demo.story import YEAR_END, Ending, Story, each_paid, given_back, usd


async def _play(uma: DemoCustomer) -> None:
    await uma.check_out("team_monthly", quantity=5, cards=[VISA], trial=False)
    await uma.becomes("active")
    await uma.live_until("2026-05-10T00:00")
    await refund_in_dashboard(uma, "2026-05-01T00:00", amount_minor=16_00)
    await uma.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Uma",
    plot="Team, 5 seats: one of May refunded in Stripe's dashboard",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="team_monthly", quantity=5),
    invoices=each_paid(
        usd(80_00),
        "00:00",
        *("2026-04-01", "2026-05-01", "2026-06-01", "2026-07-01", "2026-08-01"),
        *("2026-09-01", "2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
    ),
    given_back=(given_back("2026-05-10T00:00", to_card=usd(16_00)),),
)
