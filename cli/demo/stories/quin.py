"""Quin: past due, and mended with another card on the invoice's page."""

from typing import Final

from cli.demo.browser import MASTERCARD, VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, paid, usd


async def _play(quin: DemoCustomer) -> None:
    await quin.check_out("team_monthly", quantity=10, cards=[VISA], trial=False)
    await quin.becomes("active")
    await quin.live_until("2026-05-10T00:00")
    await quin.save_card("pm_card_chargeCustomerFail")
    await quin.live_until("2026-06-06T12:00")
    await quin.is_refused("change", "past_due", quantity_change=1)
    await quin.pay_with_another_card(MASTERCARD)
    await quin.becomes("active")
    await quin.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Quin",
    plot="Team, 10 seats: past due in June, paid with another card on the invoice's page",
    begins_at=at("2026-05-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="team_monthly", quantity=10),
    invoices=(
        paid("2026-05-01T00:00", usd(160_00)),
        paid("2026-06-01T00:00", usd(160_00), "declined", "declined"),
        *each_paid(
            usd(160_00),
            "00:00",
            *("2026-07-01", "2026-08-01", "2026-09-01", "2026-10-01"),
            *("2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
)
