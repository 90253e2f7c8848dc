"""Oli: cancels at once, and what is unused goes back to the card."""

from typing import Final

from cli.demo.browser import VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.office import has_arrived
from cli.demo.story import Ending, Story, given_back, paid, usd


async def _play(oli: DemoCustomer) -> None:
    await oli.check_out("pro_monthly", cards=[VISA])
    await oli.becomes("active")
    await oli.live_until("2026-04-11T00:00")
    await oli.cancel("now", unused="refund")
    await has_arrived(oli)
    await oli.live_until("2026-06-01T00:00", step_months=3)


STORY: Final = Story(
    name="Oli",
    plot="Pro: cancelled on 11 April, the unused part back to the card",
    begins_at=at("2026-04-01T00:00"),
    play=_play,
    ending=Ending(status="canceled", price="pro_monthly", end_reason="requested"),
    invoices=(paid("2026-04-01T00:00", usd(11_00)),),
    given_back=(given_back("2026-04-11T00:00", to_card=usd(7_33)),),
)
