"""Zed: on net terms, late, suspended and back, and more seats on credit."""

from typing import Final

from cli.demo import office
from cli.demo.customer import DemoCustomer
from cli.demo.life import at
from cli.demo.story import YEAR_END, Ending, Story, transferred, usd

_YEAR_DUE: Final = "2026-03-04T09:00"
_SEATS_DUE: Final = "2026-07-01T09:00"


async def _play(zed: DemoCustomer) -> None:
    await office.grant_net_terms(zed, 30)
    await zed.subscribe("business_annual", quantity=10, trial=False)
    await zed.becomes("active")
    await zed.live_until("2026-03-10T10:00")
    await zed.becomes("past_due")
    await office.receive(zed, _YEAR_DUE, amount_minor=1_000_00)
    await zed.live_until("2026-04-04T10:00")
    await zed.becomes("unpaid")
    await zed.live_until("2026-04-06T10:00")
    await office.receive(zed, _YEAR_DUE, amount_minor=1_880_00)
    await zed.becomes("active")
    await zed.live_until("2026-06-01T09:00", step_months=3)
    await zed.change(quantity_change=5)
    await zed.live_until("2026-06-20T10:00")
    await office.receive(zed, _SEATS_DUE, amount_minor=970_52)
    await zed.live_until(YEAR_END, step_months=3)


STORY: Final = Story(
    name="Zed",
    plot="Business on 30 days: reminded, paid late, suspended and back; seats on credit",
    begins_at=at("2026-02-02T09:00"),
    play=_play,
    ending=Ending(status="active", price="business_annual", quantity=15),
    invoices=(
        transferred(_YEAR_DUE, usd(2_880_00)),
        transferred(_SEATS_DUE, usd(970_52)),
    ),
)
