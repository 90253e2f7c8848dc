"""$1,800.00 invoiced on 1 June, net 30: reminded of, partly paid, suspended, and paid after all."""

from tests.scenarios.company import Company, Customer

_JUNE = "2026-06-01T00:00:00Z"


async def _on_terms(company: Company, net_days: int | None = 30) -> Customer:
    """A customer without any card."""
    nora = await company.customer(_JUNE)
    body = {"net_days": net_days, "reason": "framework contract"}
    answer = await company.shop.client.put(f"/v1/customers/{nora.id}/net_terms", json=body)
    assert answer.status_code == 200, answer.text
    return nora


async def _received(nora: Customer, invoice_id: str, minor: int, day: str) -> None:
    """Came by bank transfer."""
    body = {
        "amount_minor": minor,
        "currency": "USD",
        "received_at": f"{day}T00:00:00Z",
        "method": "bank_transfer",
        "reference": f"R-{day}",
        "reason": "on the statement",
    }
    await nora.company.shop.made(f"/v1/invoices/{invoice_id}/payments", body)


async def test_ten_seats_are_invoiced_reminded_of_suspended_and_paid_for(company: Company) -> None:
    nora = await _on_terms(company)
    team = await nora.subscribe("team_annual", seats=10, trial=False)

    begun = await nora.subscription(team)
    assert begun["status"] == "active"
    assert [(each["kind"], each["at"][:10]) for each in begun["next_actions"]] == [
        ("remind", "2026-06-21"),
        ("fall_due", "2026-07-01"),
        ("remind", "2026-07-01"),
        ("remind", "2026-07-16"),
        ("renew", "2027-06-01"),
    ]
    [invoice] = await nora.invoices()
    assert (invoice["total"]["text"], invoice["status"]) == ("USD 1,800.00", "open")
    assert (invoice["net_days"], invoice["due_at"][:10]) == (30, "2026-07-01")
    assert company.messages() == ["invoice_sent"]
    assert company.mailbox.messages[0].url == invoice["pay_url"]

    await nora.live_until("2026-06-30T23:59:59Z")
    assert (await nora.subscription(team))["status"] == "active"
    assert company.messages() == ["invoice_sent", "payment_reminder"]

    await nora.live_until("2026-07-01T00:00:00Z")
    late = await nora.subscription(team)
    assert (late["status"], company.messages()[2:]) == ("past_due", ["payment_reminder"])
    assert "suspend" in {each["kind"] for each in late["next_actions"]}
    assert await nora.included(), "entitlements stay through the grace"

    await nora.live_until("2026-07-05T00:00:00Z")
    await _received(nora, invoice["id"], 50_000, "2026-07-05")
    partly = await nora.subscription(team)
    assert (partly["status"], partly["open_invoices"][0]["amount"]["text"]) == (
        "past_due",
        "USD 1,300.00",
    )

    await nora.live_until("2026-07-30T23:59:59Z")
    assert company.messages()[3:] == ["payment_reminder"]
    assert str(company.mailbox.messages[-1].amount) == "USD 1,300.00"
    assert (await nora.subscription(team))["status"] == "past_due"
    await nora.live_until("2026-07-31T00:00:00Z")
    assert (await nora.subscription(team))["status"] == "unpaid"
    assert company.messages()[4:] == ["subscription_unpaid"]
    assert not await nora.included()

    await nora.live_until("2026-08-02T00:00:00Z")
    await _received(nora, invoice["id"], 130_000, "2026-08-02")
    after = await nora.subscription(team)
    assert (after["status"], after["open_invoices"]) == ("active", [])
    assert await nora.included()
    await nora.live_until("2026-09-01T00:00:00Z")
    assert len(company.messages()) == 5
    assert await company.captured() == 0
    assert (await company.shop.read("/v1/reports/ledger"))["balanced"]


async def test_a_card_on_file_pays_only_when_somebody_says_so(company: Company) -> None:
    nora = await _on_terms(company)
    team = await nora.subscribe("team_annual", seats=10, trial=False)
    await nora.live_until("2026-08-02T00:00:00Z")
    await nora.save_card("pm_card_visa")
    await nora.settled(team)
    assert await company.captured() == 0
    assert (await nora.subscription(team))["status"] == "unpaid"
    await nora.command(team, "pay")
    assert (await nora.subscription(team))["status"] == "active"
    assert await company.captured() == 180_000
    assert await company.books_balance()


async def test_an_upgrade_on_terms_is_in_force_at_once_and_sent(company: Company) -> None:
    nora = await _on_terms(company)
    team = await nora.subscribe("team_monthly", seats=10, trial=False)
    await nora.live_until("2026-06-16T00:00:00Z")

    preview = await nora.preview(team, price="business_monthly")
    change = await nora.change(team, price="business_monthly")

    assert change["result"] == "applied"
    assert change["subscription"]["price"] == "business_monthly"
    first, second = await nora.invoices()
    assert (first["total"]["text"], second["total"]["text"]) == ("USD 160.00", "USD 40.00")
    assert preview["total"]["text"] == "USD 40.00"
    assert (second["net_days"], second["due_at"][:10]) == (30, "2026-07-16")
    await nora.live_until("2026-06-17T00:00:00Z")
    assert company.messages() == ["invoice_sent", "invoice_sent", "plan_changed"]
    assert await company.captured() == 0
    assert (await company.shop.read("/v1/reports/ledger"))["balanced"]


async def test_of_an_upgrade_no_more_goes_back_than_was_paid_while_the_plan_is_owed(
    company: Company,
) -> None:
    nora = await _on_terms(company)
    team = await nora.subscribe("team_monthly", seats=10, trial=False)
    await nora.live_until("2026-06-16T00:00:00Z")
    await nora.change(team, price="business_monthly")
    _, second = await nora.invoices()
    await _received(nora, second["id"], 40_00, "2026-06-16")
    await nora.live_until("2026-06-17T00:00:00Z")

    await nora.cancel_now(team, "credit")

    balance = await company.shop.read(f"/v1/customers/{nora.id}/balance")
    assert [each["text"] for each in balance["balances"]] == ["USD 40.00"]
    assert (await company.shop.read("/v1/reports/ledger"))["balanced"]


async def test_the_page_takes_a_card_and_a_refusal_makes_nobody_past_due(company: Company) -> None:
    nora = await _on_terms(company)
    team = await nora.subscribe("team_annual", seats=10, trial=False)
    [invoice] = await nora.invoices()
    page = (await company.shop.client.get(invoice["pay_url"])).text
    assert "July 1, 2026" in page
    await nora.save_card("pm_card_chargeCustomerFail")
    await nora.command(team, "pay")
    declined = await nora.subscription(team)
    assert (declined["status"], declined["open_invoices"][0]["attempts_made"]) == ("active", 1)
    assert declined["open_invoices"][0]["next_attempt_at"] is None
    assert company.messages() == ["invoice_sent"]


async def test_a_reset_sends_and_reminds_of_nothing_again(company: Company) -> None:
    nora = await _on_terms(company)
    team = await nora.subscribe("team_annual", seats=10, trial=False)
    await nora.live_until("2026-07-02T00:00:00Z")
    told, before = company.messages(), await nora.subscription(team)
    assert (before["status"], len(told)) == ("past_due", 3)

    await nora.reset_to_the_beginning(team)
    await nora.settled(team)
    await nora.live_until("2026-07-03T00:00:00Z")

    after = await nora.subscription(team)
    assert (after["status"], after["open_invoices"]) == ("past_due", before["open_invoices"])
    assert after["next_actions"] == before["next_actions"]
    assert company.messages() == told
    assert len(await nora.invoices()) == 1
