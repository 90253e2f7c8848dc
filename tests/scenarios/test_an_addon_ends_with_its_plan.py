"""Publisher beside a plan: bought for what is left of the plan's year, and over when that is."""

import httpx

from tests.scenarios.company import Company, Customer

JANUARY = "2026-01-01T00:00:00Z"
APRIL = "2026-04-11T00:00:00Z"  # 100 days later: 265 are left of the year
JULY = "2026-07-02T12:00:00Z"
NEXT_JANUARY = "2027-01-01T00:00:00Z"


async def _with_publisher(company: Company) -> tuple[Customer, str, str]:
    ada = await company.customer(JANUARY, card="pm_card_visa")
    parent = await ada.subscribe("pro_annual")
    await ada.live_until(APRIL)
    return ada, parent, await ada.subscribe("publisher_annual", seats=50)


async def _ordered(ada: Customer) -> httpx.Response:
    body = {"customer": ada.id, "price": "publisher_annual", "quantity": 25}
    return await ada.company.shop.post("/v1/subscriptions", body)


async def test_the_first_period_is_what_is_left_of_the_plans_year(company: Company) -> None:
    ada, parent, addon = await _with_publisher(company)
    bought = await ada.subscription(addon)
    assert (bought["status"], bought["parent"]) == ("active", parent)
    assert bought["current_period"] == {"start": APRIL, "end": NEXT_JANUARY}
    assert (APRIL, "USD 435.62", "paid") in await ada.billed()  # 600.00 * 265 / 365
    assert (await ada.included())["verified_domains"] == 50

    await ada.live_until(JULY)
    await ada.change(addon, quantity=75)
    assert (JULY, "USD 150.00", "paid") in await ada.billed()  # half a year of 300.00
    await ada.live_until(NEXT_JANUARY)
    renewed = await ada.subscription(addon)
    assert renewed["current_period"] == {"start": NEXT_JANUARY, "end": "2028-01-01T00:00:00Z"}
    assert (NEXT_JANUARY, "USD 900.00", "paid") in await ada.billed()
    assert await company.books_balance()


async def test_both_end_at_the_plans_period_end_and_neither_renews(company: Company) -> None:
    ada, parent, addon = await _with_publisher(company)
    await ada.cancel(parent)
    await ada.live_until(JULY)
    leaving = await ada.subscription(addon)
    assert (leaving["status"], leaving["parent_ends_at"]) == ("active", NEXT_JANUARY)
    await ada.undo_cancel(parent)
    await ada.live_until("2026-08-01T00:00:00Z")
    assert (await ada.subscription(addon))["parent_ends_at"] is None

    await ada.cancel(parent)
    await ada.live_until("2027-03-01T00:00:00Z")
    over = await ada.subscription(addon)
    assert (over["status"], over["ended_at"], over["end_reason"]) == (
        "canceled",
        NEXT_JANUARY,
        "parent_ended",
    )
    assert len(await ada.billed()) == 2
    assert await ada.included() == {}
    assert await company.books_balance()


async def test_what_the_plans_end_gives_back_the_addons_end_gives_back(company: Company) -> None:
    ada, parent, addon = await _with_publisher(company)
    await ada.live_until(JULY)
    await ada.cancel_now(parent, "credit")
    await ada.live_until("2026-07-03T00:00:00Z")
    over = await ada.subscription(addon)
    assert (over["status"], over["ended_at"]) == ("canceled", JULY)
    [balance] = (await company.shop.read(f"/v1/customers/{ada.id}/balance"))["balances"]
    assert balance["text"] == "USD 354.00"  # half of 108.00 and of 600.00
    refused = await _ordered(ada)
    assert (refused.status_code, refused.json()["code"]) == (409, "parent_required")
    assert await company.books_balance()


async def test_an_addon_needs_an_active_plan_that_goes_on(company: Company) -> None:
    ada = await company.customer(JANUARY, card="pm_card_visa")
    assert (await _ordered(ada)).json()["code"] == "parent_required"
    parent = await ada.subscribe("team_monthly")
    assert (await _ordered(ada)).json()["code"] == "parent_not_active"
    await ada.live_until("2026-02-01T00:00:00Z")
    await ada.cancel(parent)
    assert (await _ordered(ada)).json()["code"] == "parent_ends"
