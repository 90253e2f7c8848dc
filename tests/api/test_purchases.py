"""One-off prices sold without a subscription, over HTTP."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from adapters.hosted_link import HostedLinks
from billing.catalog import Catalog, Product
from billing.currency_option import CurrencyOption
from billing.discount import Coupon, CouponDuration
from billing.dunning import DunningLadder, DunningPolicy, FinalAction
from billing.price import Price
from billing.price_model import Cell, Dimension, Matrix, Percentage, PerUnit
from tests.api.shop import CATALOG, Shop, problem
from tests.worker.desk import DECLINED_LATER, GOOD_CARD, pass_challenge, pay

_START = "2026-01-31T09:30:00Z"
_PAGES = {
    "success_url": "https://shop.example/ok",
    "cancel_url": "https://shop.example/cancel",
}
_SESSION = Price(
    id="onboarding_session",
    product_id="onboarding",
    currency="USD",
    model=PerUnit(unit_amount_minor=Decimal(25_000)),
    interval=None,
    unit_name="session",
    maximum_quantity=10,
    currency_options={"JPY": CurrencyOption(model=PerUnit(unit_amount_minor=Decimal(38_000)))},
)
_STICKER = _SESSION.model_copy(
    update={
        "id": "sticker",
        "model": PerUnit(unit_amount_minor=Decimal(60)),
        "currency_options": {},
    }
)
_SHARE = _STICKER.model_copy(
    update={"id": "share", "model": Percentage(rate_percent=Decimal("2.5"))}
)
_SHIRT = _STICKER.model_copy(
    update={
        "id": "shirt",
        "model": Matrix(
            dimensions=(
                Dimension(name="size", values=("s", "l")),
                Dimension(name="colour", values=("red", "blue")),
            ),
            cells=(
                Cell(at=("s", "red"), unit_amount_minor=Decimal(1_000)),
                Cell(at=("s", "blue"), unit_amount_minor=Decimal("1000.5")),
                Cell(at=("l", "red"), unit_amount_minor=Decimal(1_500)),
            ),
            refused=(("l", "blue"),),
        ),
    }
)
_MACHINE = _SESSION.model_copy(update={"id": "machine", "product_id": "machine"})
_HELP = Coupon(
    id="HELP",
    name="Help",
    percent=Decimal(50),
    duration=CouponDuration.ONCE,
    products=("onboarding",),
    redemption_limit=1,
)


@pytest.fixture
def catalog() -> Catalog:
    """The shop's, and things that are sold once; what a machine costs is owed whatever happens."""
    onboarding = Product(id="onboarding", name="Onboarding", family="onboarding")
    owed = DunningLadder(retry_days=(3, 8), final_action=FinalAction.UNPAID)
    machine = Product(
        id="machine", name="Machine", family="machine", dunning=DunningPolicy(ladder=owed)
    )
    return CATALOG.model_copy(
        update={
            "products": (*CATALOG.products, onboarding, machine),
            "prices": (*CATALOG.prices, _SESSION, _STICKER, _SHARE, _SHIRT, _MACHINE),
            "coupons": (_HELP,),
        }
    )


def _basket(customer: str, *items: tuple[str, int], **other: object) -> dict[str, Any]:
    wanted = items or (("onboarding_session", 1),)
    return {
        "customer": customer,
        "items": [{"price": price, "quantity": quantity} for price, quantity in wanted],
        **other,
    }


async def test_it_is_sold_once_and_charged_what_the_preview_said(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    basket = _basket(customer, ("onboarding_session", 2), ("sticker", 3), coupons=["HELP"])
    foreseen = await shop.made("/v1/purchases/preview", basket)
    made = await shop.made("/v1/purchases", basket, key="once")
    await shop.forget_answers()
    assert await shop.made("/v1/purchases", basket, key="once") == made
    assert (made["status"], made["amount"]["text"]) == ("completed", "USD 501.80")
    assert made["open_invoices"] == made["next_actions"] == []
    assert [item["price"] for item in made["items"]] == ["onboarding_session", "sticker"]
    assert made["items"][0]["explanation"] == "2 sessions at $250.00 = $500.00"

    [invoice] = (await shop.read("/v1/invoices", purchase=made["id"]))["data"]
    assert (invoice["id"], invoice["status"]) == (made["invoice"], "paid")
    assert (invoice["purchase"], invoice["subscription"]) == (made["id"], None)
    assert invoice["total"] == foreseen["total"] == foreseen["amount_due"]
    assert invoice["total"]["text"] == "USD 250.90"
    assert [line["amount"] for line in invoice["lines"]] == [
        line["amount"] for line in foreseen["lines"]
    ]
    [listed] = (await shop.read("/v1/purchases", customer=customer))["data"]
    assert listed == made == await shop.read(f"/v1/purchases/{made['id']}")
    happened = await shop.read(f"/v1/purchases/{made['id']}/timeline")
    assert {each["type"] for each in happened["data"]} == {
        "purchase.created",
        "invoice_item.created",
        "invoice.finalized",
        "invoice.paid",
        "purchase.completed",
    }
    assert (await shop.read("/v1/subscriptions", customer=customer))["data"] == []
    refused = await shop.client.get(f"/v1/subscriptions/{made['id']}")
    assert refused.status_code == 404
    # It may be bought again, beside any subscription, and the coupon only as often as it says.
    assert (await shop.made("/v1/purchases", _basket(customer)))["status"] == "completed"
    problem(await shop.post("/v1/purchases", basket), 409, "coupon_exhausted")
    problem(await shop.post(f"/v1/purchases/{made['id']}/pay"), 409, "purchase_ended")
    problem(
        await shop.post(f"/v1/purchases/{made['id']}/waive", {"reason": "late"}),
        409,
        "purchase_ended",
    )


async def test_what_cannot_be_sold_so_is_refused_and_leaves_nothing(
    shop: Shop, subtests: pytest.Subtests
) -> None:
    customer, poor = await shop.customer(card="pm_card_visa"), await shop.customer()
    basket = _basket(customer)
    cases: tuple[tuple[dict[str, Any], int, str], ...] = (
        (_basket("cus_nobody"), 422, "customer_not_found"),
        (_basket(poor), 409, "payment_method_required"),
        (_basket(customer, ("no_such_price", 1)), 422, "price_not_found"),
        (_basket(customer, ("team_monthly", 1)), 422, "price_recurring"),
        (_basket(customer, ("onboarding_session", 1), ("team_monthly", 1)), 422, "price_recurring"),
        (_basket(customer, ("onboarding_session", 11)), 422, "quantity_out_of_range"),
        (_basket(customer, ("onboarding_session", 0)), 422, "number_out_of_range"),
        (basket | {"currency": "EUR"}, 422, "currency_not_sold"),
        (basket | {"coupons": ["NONE"]}, 422, "coupon_not_found"),
        (_basket(customer, ("machine", 1), coupons=["HELP"]), 422, "coupon_not_applicable"),
        (
            basket
            | {"coupons": ["HELP"]}
            | {"items": [{"price": "onboarding_session", "discountable": False}]},
            422,
            "coupon_not_applicable",
        ),
        (_basket(customer, ("sticker", 1), coupons=["HELP"]), 422, "amount_too_small"),
        (basket | {"items": []}, 422, "list_length_out_of_range"),
        (
            basket | {"items": [{"price": "onboarding_session"}] * 11},
            422,
            "list_length_out_of_range",
        ),
        (
            basket | {"items": [{"price": "onboarding_session", "dimensions": {"size": "big"}}]},
            422,
            "dimension_unknown",
        ),
        (basket | {"payment_method": "pm_nobody"}, 422, "payment_method_not_found"),
        (basket | {"trial": True}, 422, "field_unknown"),
    )
    for number, (body, status, code) in enumerate(cases):
        with subtests.test(code, case=number):
            problem(await shop.post("/v1/purchases", body), status, code)
    assert (await shop.read("/v1/purchases"))["data"] == []
    assert (await shop.read("/v1/invoices"))["data"] == []
    problem(await shop.client.get("/v1/purchases/pur_none"), 404, "purchase_not_found")
    problem(await shop.post("/v1/purchases/pur_none/pay"), 404, "purchase_not_found")


async def test_a_refusal_is_dunned_and_another_card_completes_it(shop: Shop) -> None:
    clock = await shop.clock(_START)
    customer = await shop.customer(card="pm_card_chargeCustomerFail", clock=clock)
    made = await shop.made("/v1/purchases", _basket(customer, currency="JPY"))
    assert (made["status"], made["open_invoices"][0]["last_decline"]) == (
        "past_due",
        "generic_decline",
    )
    kinds = [action["kind"] for action in made["next_actions"]]
    assert kinds == ["collect", "give_up"]
    path = f"/v1/purchases/{made['id']}"
    problem(await shop.post(f"{path}/pay"), 402, "payment_declined")
    visit = await shop.made("/v1/portal_sessions", {"customer": customer})
    portal = await shop.client.get(visit["url"], follow_redirects=True)
    assert "Replace card" in portal.text
    later = await shop.made(f"{path}/extend_grace", {"until": "2026-03-31T00:00:00Z"})
    assert later["grace_until"] == "2026-03-31T00:00:00Z"
    card = {"payment_method": "pm_card_visa", "make_default": True}
    await shop.made(f"/v1/customers/{customer}/payment_methods", card)
    await shop.until(path, "status", "completed")
    [invoice] = (await shop.read("/v1/invoices", customer=customer))["data"]
    assert (invoice["status"], invoice["amount_paid"]["text"]) == ("paid", "JPY 38,000")


async def test_how_dunning_ends_is_the_product_s_to_say(shop: Shop) -> None:
    clock = await shop.clock(_START)
    customer = await shop.customer(card="pm_card_chargeCustomerFail", clock=clock)
    session = await shop.made("/v1/purchases", _basket(customer))
    machine = await shop.made("/v1/purchases", _basket(customer, ("machine", 1)))
    await shop.advance(clock, "2026-02-28T09:30:00Z")
    became = []
    for made in (session, machine):
        now = await shop.read(f"/v1/purchases/{made['id']}")
        invoice = await shop.read(f"/v1/invoices/{made['invoice']}")
        assert now["end_reason"] == "payment_failed"
        became.append((now["status"], invoice["status"], len(invoice["attempts"])))
    assert became == [("canceled", "void", 4), ("canceled", "uncollectible", 3)]


async def test_what_is_owed_is_forgiven_written_off_or_called_off(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_chargeCustomerFail")
    cases = (
        ("waive", "completed", "void"),
        ("mark_uncollectible", "completed", "uncollectible"),
        ("cancel", "canceled", "void"),
    )
    for command, status, of_invoice in cases:
        made = await shop.made("/v1/purchases", _basket(customer, ("machine", 1)))
        path = f"/v1/purchases/{made['id']}"
        await shop.made(f"{path}/{command}", {"reason": "a mistake"}, key=command)
        await shop.until(f"/v1/invoices/{made['invoice']}", "status", of_invoice)
        await shop.until(path, "status", status)
        await shop.forget_answers()
        again = await shop.made(f"{path}/{command}", {"reason": "a mistake"}, key=command)
        assert (again["status"], again["open_invoices"]) == (status, [])


_RECEIVED = {
    "amount_minor": 3000,
    "currency": "USD",
    "received_at": "2026-01-17T00:00:00Z",
    "method": "bank_transfer",
    "reference": "R-1",
}


async def test_what_ended_is_paid_after_all_by_whoever_comes_first(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_chargeCustomerFail")
    made = await shop.made("/v1/purchases", _basket(customer, ("machine", 1)))
    reason = {"reason": "Nobody answers"}
    await shop.made(f"/v1/purchases/{made['id']}/mark_uncollectible", reason)
    await shop.until(f"/v1/purchases/{made['id']}", "status", "completed")
    path = f"/v1/invoices/{made['invoice']}"
    owed_minor = (await shop.read(path))["total"]["amount_minor"]
    problem(
        await shop.post(f"{path}/payments", {**_RECEIVED, "currency": "EUR"}),
        422,
        "currency_mismatch",
    )

    async def record(number: int) -> tuple[int, str]:
        body = {**_RECEIVED, "amount_minor": owed_minor, "reference": f"R-{number}"}
        answer = await shop.post(f"{path}/payments", body)
        return answer.status_code, answer.json().get("code", "")

    answers = await asyncio.gather(*(record(number // 2) for number in range(6)))
    assert set(answers) == {(201, ""), (409, "invoice_paid")}
    found = await shop.read(path)
    [payment] = found["received_payments"]
    assert (found["status"], payment["applied"]["amount_minor"]) == ("paid", owed_minor)
    assert (await shop.read("/v1/reports/ledger"))["balanced"]


async def test_what_a_customer_has_in_their_favour_pays_first(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    first = await shop.made("/v1/purchases", _basket(customer))
    given = {"amount_minor": 10_000, "to": "balance", "reason": "It was late"}
    await shop.made(f"/v1/invoices/{first['invoice']}/refund", given)
    foreseen = await shop.made("/v1/purchases/preview", _basket(customer))
    made = await shop.made("/v1/purchases", _basket(customer))
    invoice = await shop.read(f"/v1/invoices/{made['invoice']}")
    assert foreseen["from_balance"] == invoice["from_balance"]
    assert invoice["from_balance"]["text"] == "USD 100.00"
    assert foreseen["amount_due"] == invoice["amount_paid"]
    [item, _] = (await shop.read(f"/v1/customers/{customer}/invoice_items"))["data"]
    assert (item["subscription"], item["purchase"]) == (None, made["id"])
    # What it pays in full needs no card, and what it does not does.
    await shop.made(f"/v1/invoices/{made['invoice']}/refund", {"to": "balance", "reason": "Sorry"})
    [card] = (await shop.read(f"/v1/customers/{customer}/payment_methods"))["data"]
    await shop.client.delete(f"/v1/payment_methods/{card['id']}")
    order = {"customer": customer, "price": "onboarding_session", "quantity": 2, **_PAGES}
    session = await shop.made("/v1/checkout/sessions", order)
    assert session["amount_due_now"]["text"] == "USD 250.00"
    dear = _basket(customer, ("onboarding_session", 2))
    problem(await shop.post("/v1/purchases", dear), 409, "payment_method_required")
    assert (await shop.made("/v1/purchases", _basket(customer)))["status"] == "completed"


async def test_at_a_checkout_it_is_paid_before_it_is_sold(shop: Shop) -> None:
    customer = await shop.customer()
    order = {
        "customer": customer,
        "price": "onboarding_session",
        "quantity": 2,
        "add_invoice_items": [{"price": "sticker"}],
        "coupons": ["HELP"],
        **_PAGES,
    }
    problem(await shop.post("/v1/checkout/sessions", order | {"trial": True}), 422, "no_trial")
    session = await shop.made("/v1/checkout/sessions", order, key="click")
    await shop.forget_answers()
    assert await shop.made("/v1/checkout/sessions", order, key="click") == session
    assert (session["subscription"], session["amount_due_now"]["text"]) == (None, "USD 250.30")
    assert await shop.read(f"/v1/checkout/sessions/{session['id']}") == session
    path = f"/v1/purchases/{session['purchase']}"
    made = await shop.read(path)
    assert (made["status"], made["paid_by"], made["invoice"]) == ("incomplete", "checkout", None)

    back = HostedLinks.of(shop.deps.settings).checkout_return(session["id"])
    await pay(session["url"], DECLINED_LATER)
    refused = await shop.client.get(back)
    assert (refused.status_code, "Your card was declined" in refused.text) == (200, True)
    declined = await shop.read(path)
    assert (declined["status"], declined["activation_refused"]) == ("incomplete", True)
    again = await shop.client.post(back.replace("/return?", "/another_card?"))
    await pay(again.headers["location"], GOOD_CARD)
    answer = await shop.client.get(back)
    assert answer.headers["location"].startswith("https://shop.example/ok")
    assert (await shop.read(path))["status"] == "completed"
    [invoice] = (await shop.read("/v1/invoices", customer=customer))["data"]
    assert (invoice["status"], invoice["total"]) == ("paid", session["amount_due_now"])
    closed = await shop.read(f"/v1/checkout/sessions/{session['id']}")
    assert (closed["status"], closed["amount_due_now"]) == ("complete", None)

    left = await shop.made("/v1/checkout/sessions", order | {"coupons": []})
    off = f"/v1/purchases/{left['purchase']}"
    await shop.made(f"{off}/cancel", {"reason": "sold out"})
    await shop.until(off, "status", "incomplete_expired")
    assert len((await shop.read("/v1/invoices", customer=customer))["data"]) == 1


async def test_what_depends_on_an_amount_is_sold_for_that_and_for_nothing_of_none(
    shop: Shop,
) -> None:
    customer = await shop.customer()
    share = {"price": "share", "base_amount_minor": 0}
    free = await shop.made("/v1/purchases", {"customer": customer, "items": [share]})
    assert (free["status"], free["amount"]["text"]) == ("completed", "USD 0.00")
    basket = {"customer": customer, "items": [share | {"base_amount_minor": 100_000}]}
    foreseen = await shop.made("/v1/purchases/preview", basket)
    assert foreseen["amount_due"]["text"] == "USD 25.00"
    problem(await shop.post("/v1/purchases", basket), 409, "payment_method_required")
    problem(
        await shop.post("/v1/purchases", _basket(customer, ("share", 1))),
        422,
        "base_amount_required",
    )
    red, blue = ({"size": "s", "colour": colour} for colour in ("red", "blue"))
    shirts: list[dict[str, Any]] = [
        {"price": "shirt", "quantity": 3, "dimensions": red},
        {"price": "shirt", "dimensions": blue},
        share | {"base_amount_minor": 100_000},
    ]
    foreseen = await shop.made("/v1/purchases/preview", {"customer": customer, "items": shirts})
    assert [line["amount"]["text"] for line in foreseen["lines"]] == [
        "USD 30.00",
        "USD 10.01",
        "USD 25.00",
    ]
    shirts[0]["dimensions"] = {"size": "l", "colour": "blue"}
    unsold = await shop.post("/v1/purchases", {"customer": customer, "items": shirts})
    problem(unsold, 422, "combination_not_sold")


async def test_two_clicks_at_once_buy_once_and_one_of_two_buyers_has_the_last_coupon(
    shop: Shop,
) -> None:
    one, other = [await shop.customer(card="pm_card_visa") for _ in range(2)]
    clicks = [shop.post("/v1/purchases", _basket(one), key="click") for _ in range(3)]
    said = {answer.status_code for answer in await asyncio.gather(*clicks)}
    assert 201 in said
    assert said <= {201, 409}
    buying = [shop.post("/v1/purchases", _basket(each, coupons=["HELP"])) for each in (one, other)]
    first, second = sorted(await asyncio.gather(*buying), key=lambda answer: answer.status_code)
    assert first.status_code == 201
    problem(second, 409, "coupon_exhausted")
    bought = (await shop.read("/v1/invoices"))["data"]
    assert sorted(invoice["amount_paid"]["text"] for invoice in bought) == [
        "USD 125.00",
        "USD 250.00",
    ]


async def test_a_test_clock_that_is_deleted_calls_off_what_is_not_paid(shop: Shop) -> None:
    clock = await shop.clock(_START)
    customer = await shop.customer(card="pm_card_chargeCustomerFail", clock=clock)
    made = await shop.made("/v1/purchases", _basket(customer))
    deleted = await shop.client.delete(f"/v1/test_clocks/{clock}")
    assert deleted.status_code == 200, deleted.text
    await shop.until(f"/v1/purchases/{made['id']}", "status", "canceled")
    await shop.until(f"/v1/invoices/{made['invoice']}", "status", "void")


async def test_who_is_present_authenticates_at_once_and_anybody_else_by_a_link(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_authenticationRequired")
    absent = await shop.made("/v1/purchases", _basket(customer))
    [refused] = absent["open_invoices"]
    assert (refused["last_decline"], refused["action_url"]) == ("authentication_required", None)
    present = await shop.made("/v1/purchases", _basket(customer, customer_present=True))
    [waiting] = present["open_invoices"]
    await pass_challenge(waiting["action_url"])
    later = f"/v1/purchases/{present['id']}"
    page = (await shop.read(f"/v1/invoices/{present['invoice']}"))["pay_url"]
    assert (await shop.client.get(page)).status_code == 200
    await shop.made(f"{later}/pay", {"customer_present": True})
    await shop.until(later, "status", "completed")
