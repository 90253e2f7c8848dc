"""A new card on 6 June at noon: one charge at once, no further attempts, July as ever."""

from cli.demo.browser import MASTERCARD
from tests.scenarios.company import EMAIL, Company
from tests.scenarios.june import BROKE, JULY, june, outcomes, planned, ten_seats_since_may

_NOON = "2026-06-06T12:00:00Z"


async def test_a_new_card_pays_once_and_at_once_and_moves_nothing(company: Company) -> None:
    mia, team = await ten_seats_since_may(company, then=BROKE)
    await mia.live_until(_NOON)
    assert await outcomes(mia) == ["declined", "declined"]
    asked_to = company.mailbox.messages[-1].url or ""

    await company.browser.use_another_card(asked_to, MASTERCARD, email=EMAIL)
    await mia.becomes(team, "active")

    assert await outcomes(mia) == ["declined", "declined", "paid"]
    assert (await june(mia))["paid_at"] == _NOON
    assert await planned(mia, team) == [("renew", JULY)]
    await mia.live_until("2026-06-30T23:59:59Z")
    assert await company.captured() == 2 * 16_000
    await mia.live_until(JULY)
    assert (await mia.invoices())[-1]["due_at"] == JULY
    assert await company.captured() == 3 * 16_000
    assert company.messages() == ["payment_failed"] * 2
    assert await company.books_balance()
