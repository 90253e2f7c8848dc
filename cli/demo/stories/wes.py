"""Wes: a purchasing department that is slow, is given grace, and pays everything in the end."""

from typing import Final

from cli.demo.browser import MASTERCARD, VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.office import extend_grace
from cli.demo.story import YEAR_END, Ending, Story, each_paid, paid, usd


async def _play(wes: DemoCustomer) -> None:
    await wes.check_out("business_monthly", quantity=5, cards=[VISA])
    await wes.becomes("active")
    await wes.live_until("2026-05-10T00:00")
    await wes.save_card("pm_card_chargeCustomerFail")
    await wes.live_until("2026-07-10T00:00", step_months=3)
    await extend_grace(wes, "2026-07-30T00:00")
    await wes.live_until("2026-08-15T00:00", step_months=3)
    await wes.becomes("unpaid")
    await wes.pay_with_another_card(MASTERCARD)
    await wes.becomes("active")
    await wes.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Wes",
    plot="Business for an enterprise, 5 seats: given grace, unpaid in August, then paid at once",
    begins_at=at("2026-05-01T00:00"),
    play=_play,
    segment="enterprise",
    ending=Ending(status="active", price="business_monthly", quantity=5),
    invoices=(
        paid("2026-05-01T00:00", usd(120_00)),
        paid("2026-06-01T00:00", usd(120_00), *["declined"] * 5),
        paid("2026-07-01T00:00", usd(120_00), *["declined"] * 3),
        paid("2026-08-15T00:00", usd(65_81)),
        *each_paid(
            usd(120_00),
            "00:00",
            *("2026-09-01", "2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
)
