"""Upgrades, seats and intervals: what each change costs, to the cent, and what comes after it."""

import pytest

from tests.scenarios.company import Company, Customer, Json

APRIL = "2026-04-01T00:00:00Z"
MAY = "2026-05-01T00:00:00Z"
JUNE = "2026-06-01T00:00:00Z"


async def _customer(company: Company, present: str) -> Customer:
    return await company.customer(present, card="pm_card_visa")


def _lines(invoice: Json) -> list[str]:
    return [line["amount"]["text"] for line in invoice["lines"]]


@pytest.mark.parametrize(
    ("at", "lines"),
    [
        ("2026-04-16T00:00:00Z", ["USD -80.00", "USD 120.00"]),
        ("2026-04-16T13:37:11Z", ["USD -76.97", "USD 115.46"]),
    ],
)
async def test_an_upgrade_is_quoted_paid_and_in_force(
    company: Company, at: str, lines: list[str]
) -> None:
    ada = await _customer(company, APRIL)
    plan = await ada.subscribe("team_monthly", seats=10, trial=False)
    await ada.live_until(at)
    preview = await ada.preview(plan, price="business_monthly")
    assert _lines(preview) == lines
    change = await ada.change(plan, quote=preview["quote"])
    assert change["result"] == "applied"

    invoice = (await ada.invoices())[-1]
    assert (_lines(invoice), invoice["amount_paid"]) == (lines, preview["amount_due"])
    await ada.live_until(MAY)
    assert (await ada.billed())[-1] == (MAY, "USD 240.00", "paid")
    assert await company.captured() == 16_000 + preview["amount_due"]["amount_minor"] + 24_000
    assert await company.books_balance()


async def test_a_change_in_the_instant_of_the_renewal_is_not_prorated(company: Company) -> None:
    bea = await _customer(company, APRIL)
    plan = await bea.subscribe("team_monthly", seats=10, trial=False)
    await bea.live_until(MAY)
    change = await bea.change(plan, price="business_monthly")
    assert change["result"] == "applied"
    invoice = await company.shop.read(f"/v1/invoices/{change['invoice']}")
    assert _lines(invoice) == ["USD -160.00", "USD 240.00"]
    await bea.live_until(JUNE)
    assert (await bea.billed())[-1] == (JUNE, "USD 240.00", "paid")
    assert await company.books_balance()


async def test_seats_added_twice_are_each_paid_for_what_is_left(company: Company) -> None:
    cal = await _customer(company, APRIL)
    plan = await cal.subscribe("team_monthly", seats=10, trial=False)
    await cal.live_until("2026-04-11T00:00:00Z")
    await cal.change(plan, quantity_change=2)
    await cal.live_until("2026-04-21T00:00:00Z")
    await cal.change(plan, quantity_change=3)
    await cal.live_until(MAY)

    assert await cal.billed() == [
        (APRIL, "USD 160.00", "paid"),
        ("2026-04-11T00:00:00Z", "USD 21.33", "paid"),
        ("2026-04-21T00:00:00Z", "USD 16.00", "paid"),
        (MAY, "USD 240.00", "paid"),
    ]
    assert await company.books_balance()


async def test_an_upgrade_and_then_two_seats(company: Company) -> None:
    dan = await _customer(company, APRIL)
    plan = await dan.subscribe("team_monthly", seats=10, trial=False)
    await dan.live_until("2026-04-11T00:00:00Z")
    await dan.change(plan, price="business_monthly")
    await dan.live_until("2026-04-21T00:00:00Z")
    await dan.change(plan, quantity=12)
    await dan.live_until(MAY)

    assert [total for _, total, _ in await dan.billed()] == [
        "USD 160.00",
        "USD 53.33",
        "USD 16.00",
        "USD 288.00",
    ]


async def test_seats_removed_stay_until_the_period_ends_and_can_be_kept(company: Company) -> None:
    eve = await _customer(company, APRIL)
    plan = await eve.subscribe("team_monthly", seats=10, trial=False)
    await eve.live_until("2026-04-11T00:00:00Z")
    assert (await eve.change(plan, quantity_change=-2))["result"] == "scheduled"
    more = await eve.command(plan, "change", quantity_change=1)
    assert (more.status_code, more.json()["code"]) == (409, "pending_change_exists")
    await eve.undo_change(plan)
    await eve.change(plan, quantity=9)
    await eve.live_until(MAY)

    assert (await eve.subscription(plan))["quantity"] == 9
    assert await eve.billed() == [(APRIL, "USD 160.00", "paid"), (MAY, "USD 144.00", "paid")]


async def test_a_month_becomes_a_year_at_once(company: Company) -> None:
    fay = await _customer(company, "2026-03-01T00:00:00Z")
    plan = await fay.subscribe("pro_monthly")
    await fay.live_until("2026-03-15T00:00:00Z")
    await fay.change(plan, price="pro_annual")

    assert (await fay.billed())[-1] == ("2026-03-15T00:00:00Z", "USD 101.97", "paid")
    period = (await fay.subscription(plan))["current_period"]
    assert period == {"start": "2026-03-15T00:00:00Z", "end": "2027-03-15T00:00:00Z"}


@pytest.mark.parametrize(("year", "cost"), [(2026, "USD 1,463.67"), (2028, "USD 1,459.67")])
async def test_seats_of_a_year_cost_what_is_left_of_it(
    company: Company, year: int, cost: str
) -> None:
    gus = await _customer(company, f"{year}-01-01T00:00:00Z")
    plan = await gus.subscribe("business_annual", seats=50)
    await gus.live_until(f"{year}-04-11T00:00:00Z")
    await gus.change(plan, quantity=57)
    assert (await gus.billed())[-1] == (f"{year}-04-11T00:00:00Z", cost, "paid")


async def test_a_declined_upgrade_changes_nothing_and_leaves_no_debt(company: Company) -> None:
    hal = await _customer(company, APRIL)
    plan = await hal.subscribe("team_monthly", seats=10, trial=False)
    await hal.live_until("2026-04-16T00:00:00Z")
    await hal.save_card("pm_card_chargeCustomerFail")
    before = await hal.subscription(plan)
    answer = await hal.command(plan, "change", price="business_monthly")
    assert (answer.status_code, answer.json()["code"]) == (402, "payment_declined")

    after = await hal.subscription(plan)
    for what in ("status", "price", "quantity", "current_period", "open_invoices"):
        assert after[what] == before[what]
    assert [status for _, _, status in await hal.billed()] == ["paid", "void"]
    assert await company.captured() == 16_000
    assert await company.books_balance()


async def test_a_cancellation_now_gives_credit_for_what_is_unused(company: Company) -> None:
    ida = await _customer(company, APRIL)
    plan = await ida.subscribe("pro_monthly")
    await ida.live_until("2026-04-11T00:00:00Z")
    await ida.cancel_now(plan, "credit")
    assert (await ida.subscription(plan))["status"] == "canceled"
    await ida.subscribe("pro_monthly")
    assert (await ida.invoices())[-1]["from_balance"]["text"] == "USD 7.33"
    assert await company.books_balance()


async def test_a_pause_moves_the_period_or_gives_back_its_days(company: Company) -> None:
    joe, kim = await _customer(company, APRIL), await _customer(company, APRIL)
    extended = await joe.subscribe("pro_monthly")
    kept = await kim.subscribe("team_monthly", trial=False)
    for customer, plan in ((joe, extended), (kim, kept)):
        await customer.live_until("2026-04-11T00:00:00Z")
        await customer.pause(plan)
        await customer.live_until("2026-04-21T00:00:00Z")
        await customer.resume(plan)
    assert (await joe.subscription(extended))["current_period"]["end"] == "2026-05-11T00:00:00Z"
    await kim.live_until(MAY)
    renewal = (await kim.invoices())[-1]
    assert (renewal["period"]["start"], renewal["from_balance"]["text"]) == (MAY, "USD 5.33")
    assert await company.books_balance()


async def test_what_a_plan_includes_follows_what_is_paid_for(company: Company) -> None:
    joy = await _customer(company, APRIL)
    assert await joy.included() == {}
    plan = await joy.subscribe("team_monthly", seats=10, trial=False)
    assert await joy.included() == {"registry_storage": 50, "users": 10}
    await joy.save_card("pm_card_chargeCustomerFail")
    await joy.live_until("2026-04-11T00:00:00Z")
    refused = await joy.command(plan, "change", price="business_monthly")
    assert (refused.status_code, refused.json()["code"]) == (402, "payment_declined")
    assert await joy.included() == {"registry_storage": 50, "users": 10}

    await joy.save_card("pm_card_visa")
    await joy.change(plan, price="business_monthly")
    assert await joy.included() == {"registry_storage": 500, "users": 10}
    await joy.change(plan, quantity=4)
    assert await joy.included() == {"registry_storage": 500, "users": 10}
    await joy.live_until(MAY)
    assert await joy.included() == {"registry_storage": 500, "users": 4}
    await joy.cancel_now(plan, "none")
    assert await joy.included() == {}
