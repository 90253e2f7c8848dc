"""`stolen_card`: no further automatic attempt on it, and another card pays at once."""

from tests.scenarios.company import Company
from tests.scenarios.june import JULY, JUNE, june, outcomes, planned, ten_seats_since_may


async def test_a_stolen_card_is_not_tried_again_whatever_else_falls_due(company: Company) -> None:
    mia, team = await ten_seats_since_may(company)
    methods = await company.shop.read(f"/v1/customers/{mia.id}/payment_methods")
    [card] = methods["data"]
    await company.stripe.schedule_outcomes(card["id"], "stolen_card")
    await mia.live_until(JUNE)
    assert (await june(mia))["attempts"][0]["decline"] == "stolen_card"
    assert "collect" not in [kind for kind, _ in await planned(mia, team)]

    await mia.live_until("2026-06-15T23:59:59Z")

    assert await outcomes(mia) == ["declined"]
    assert company.messages() == ["payment_failed"]
    assert (await mia.subscription(team))["status"] == "past_due"
    await mia.save_card("pm_card_mastercard")
    await mia.becomes(team, "active")
    assert await outcomes(mia) == ["declined", "paid"]
    await mia.live_until(JULY)
    assert await company.captured() == 3 * 16_000
    assert await company.books_balance()
