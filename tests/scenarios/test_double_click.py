"""Everything about a checkout clicked twice: one subscription, one charge."""

import asyncio

import httpx

from cli.demo.browser import VISA
from tests.scenarios.company import EMAIL, Company

_FORM = {"email": EMAIL, "number": VISA.number, "expiry": VISA.expiry, "cvc": VISA.cvc}


async def test_a_double_click_on_every_button_is_one_subscription_and_one_charge(
    company: Company,
) -> None:
    dan = await company.customer("2026-01-31T12:00:00Z")
    first = await dan.open_checkout("business_monthly", seats=3, key="buy")
    second = await dan.open_checkout("business_monthly", seats=3, key="buy")
    assert second == first

    async with httpx.AsyncClient(trust_env=False) as http:
        pages = await asyncio.gather(*(http.post(first["url"], data=_FORM) for _ in range(2)))
    assert [page.status_code for page in pages] == [303, 303]
    assert pages[0].headers["location"] == pages[1].headers["location"]
    returns = await asyncio.gather(
        *(company.shop.client.get(page.headers["location"]) for page in pages)
    )
    assert {answer.status_code for answer in returns} == {303}
    await dan.becomes(first["subscription"], "active")

    listed = await company.shop.read("/v1/subscriptions", customer=dan.id)
    assert [subscription["id"] for subscription in listed["data"]] == [first["subscription"]]
    assert await dan.billed() == [("2026-01-31T12:00:00Z", "USD 72.00", "paid")]
    assert await company.captured() == 7_200
    assert await company.books_balance()
