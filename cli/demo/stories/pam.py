"""Pam: four declines lead to the free plan, and an upgrade leads back."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, usd, void


async def _play(pam: DemoCustomer) -> None:
    await pam.check_out("pro_monthly", cards=[VISA])
    await pam.becomes("active")
    await pam.live_until("2026-05-10T00:00")
    await pam.save_card("pm_card_chargeCustomerFail")
    await pam.live_until("2026-06-10T00:00")
    await pam.becomes("past_due")
    await pam.live_until("2026-07-10T00:00")
    await pam.becomes("active")
    await pam.save_card("pm_card_visa")
    await pam.change_in_portal(price="pro_monthly", quantity=1)
    await pam.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Pam",
    plot="Pro: declined four times in June, on the free plan, and back on 10 July",
    begins_at=at("2026-05-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="pro_monthly"),
    invoices=(
        *each_paid(usd(11_00), "00:00", "2026-05-01"),
        void("2026-06-01T00:00", usd(11_00), *["declined"] * 4),
        *each_paid(
            usd(11_00),
            "00:00",
            *(
                "2026-07-10",
                "2026-08-10",
                "2026-09-10",
                "2026-10-10",
                "2026-11-10",
                "2026-12-10",
                "2027-01-10",
            ),
        ),
    ),
)
