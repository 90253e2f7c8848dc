"""Fay: pays in yen, has a card declined at checkout, and leaves at once in May."""

from typing import Final

from billing.money import Money
from cli.demo.browser import DECLINED, VISA
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import Ending, Story, each_paid


async def _play(fay: DemoCustomer) -> None:
    await fay.check_out("pro_monthly", cards=[DECLINED, VISA], currency="JPY")
    await fay.becomes("active")
    await fay.live_until("2026-05-05T08:00")
    await fay.cancel("now")
    await fay.live_until("2026-07-01T00:00", step_months=3)


STORY: Final = Story(
    name="Fay",
    plot="Pro in yen: a declined card at checkout, later cancelled at once",
    begins_at=at("2026-01-31T18:00"),
    play=_play,
    ending=Ending(status="canceled", price="pro_monthly", end_reason="requested"),
    invoices=each_paid(
        Money(amount_minor=1650, currency="JPY"),
        "18:00",
        *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"),
    ),
)
