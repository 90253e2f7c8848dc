"""Subscriptions over HTTP: started, commanded and read."""

import asyncio

from tests.api.shop import Shop, problem

START = "2026-01-17T09:30:00Z"


async def test_five_seats_are_free_until_the_trial_ends(shop: Shop) -> None:
    clock = await shop.clock(START)
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    made = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "team_monthly", "quantity": 5}
    )
    assert made["status"] == "trialing"
    assert made["trial"] == {"start": START, "end": "2026-01-31T09:30:00Z"}
    assert made["period_amount"] == {"amount_minor": 8000, "currency": "USD", "text": "USD 80.00"}
    assert [(action["kind"], action["at"]) for action in made["next_actions"]] == [
        ("notify_trial_end", "2026-01-28T09:30:00Z"),
        ("convert_trial", "2026-01-31T09:30:00Z"),
    ]
    assert (await shop.read("/v1/invoices", customer=customer))["data"] == []
    await shop.advance(clock, "2026-03-01T00:00:00Z")
    invoices = (await shop.read("/v1/invoices", customer=customer))["data"]
    assert [(i["period"]["start"], i["amount_paid"]["amount_minor"]) for i in invoices] == [
        ("2026-02-28T09:30:00Z", 8000),
        ("2026-01-31T09:30:00Z", 8000),
    ]
    assert await shop.read(f"/v1/invoices/{invoices[0]['id']}") == invoices[0]
    assert [attempt["outcome"] for attempt in invoices[0]["attempts"]] == ["paid"]
    timeline = await shop.read(f"/v1/subscriptions/{made['id']}/timeline")
    types = [entry["type"] for entry in timeline["data"]]
    assert types[-1] == "subscription.created"
    assert {"subscription.trial_converted", "subscription.renewed"} <= set(types)
    report = await shop.read("/v1/reports/ledger", customer=customer)
    assert report["balanced"]
    assert [(c["currency"], c["ledger_minor"]) for c in report["cash"]] == [("USD", 16000)]


async def test_a_declined_card_leaves_the_subscription_incomplete(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_chargeCustomerFail")
    made = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "pro_yearly", "trial": False}
    )
    assert (made["status"], made["activation_refused"]) == ("incomplete", True)
    assert made["open_invoices"][0]["last_decline"] == "generic_decline"


async def test_a_subscription_that_is_charged_at_once_is_active_in_the_answer(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    made = await shop.made("/v1/subscriptions", {"customer": customer, "price": "pro_yearly"})
    assert (made["status"], made["open_invoices"]) == ("active", [])
    assert await shop.read(f"/v1/subscriptions/{made['id']}") == made
    listed = await shop.read(
        "/v1/subscriptions", customer=customer, status="active", product="pro", price="pro_yearly"
    )
    assert listed["data"] == [made]
    assert (await shop.read("/v1/subscriptions", status="canceled"))["data"] == []


async def test_one_live_subscription_per_family(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    first = await shop.made("/v1/subscriptions", {"customer": customer, "price": "pro_yearly"})
    answer = await shop.post(
        "/v1/subscriptions", {"customer": customer, "price": "team_monthly", "quantity": 2}
    )
    assert problem(answer, 409, "family_taken")["subscription"] == first["id"]
    other = await shop.made(
        "/v1/subscriptions", {"customer": customer, "price": "assistant_monthly"}
    )
    assert other["period_amount"]["text"] == "JPY 2,000"


async def test_a_trial_is_had_once(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    order = {"customer": customer, "price": "team_monthly"}
    first = await shop.made("/v1/subscriptions", order)
    await shop.made(f"/v1/subscriptions/{first['id']}/cancel", {"mode": "now"})
    problem(await shop.post("/v1/subscriptions", order | {"trial": True}), 409, "trial_used")
    second = await shop.made("/v1/subscriptions", order)
    assert (second["status"], second["trial"]) == ("active", None)


async def test_a_cancellation_is_undone_until_it_takes_effect(shop: Shop) -> None:
    clock = await shop.clock(START)
    customer = await shop.customer(card="pm_card_visa", clock=clock)
    made = await shop.made("/v1/subscriptions", {"customer": customer, "price": "team_monthly"})
    path = f"/v1/subscriptions/{made['id']}"
    canceled = await shop.made(f"{path}/cancel", {"reason": "too expensive"})
    assert canceled["cancellation"]["at"] == "2026-01-31T09:30:00Z"
    problem(await shop.post(f"{path}/cancel"), 409, "cancellation_pending")
    undone = await shop.made(f"{path}/undo_cancel", {})
    assert undone["cancellation"] is None
    problem(await shop.post(f"{path}/undo_cancel"), 409, "no_pending_cancellation")
    extended = await shop.made(f"{path}/extend_trial", {"trial_end": "2026-02-10T00:00:00Z"})
    assert extended["trial"]["end"] == "2026-02-10T00:00:00Z"
    answer = await shop.post(f"{path}/extend_trial", {"trial_end": "2026-01-20T00:00:00Z"})
    problem(answer, 422, "trial_end_out_of_range")
    await shop.made(f"{path}/cancel", {"mode": "now"})
    problem(await shop.post(f"{path}/cancel", {"mode": "now"}), 409, "subscription_ended")
    problem(await shop.post(f"{path}/undo_cancel"), 409, "subscription_ended")
    assert (await shop.read("/v1/invoices", customer=customer))["data"] == []


async def test_one_command_sent_five_times_is_applied_once(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    made = await shop.made("/v1/subscriptions", {"customer": customer, "price": "pro_yearly"})
    path = f"/v1/subscriptions/{made['id']}/cancel"

    async def send() -> str:
        async with asyncio.timeout(30):
            while True:
                answer = await shop.post(path, {"mode": "now"}, key="cancel-1")
                if answer.status_code != 409:
                    assert answer.status_code == 200, answer.text
                    return answer.text
                problem(answer, 409, "idempotency_key_in_use")
                await asyncio.sleep(0.05)

    answers = await asyncio.gather(*(send() for _ in range(5)))
    assert len(set(answers)) == 1
    timeline = await shop.read(f"/v1/subscriptions/{made['id']}/timeline")
    types = [entry["type"] for entry in timeline["data"]]
    assert types.count("subscription.cancel_now") == 1


async def test_a_command_is_answered_again_after_the_subscription_ended(shop: Shop) -> None:
    """As after a crash between the workflow's answer and ours: nothing is stored under the key."""
    customer = await shop.customer(card="pm_card_visa")
    made = await shop.made("/v1/subscriptions", {"customer": customer, "price": "pro_yearly"})
    path = f"/v1/subscriptions/{made['id']}/cancel"
    first = await shop.made(path, {"mode": "now"}, key="cancel-2")
    await shop.forget_answers()
    second = await shop.made(path, {"mode": "now"}, key="cancel-2")
    assert second == first


async def test_what_cannot_be_sold_is_refused(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_visa")
    order = {"customer": customer, "price": "team_monthly"}
    for change, status, code in (
        ({"customer": "cus_unknown"}, 422, "customer_not_found"),
        ({"price": "unknown"}, 422, "price_not_found"),
        ({"quantity": 1_001}, 422, "quantity_out_of_range"),
        ({"quantity": 0}, 422, "number_out_of_range"),
        ({"price": "pro_yearly", "trial": True}, 422, "no_trial"),
        ({"payment_method": "pm_unknown"}, 422, "payment_method_not_found"),
    ):
        problem(await shop.post("/v1/subscriptions", order | change), status, code)
    poor = await shop.customer()
    answer = await shop.post("/v1/subscriptions", {"customer": poor, "price": "pro_yearly"})
    problem(answer, 409, "payment_method_required")
    assert (await shop.read("/v1/subscriptions"))["data"] == []


async def test_without_a_worker_a_command_is_temporarily_unavailable(idle_shop: Shop) -> None:
    customer = await idle_shop.customer(card="pm_card_visa")
    idle_shop.out_of_patience()
    answer = await idle_shop.post(
        "/v1/subscriptions", {"customer": customer, "price": "pro_yearly"}, key="start-1"
    )
    problem(answer, 503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "2"
