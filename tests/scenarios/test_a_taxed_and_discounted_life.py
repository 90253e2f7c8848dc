"""A life with a coupon and taxes: every amount as it was previewed, and all of it given back."""

from datetime import UTC, datetime
from decimal import Decimal

from adapters.catalog_file import read_catalog
from billing.discount import Coupon, CouponDuration
from billing.tax import TaxRate, TaxTable
from tests.scenarios.company import Company, Customer, Json
from tests.scenarios.conftest import CATALOG

APRIL = "2026-04-01T00:00:00Z"
MID_APRIL = "2026-04-16T00:00:00Z"
MAY = "2026-05-01T00:00:00Z"
MID_MAY = "2026-05-16T12:00:00Z"

HALF = Coupon(
    id="HALF",
    name="Half price",
    percent=Decimal(50),
    duration=CouponDuration.ONCE,
    redemption_limit=1,
)


def _new_york(percent: str, day: int) -> TaxRate:
    return TaxRate(
        country="US",
        region="NY",
        name="Sales tax",
        rate=Decimal(percent),
        effective_from=datetime(2026, 4, day, tzinfo=UTC),
    )


async def _new_yorker(company: Company) -> Customer:
    async with company.shop.transactions() as tx:
        await tx.catalog.put_on_sale(
            read_catalog(CATALOG).model_copy(
                update={
                    "coupons": (HALF,),
                    "tax": TaxTable(
                        seller_country="US", rates=(_new_york("8", 1), _new_york("8.875", 10))
                    ),
                }
            )
        )
    ada = await company.customer(APRIL, card="pm_card_visa")
    answer = await company.shop.client.patch(
        f"/v1/customers/{ada.id}", json={"address": {"country": "US", "region": "NY"}}
    )
    assert answer.status_code == 200, answer.text
    return ada


def _figures(document: Json) -> tuple[list[str], list[str], list[tuple[str, str]], str]:
    return (
        [line["amount"]["text"] for line in document["lines"]],
        [taken["amount"]["text"] for taken in document["discounts"]],
        [(tax["rate"], tax["amount"]["text"]) for tax in document["taxes"]],
        document["total"]["text"],
    )


async def test_every_amount_is_discounted_taxed_previewed_and_given_back(company: Company) -> None:
    ada = await _new_yorker(company)
    body = {"customer": ada.id, "price": "team_monthly", "quantity": 10, "trial": False}
    started = await company.shop.made("/v1/subscriptions", body | {"coupons": ["HALF"]})
    plan = str(started["id"])
    assert [(each["coupon"], each["used_up"]) for each in started["discounts"]] == [("HALF", True)]
    [first] = await ada.invoices()
    assert _figures(first) == (["USD 160.00"], ["USD 80.00"], [("8", "USD 6.40")], "USD 86.40")

    await ada.live_until(MID_APRIL)
    preview = await ada.preview(plan, price="business_monthly")
    assert _figures(preview) == (
        ["USD -40.00", "USD 120.00"],
        [],
        [("8", "USD -3.20"), ("8.875", "USD 10.65")],
        "USD 87.45",
    )
    assert preview["next_renewal"]["amount"]["text"] == "USD 261.30"
    await ada.change(plan, quote=preview["quote"])
    assert _figures((await ada.invoices())[-1]) == _figures(preview)

    await ada.live_until(MAY)
    assert (await ada.billed())[-1] == (MAY, "USD 261.30", "paid")
    await ada.live_until(MID_MAY)
    await ada.cancel_now(plan, "refund")
    [note] = (await company.shop.read("/v1/credit_notes", customer=ada.id))["data"]
    assert (note["total"]["text"], note["tax"]["text"]) == ("USD 130.65", "USD 10.65")
    assert await company.captured() == 8640 + 8745 + 26_130
    report = await company.shop.read("/v1/reports/ledger")
    assert report["balanced"]


async def test_a_coupon_is_held_by_who_checks_out_and_by_nobody_else(company: Company) -> None:
    ada = await _new_yorker(company)
    bob = await company.customer(APRIL, card="pm_card_visa")
    body = {
        "customer": ada.id,
        "price": "team_monthly",
        "quantity": 10,
        "trial": False,
        "success_url": "https://example.com/welcome",
        "cancel_url": "https://example.com/pricing",
        "coupons": ["HALF"],
    }
    checkout = await company.shop.made("/v1/checkout/sessions", body)
    assert checkout["amount_due_now"]["text"] == "USD 86.40"
    shop = company.shop
    assert await shop.read(f"/v1/checkout/sessions/{checkout['id']}") == checkout
    other = {"customer": bob.id, "price": "team_monthly", "trial": False}
    refused = await shop.post("/v1/subscriptions", other | {"coupons": ["HALF"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "coupon_exhausted")

    await ada.live_until("2026-04-02T01:00:00Z")
    assert (await ada.subscription(checkout["subscription"]))["status"] == "incomplete_expired"
    plan = await bob.subscribe("team_monthly", seats=10, trial=False)
    redeemed = await bob.command(plan, "redeem_coupon", coupon="HALF")
    assert redeemed.status_code == 200, redeemed.text
    again = await bob.command(plan, "redeem_coupon", coupon="HALF")
    assert (again.status_code, again.json()["code"]) == (409, "coupon_redeemed_already")
    unknown = await bob.command(plan, "redeem_coupon", coupon="NEVER")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "coupon_not_found")
    await bob.live_until(MAY)
    assert [total for _, total, _ in await bob.billed()] == ["USD 160.00", "USD 80.00"]
    assert (await shop.read("/v1/coupons/HALF"))["redemptions"] == 1
    assert await company.books_balance()
