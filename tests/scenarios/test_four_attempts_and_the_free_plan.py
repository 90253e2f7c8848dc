"""$160.00 due on 1 June, declined softly: four attempts, four messages, then the final action."""

from tests.scenarios.company import Company
from tests.scenarios.june import BROKE, JULY, june, outcomes, planned, ten_seats_since_may

_NEXT = {
    "2026-06-01": "2026-06-04",
    "2026-06-04": "2026-06-09",
    "2026-06-09": "2026-06-16",
}


async def test_each_attempt_has_its_day_and_its_message_and_the_last_one_ends_it(
    company: Company,
) -> None:
    mia, team = await ten_seats_since_may(company, then=BROKE)
    for tries, (day, following) in enumerate(_NEXT.items(), start=1):
        await mia.live_until(f"{day}T00:00:00Z")
        assert await outcomes(mia) == ["declined"] * tries
        assert ("collect", f"{following}T00:00:00Z") in await planned(mia, team)
        await mia.live_until(f"{following[:-2]}{int(following[-2:]) - 1:02}T23:59:59Z")
        assert (await mia.subscription(team))["status"] == "past_due"
        assert company.messages() == ["payment_failed"] * tries

    await mia.live_until("2026-06-16T00:00:00Z")

    assert await outcomes(mia) == ["declined"] * 4
    after = await mia.subscription(team)
    assert (after["status"], after["price"], after["quantity"]) == ("active", "personal_free", 1)
    assert (await june(mia))["status"] == "void"
    assert company.messages() == ["payment_failed"] * 4 + ["subscription_downgraded"]
    await mia.live_until(JULY)
    assert await company.captured() == 16_000
    assert await company.books_balance()


async def test_every_message_names_the_invoice_and_leads_to_where_it_can_be_paid(
    company: Company,
) -> None:
    mia, _ = await ten_seats_since_may(company, then=BROKE)
    await mia.live_until("2026-06-15T00:00:00Z")

    invoice = await june(mia)
    assert len(company.mailbox.messages) == 3
    for message in company.mailbox.messages:
        assert (message.invoice_id, message.url) == (invoice["id"], invoice["pay_url"])
        assert str(message.amount) == "USD 160.00"
        page = await company.shop.client.get(message.url or "")
        assert (page.status_code, invoice["number"] in page.text) == (200, True)


async def test_an_upgrade_leads_back_from_the_free_plan(company: Company) -> None:
    mia, team = await ten_seats_since_may(company, then=BROKE)
    await mia.live_until("2026-06-20T00:00:00Z")
    await mia.save_card("pm_card_mastercard")
    change = await mia.change(team, price="team_monthly", quantity=10)

    assert (change["result"], change["subscription"]["status"]) == ("applied", "active")
    assert change["subscription"]["current_period"] == {
        "start": "2026-06-20T00:00:00Z",
        "end": "2026-07-20T00:00:00Z",
    }
    await mia.live_until("2026-07-20T00:00:00Z")
    assert await company.captured() == 3 * 16_000
    assert await company.books_balance()
