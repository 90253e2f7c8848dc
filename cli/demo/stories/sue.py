"""Sue: an upgrade whose payment is declined changes nothing and leaves no debt."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, paid, usd, void


async def _play(sue: DemoCustomer) -> None:
    await sue.check_out("team_monthly", quantity=5, cards=[VISA], trial=False)
    await sue.becomes("active")
    await sue.live_until("2026-04-16T00:00")
    await sue.save_card("pm_card_chargeCustomerFail")
    await sue.is_refused("change", "payment_declined", price="business_monthly")
    await sue.save_card("pm_card_mastercard")
    await sue.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Sue",
    plot="Team, 5 seats: a declined upgrade to Business changes nothing",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="team_monthly", quantity=5),
    invoices=(
        paid("2026-04-01T00:00", usd(80_00)),
        void("2026-04-16T00:00", usd(20_00), "declined"),
        *each_paid(
            usd(80_00),
            "00:00",
            *("2026-05-01", "2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01"),
            *("2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
)
