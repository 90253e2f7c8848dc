"""Payments that came outside the gateway, over the API: recorded once, shown with their invoice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.shop import Shop, problem

RECEIVED = {
    "amount_minor": 3000,
    "currency": "USD",
    "received_at": "2026-01-17T00:00:00Z",
    "method": "bank_transfer",
    "reference": "R-1",
    "reason": "on the statement",
}


async def owed(shop: Shop) -> Any:  # noqa: ANN401 - JSON
    """An invoice of $80.00 that the customer's card does not pay."""
    customer = await shop.customer(card="pm_card_chargeCustomerFail")
    body = {"customer": customer, "price": "team_monthly", "quantity": 5, "trial": False}
    made = await shop.made("/v1/subscriptions", body)
    return await shop.read(f"/v1/invoices/{made['latest_invoice']}")


async def test_an_invoice_is_paid_in_two_parts_and_the_excess_is_the_customer_s(
    shop: Shop,
) -> None:
    invoice = await owed(shop)
    path = f"/v1/invoices/{invoice['id']}"

    first = await shop.made(f"{path}/payments", RECEIVED, key="first")
    again = await shop.made(f"{path}/payments", RECEIVED, key="first")
    elsewhere = await shop.made(f"{path}/payments", RECEIVED, key="another")
    assert first == again == elsewhere
    assert (first["applied"]["text"], first["left"]["text"]) == ("USD 30.00", "USD 50.00")
    partly = await shop.read(path)
    assert (partly["status"], partly["amount_paid"]["text"]) == ("open", "USD 30.00")
    assert partly["amount_due"]["text"] == "USD 50.00"
    assert partly["received_payments"] == [first]
    [waiting] = (await shop.read(f"/v1/subscriptions/{invoice['subscription']}"))["open_invoices"]
    assert (waiting["amount"]["text"], waiting["received"]["text"]) == ("USD 50.00", "USD 30.00")
    problem(
        await shop.post(f"{path}/payments", {**RECEIVED, "amount_minor": 3001}),
        409,
        "reference_reused",
    )

    second = await shop.made(
        f"{path}/payments", {**RECEIVED, "amount_minor": 6000, "reference": "R-2"}
    )
    assert second["to_balance"]["text"] == "USD 10.00"
    paid = await shop.read(path)
    assert (paid["status"], paid["amount_due"]["amount_minor"]) == ("paid", 0)
    assert paid["received_payments"] == [first, second]
    subscription = await shop.read(f"/v1/subscriptions/{invoice['subscription']}")
    assert subscription["status"] == "active"
    [balance] = (await shop.read(f"/v1/customers/{invoice['customer']}/balance"))["balances"]
    assert balance["amount_minor"] == 1000
    assert await shop.made(f"{path}/payments", RECEIVED, key="late") == first
    late = {**RECEIVED, "reference": "R-3"}
    problem(await shop.post(f"{path}/payments", late), 409, "invoice_paid")
    assert (await shop.read("/v1/reports/ledger"))["balanced"]


async def test_what_cannot_be_a_payment_is_refused_and_leaves_nothing(
    shop: Shop, subtests: pytest.Subtests
) -> None:
    invoice = await owed(shop)
    path = f"/v1/invoices/{invoice['id']}/payments"
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for facts, status, code in (
        ({"amount_minor": 0}, 422, "number_out_of_range"),
        ({"amount_minor": -1}, 422, "number_out_of_range"),
        ({"amount_minor": 1.5}, 422, "wrong_type"),
        ({"currency": "EUR"}, 422, "currency_mismatch"),
        ({"currency": "XXX"}, 422, "unknown_currency"),
        ({"received_at": tomorrow}, 422, "received_in_future"),
        ({"received_at": "2026-01-17"}, 422, "timestamp_malformed"),
        ({"method": "gold"}, 422, "unknown_value"),
        ({"reference": " "}, 422, "text_length_out_of_range"),
        ({"reference": "a\tb"}, 422, "wrong_format"),
        ({"reference": "R" * 141}, 422, "text_length_out_of_range"),
        ({"note": "x"}, 422, "field_unknown"),
    ):
        with subtests.test(code, **facts):
            problem(await shop.post(path, {**RECEIVED, **facts}), status, code)
    unknown = await shop.post("/v1/invoices/in_unknown/payments", RECEIVED)
    problem(unknown, 404, "invoice_not_found")
    assert (await shop.read(f"/v1/invoices/{invoice['id']}"))["received_payments"] == []


async def test_what_comes_at_once_pays_once_and_whoever_is_refused_is_told_why(
    shop: Shop,
) -> None:
    invoice = await owed(shop)
    path = f"/v1/invoices/{invoice['id']}/payments"

    async def record(number: int) -> tuple[int, str]:
        answer = await shop.post(path, {**RECEIVED, "reference": f"R-{number % 5}"})
        return answer.status_code, answer.json().get("code", "")

    answers = await asyncio.gather(*(record(number) for number in range(9)))
    assert set(answers) <= {
        (201, ""),
        (409, "invoice_paid"),
        (409, "invoice_not_open"),
        (503, "temporarily_unavailable"),
    }
    for number in range(4):
        await record(number)
    found = await shop.read(f"/v1/invoices/{invoice['id']}")
    applied = [each["applied"]["amount_minor"] for each in found["received_payments"]]
    assert (found["status"], sorted(applied)) == ("paid", [2000, 3000, 3000])
    assert (await shop.read("/v1/reports/ledger"))["balanced"]
