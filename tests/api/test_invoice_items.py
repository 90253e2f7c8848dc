"""One-off charges over HTTP, and through a renewal."""

from tests.api.shop import Shop, problem


def _setup(subscription: str, **other: object) -> dict[str, object]:
    return {
        "subscription": subscription,
        "description": "Setup",
        "unit_amount_minor": 2_500,
        "currency": "USD",
        **other,
    }


async def test_a_charge_waits_for_the_next_invoice_and_is_on_it_once(shop: Shop) -> None:
    clock = await shop.clock("2026-01-31T09:30:00Z")
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    made = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "team_monthly", "trial": False}
    )
    path = f"/v1/customers/{customer}/invoice_items"
    item = await shop.made(path, _setup(made["id"], quantity=2), key="once")
    await shop.forget_answers()
    assert await shop.made(path, _setup(made["id"], quantity=2), key="once") == item
    assert (item["status"], item["amount"]["text"]) == ("pending", "USD 50.00")
    dropped = await shop.made(path, _setup(made["id"]))
    dropped = await shop.made(f"{path}/{dropped['id']}/cancel", {"reason": "a mistake"})
    assert dropped["status"] == "canceled"

    upcoming = await shop.read(f"/v1/subscriptions/{made['id']}/upcoming_invoice")
    assert upcoming["total"]["text"] == "USD 66.00"
    await shop.advance(clock, "2026-03-31T09:30:00Z")
    found = (await shop.read(path))["data"]
    taken = next(each for each in found if each["id"] == item["id"])
    assert sorted(each["status"] for each in found) == ["canceled", "invoiced"]
    invoice = await shop.read(f"/v1/invoices/{taken['invoice']}")
    assert (invoice["total"]["text"], invoice["status"]) == ("USD 66.00", "paid")
    assert [line["invoice_item"] for line in invoice["lines"]] == [None, item["id"]]
    totals = [each["total"]["text"] for each in (await shop.read("/v1/invoices"))["data"]]
    assert sorted(totals) == ["USD 16.00", "USD 16.00", "USD 66.00"]
    refused = await shop.post(f"{path}/{item['id']}/cancel", {})
    problem(refused, 409, "invoice_item_not_pending")

    await shop.made(f"/v1/subscriptions/{made['id']}/cancel", {})
    problem(await shop.post(path, _setup(made["id"])), 409, "no_next_invoice")


async def test_a_charge_now_is_an_invoice_of_its_own_and_dunned_as_any_other(shop: Shop) -> None:
    clock = await shop.clock("2026-01-31T09:30:00Z")
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    made = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "team_monthly", "trial": False}
    )
    path, now = f"/v1/customers/{customer}/invoice_items", {"when": "now"}
    item = await shop.made(path, _setup(made["id"], **now), key="once")
    await shop.forget_answers()
    assert await shop.made(path, _setup(made["id"], **now), key="once") == item
    assert item["status"] == "invoiced"
    invoice = f"/v1/invoices/{item['invoice']}"
    await shop.until(invoice, "status", "paid")
    assert (await shop.read(invoice))["total"]["text"] == "USD 25.00"
    cents = await shop.made(path, _setup(made["id"], unit_amount_minor=30, **now))
    assert (await shop.read(f"/v1/invoices/{cents['invoice']}"))["total"]["text"] == "USD 0.00"

    await shop.made(
        f"/v1/customers/{customer}/payment_methods",
        {"payment_method": "pm_card_chargeCustomerFail", "make_default": True},
    )
    await shop.made(path, _setup(made["id"], **now))
    await shop.until(f"/v1/subscriptions/{made['id']}", "status", "past_due")
    refused = await shop.post(path, _setup(made["id"], **now))
    problem(refused, 409, "command_not_allowed")
    await shop.made(
        f"/v1/customers/{customer}/payment_methods",
        {"payment_method": "pm_card_visa", "make_default": True},
    )
    await shop.until(f"/v1/subscriptions/{made['id']}", "status", "active")
    await shop.advance(clock, "2026-02-28T09:30:00Z")
    totals = [each["total"]["text"] for each in (await shop.read("/v1/invoices"))["data"]]
    assert sorted(totals) == ["USD 0.00", "USD 16.00", "USD 16.30", "USD 25.00", "USD 25.00"]


async def test_what_cannot_be_charged_is_refused(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    made = await shop.made("/v1/subscriptions", {"customer": customer, "price": "team_monthly"})
    path = f"/v1/customers/{customer}/invoice_items"
    empty = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}
    for body, code in (
        (_setup("sub_unknown"), "subscription_not_found"),
        (_setup(made["id"], currency="EUR"), "currency_mismatch"),
        (_setup(made["id"], quantity=1_000_000), "amount_too_large"),
        (_setup(made["id"], period=empty), "period_empty"),
    ):
        problem(await shop.post(path, body), 422, code)
    other = f"/v1/customers/{await shop.customer()}/invoice_items"
    problem(await shop.post(other, _setup(made["id"])), 422, "subscription_not_found")
    problem(await shop.post(f"{path}/ii_unknown/cancel", {}), 404, "invoice_item_not_found")
