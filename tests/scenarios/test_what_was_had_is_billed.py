"""In arrears: nothing at the start, each period once it is over, and the last one after the end."""

from tests.api.shop import problem
from tests.scenarios.company import Company, Customer, Json

APRIL = "2026-04-01T00:00:00Z"
MID_APRIL = "2026-04-16T00:00:00Z"
MAY = "2026-05-01T00:00:00Z"
MID_MAY = "2026-05-11T00:00:00Z"
JUNE = "2026-06-01T00:00:00Z"
CATALOG = """
products:
  - id: cloud
    name: Cloud
    family: cloud
    free_fallback: cloud_free
    entitlements:
      builds: {limit: 100, unit: build, per_unit: true}
    prices:
      - {id: cloud_free, amount: "0", currency: USD, interval: month}
      - id: cloud_monthly
        amount: "16.00"
        currency: USD
        interval: month
        billing: in_arrears
        unit: seat
      - {id: cloud_ahead, amount: "15.00", currency: USD, interval: month, unit: seat}
"""


async def _customer(company: Company, *, card: str = "pm_card_visa") -> Customer:
    body = {"files": {"catalog.yaml": CATALOG}, "reason": "A cloud is sold"}
    await company.shop.made("/v1/catalog/apply", body)
    return await company.customer(APRIL, card=card)


async def _lines(customer: Customer) -> list[tuple[str, str, str]]:
    return [
        (line["period"]["start"][5:10], line["period"]["end"][5:10], line["amount"]["text"])
        for invoice in await customer.invoices()
        for line in invoice["lines"]
    ]


async def _upcoming(customer: Customer, plan: str) -> Json:
    return await customer.company.shop.read(f"/v1/subscriptions/{plan}/upcoming_invoice")


async def test_seats_are_added_and_removed_and_each_month_is_billed_at_its_end(
    company: Company,
) -> None:
    ada = await _customer(company)
    plan = await ada.subscribe("cloud_monthly", seats=5)
    begun = await ada.subscription(plan)
    assert (begun["status"], begun["billing"], begun["latest_invoice"]) == (
        "active",
        "in_arrears",
        None,
    )
    assert (await ada.invoices(), await company.captured()) == ([], 0)
    assert await ada.included() == {"builds": 500}
    assert (await _upcoming(ada, plan))["total"]["amount_minor"] == 8_000

    await ada.live_until(MID_APRIL)
    preview = await ada.preview(plan, quantity_change=1)
    assert (preview["lines"], preview["amount_due"]["amount_minor"]) == ([], 0)
    assert preview["next_renewal"]["amount"]["amount_minor"] == 4_000 + 4_800
    changed = await ada.change(plan, quote=preview["quote"])
    assert (changed["result"], changed["invoice"]) == ("applied", None)
    assert await ada.included() == {"builds": 600}
    refused = await ada.command(plan, "change/preview", price="cloud_ahead")
    problem(refused, 409, "billing_differs")
    await ada.change(plan, quantity=4)
    foreseen = await _upcoming(ada, plan)

    await ada.live_until(MAY)
    [april] = await ada.invoices()
    assert april["total"] == foreseen["total"]
    assert await _lines(ada) == [
        ("04-01", "04-16", "USD 40.00"),
        ("04-16", "05-01", "USD 48.00"),
    ]
    assert (april["status"], await company.captured()) == ("paid", 8_800)
    assert await ada.included() == {"builds": 400}

    await ada.cancel(plan)
    foreseen = await _upcoming(ada, plan)
    await ada.live_until(JUNE)
    may = (await ada.invoices())[-1]
    assert (await ada.subscription(plan))["status"] == "canceled"
    assert (may["total"], may["lines"]) == (foreseen["total"], foreseen["lines"])
    assert (may["status"], await company.captured()) == ("paid", 8_800 + 6_400)
    gone = await company.shop.client.get(f"/v1/subscriptions/{plan}/upcoming_invoice")
    problem(gone, 404, "no_upcoming_invoice")
    report = await company.shop.read("/v1/reports/revenue", **{"from": "2026-04", "to": "2026-06"})
    assert [
        (month["month"], month["recognised"]["text"], month["accrued"]["amount_minor"])
        for month in report["months"]
    ] == [
        ("2026-04", "USD 88.00", 8_800),
        ("2026-05", "USD 64.00", 6_400),
        ("2026-06", "USD 0.00", 0),
    ]
    assert company.messages() == [
        "plan_changed",
        "change_scheduled",
        "subscription_canceled",
    ]
    assert await company.books_balance()


async def test_who_leaves_at_once_owes_what_was_had_and_is_reminded_of_it(company: Company) -> None:
    ben = await _customer(company)
    no_card = await company.customer(APRIL)
    order = {"customer": no_card.id, "price": "cloud_monthly", "quantity": 1}
    problem(await company.shop.post("/v1/subscriptions", order), 409, "payment_method_required")
    plan = await ben.subscribe("cloud_monthly", seats=5)
    await ben.live_until(MAY)
    await ben.save_card("pm_card_chargeCustomerFail")
    await ben.live_until(MID_MAY)
    await ben.cancel_now(plan, "refund")
    await ben.settled(plan)

    [_, last] = await ben.invoices()
    assert (last["status"], last["total"]["text"]) == ("open", "USD 25.81")
    assert (await ben.subscription(plan))["status"] == "canceled"
    assert company.messages() == ["subscription_canceled", "payment_failed"]
    refused = await ben.command(plan, "pay", customer_present=False)
    problem(refused, 402, "payment_declined")
    problem(await ben.command(plan, "resume"), 409, "subscription_ended")

    await ben.save_card("pm_card_mastercard")
    await ben.live_until(JUNE)
    [_, last] = await ben.invoices()
    assert (last["status"], await company.captured()) == ("paid", 8_000 + 2_581)
    assert await company.books_balance()


async def test_a_month_that_nobody_pays_for_is_a_bad_debt_and_the_free_plan_follows(
    company: Company,
) -> None:
    cid = await _customer(company)
    plan = await cid.subscribe("cloud_monthly", seats=5)
    await cid.save_card("pm_card_chargeCustomerFail")
    await cid.live_until(JUNE)
    after = await cid.subscription(plan)
    assert (after["status"], after["price"]) == ("active", "cloud_free")
    [april, *_] = await cid.invoices()
    assert (april["total"]["text"], april["status"]) == ("USD 80.00", "uncollectible")
    assert await company.captured() == 0

    await cid.save_card("pm_card_visa")
    await cid.change(plan, price="cloud_monthly", quantity=2)
    began = (await cid.subscription(plan))["current_period"]["start"]
    assert began == JUNE
    await cid.live_until("2026-07-01T00:00:00Z")
    assert (await cid.invoices())[-1]["total"]["text"] == "USD 32.00"
    assert await company.captured() == 3_200
    assert await company.books_balance()
