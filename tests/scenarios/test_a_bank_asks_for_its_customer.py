"""`authentication_required`: no blind retry, one charge after the customer has confirmed."""

from tests.scenarios.company import Company
from tests.scenarios.june import JULY, JUNE, june, outcomes, ten_seats_since_may

_ASKS = "pm_card_authenticationRequired"
_LAST_MOMENT = "2026-06-15T23:59:59Z"


async def test_a_renewal_that_must_be_confirmed_is_charged_once_when_it_is(
    company: Company,
) -> None:
    mia, team = await ten_seats_since_may(company, then=_ASKS)
    await mia.live_until(_LAST_MOMENT)
    assert await outcomes(mia) == ["declined"]
    assert (await june(mia))["attempts"][0]["decline"] == "authentication_required"
    [message] = company.mailbox.messages
    assert message.reason == "authentication_required"

    await company.browser.pay(message.url or "")
    await mia.becomes(team, "active")

    assert (await outcomes(mia))[-1] == "paid"
    assert await company.captured() == 2 * 16_000
    await mia.save_card("pm_card_visa")
    await mia.live_until(JULY)
    assert await company.captured() == 3 * 16_000
    assert await company.books_balance()


async def test_an_upgrade_that_must_be_confirmed_is_in_force_once_it_is(company: Company) -> None:
    mia, team = await ten_seats_since_may(company, then=_ASKS)
    await mia.live_until("2026-05-16T12:00:00Z")
    answer = await mia.command(team, "change", price="business_monthly")
    assert answer.status_code == 202, answer.text
    assert (await mia.subscription(team))["price"] == "team_monthly"
    assert await company.captured() == 16_000

    await company.browser.confirm(answer.json()["action_url"])
    change = f"/v1/subscriptions/{team}/changes/{answer.json()['id']}"
    await company.shop.until(change, "result", "applied")

    assert (await mia.subscription(team))["price"] == "business_monthly"
    assert await company.captured() == 16_000 + 4_000
    await mia.save_card("pm_card_visa")
    await mia.live_until(JUNE)
    assert (await mia.billed())[-1] == (JUNE, "USD 240.00", "paid")
    assert await company.books_balance()
