"""Cleo: a trial that ends without a card."""

from typing import Final

from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import Ending, Story


async def _play(cleo: DemoCustomer) -> None:
    await cleo.subscribe("team_monthly", quantity=2)
    await cleo.becomes("trialing")
    await cleo.live_until("2026-03-01T00:00")


STORY: Final = Story(
    name="Cleo",
    plot="Team, 2 seats: a trial that ends without a card",
    begins_at=at("2026-01-17T09:30"),
    play=_play,
    ending=Ending(
        status="canceled", price="team_monthly", quantity=2, end_reason="no_payment_method"
    ),
)
