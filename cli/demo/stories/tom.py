"""Tom: his bank takes the payment back for good, and his subscription ends."""

from typing import Final

from cli.demo.browser import DISPUTED
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.office import lose_dispute
from cli.demo.story import Ending, Story, paid, usd


async def _play(tom: DemoCustomer) -> None:
    await tom.check_out("pro_monthly", cards=[DISPUTED])
    await tom.becomes("active")
    await tom.live_until("2026-04-20T00:00")
    await lose_dispute(tom)
    await tom.live_until("2026-06-01T00:00", step_months=3)


STORY: Final = Story(
    name="Tom",
    plot="Pro: disputes the payment and wins; his subscription is cancelled",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="canceled", price="pro_monthly", end_reason="dispute_lost"),
    invoices=(paid("2026-04-01T00:00", usd(11_00)),),
    lost={"USD": 11_00},
)
