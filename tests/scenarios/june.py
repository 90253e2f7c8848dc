"""June's $160.00 falls due while something is wrong with the card: where such stories begin."""

from typing import Final

from tests.scenarios.company import Company, Customer, Json

MAY: Final = "2026-05-01T00:00:00Z"
JUNE: Final = "2026-06-01T00:00:00Z"
JULY: Final = "2026-07-01T00:00:00Z"

BROKE: Final = "pm_card_chargeCustomerFail"
"""Saved without complaint, and declined softly whenever it is charged."""


async def ten_seats_since_may(company: Company, *, then: str | None = None) -> tuple[Customer, str]:
    """A customer and their subscription; `then` is the card that replaces the one that paid."""
    mia = await company.customer(MAY, card="pm_card_visa")
    team = await mia.subscribe("team_monthly", seats=10, trial=False)
    if then is not None:
        await mia.save_card(then)
    return mia, team


async def june(customer: Customer) -> Json:
    """The invoice of 1 June."""
    [invoice] = [each for each in await customer.invoices() if each["due_at"] == JUNE]
    assert invoice["total"]["text"] == "USD 160.00"
    return invoice


async def outcomes(customer: Customer) -> list[str]:
    """What came of each try to collect June's invoice."""
    return [attempt["outcome"] for attempt in (await june(customer))["attempts"]]


async def planned(customer: Customer, subscription_id: str) -> list[tuple[str, str]]:
    """What will happen, and when."""
    actions = (await customer.subscription(subscription_id))["next_actions"]
    return [(action["kind"], action["at"]) for action in actions]
