"""Ray: an upgrade that the bank wants to hear of from the customer (3D Secure)."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, each_paid, paid, usd


async def _play(ray: DemoCustomer) -> None:
    await ray.check_out("team_monthly", quantity=5, cards=[VISA], trial=False)
    await ray.becomes("active")
    await ray.live_until("2026-04-16T00:00")
    await ray.save_card("pm_card_authenticationRequiredSetupForOffSession")
    await ray.change_in_portal(price="business_monthly", quantity=5)
    await ray.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Ray",
    plot="Team, 5 seats: upgraded to Business, and confirmed at the bank",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="active", price="business_monthly", quantity=5),
    invoices=(
        paid("2026-04-01T00:00", usd(80_00)),
        paid("2026-04-16T00:00", usd(20_00)),
        *each_paid(
            usd(120_00),
            "00:00",
            *("2026-05-01", "2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01"),
            *("2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"),
        ),
    ),
)
