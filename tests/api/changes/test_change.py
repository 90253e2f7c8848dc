"""Changes over HTTP: made, paid, refused and undone."""

import asyncio

from simulator.faults import Fault
from tests.api.changes.subscriber import stored_subscriber, subscribed
from tests.api.shop import Shop, problem
from tests.conftest import StripeSimulator

APRIL = "2026-04-01T00:00:00Z"
HALF = "2026-04-16T00:00:00Z"


async def test_an_upgrade_credits_the_old_price_and_charges_the_new_one(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    await ada.live_until(HALF)
    preview = await ada.preview(price="business_monthly")
    assert [line["amount"]["text"] for line in preview["lines"]] == ["USD -80.00", "USD 120.00"]
    assert preview["amount_due"]["text"] == "USD 40.00"
    assert (preview["kind"], preview["effective_at"]) == ("upgrade", HALF)
    assert preview["next_renewal"] == {
        "at": "2026-05-01T00:00:00Z",
        "amount": {"amount_minor": 24000, "currency": "USD", "text": "USD 240.00"},
    }
    change = await ada.change(price="business_monthly")
    assert (change["result"], change["subscription"]["price"]) == ("applied", "business_monthly")
    bought, upgrade = await ada.invoices()
    assert (upgrade["id"], upgrade["change"]) == (change["invoice"], change["id"])
    assert upgrade["lines"] == preview["lines"]
    assert upgrade["lines"][0]["credits"] == {"invoice": bought["id"], "position": 1}
    assert await ada.charged() == ["USD 160.00", "USD 40.00"]
    await ada.live_until("2026-05-01T00:00:00Z")
    assert await ada.charged() == ["USD 160.00", "USD 40.00", "USD 240.00"]
    assert await ada.books_balance()


async def test_two_different_changes_in_the_same_second_are_both_billed(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    await ada.live_until("2026-04-11T00:00:00Z")
    answers = await asyncio.gather(
        ada.command("change", {"quantity_change": 2}), ada.command("change", {"quantity_change": 3})
    )
    assert [answer.status_code for answer in answers] == [200, 200], [a.text for a in answers]
    assert (await ada.read())["quantity"] == 15
    assert sorted((await ada.charged())[1:]) == ["USD 21.33", "USD 32.00"]


async def test_of_two_changes_based_on_the_same_version_one_wins(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    seen = (await shop.client.get(ada.path)).headers["etag"]
    first, second = await asyncio.gather(
        ada.command("change", {"quantity": 12}, version=seen),
        ada.command("change", {"quantity": 15}, version=seen),
    )
    won, lost = sorted((first, second), key=lambda answer: answer.status_code)
    assert won.status_code == 200, won.text
    problem(lost, 409, "stale_version")
    subscription = await ada.read()
    assert subscription["quantity"] == won.json()["subscription"]["quantity"]
    assert len(await ada.invoices()) == 2


async def test_a_change_in_words_of_more_or_fewer_counts_from_what_is_there(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    await ada.live_until("2026-04-11T00:00:00Z")
    await ada.change(quantity_change=2)
    await ada.live_until("2026-04-21T00:00:00Z")
    grown = await ada.change(quantity_change=3)
    assert grown["subscription"]["quantity"] == 15
    assert (await ada.charged())[1:] == ["USD 21.33", "USD 16.00"]
    fewer = await ada.change(quantity_change=-2)
    assert (fewer["result"], fewer["invoice"]) == ("scheduled", None)
    pending = fewer["subscription"]["pending_change"]
    assert (pending["id"], pending["terms"]["quantity"]) == (fewer["id"], 13)
    assert pending["at"] == "2026-05-01T00:00:00Z"
    problem(await ada.command("change", {"quantity_change": 1}), 409, "pending_change_exists")
    undone = await ada.done("undo_change")
    assert undone["pending_change"] is None
    problem(await ada.command("undo_change"), 409, "no_pending_change")


async def test_a_declined_change_leaves_everything_as_it_was(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    await ada.live_until(HALF)
    await ada.save_card("pm_card_chargeCustomerFail")
    before = await ada.read()
    answer = await ada.command("change", {"price": "business_monthly"}, key="upgrade-1")
    refused = problem(answer, 402, "payment_declined")
    assert refused["decline"] == "generic_decline"
    after = await ada.read()
    kept = {"price", "quantity", "period_amount", "current_period", "status", "open_invoices"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert [i["status"] for i in await ada.invoices()] == ["paid", "void"]
    remembered = await shop.read(f"{ada.path}/changes/{refused['change']}")
    assert (remembered["result"], remembered["decline"]) == ("declined", "generic_decline")
    again = await ada.command("change", {"price": "business_monthly"}, key="upgrade-1")
    assert (again.content, again.headers["idempotent-replayed"]) == (answer.content, "true")
    assert await ada.books_balance()


async def test_a_change_is_answered_again_by_its_key_and_made_once(shop: Shop) -> None:
    """As after a crash between the workflow's answer and ours: nothing is stored under the key."""
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    first = await ada.done("change", {"quantity_change": 2}, key="two-more")
    await shop.forget_answers()
    second = await ada.done("change", {"quantity_change": 2}, key="two-more")
    assert (second["id"], second["invoice"]) == (first["id"], first["invoice"])
    assert (await ada.read())["quantity"] == 12


async def test_a_change_that_waits_for_the_customer_is_accepted(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    await ada.save_card("pm_card_authenticationRequired")
    answer = await ada.command("change", {"quantity": 12})
    assert answer.status_code == 202, answer.text
    paying = answer.json()
    assert (paying["result"], paying["subscription"]["quantity"]) == ("paying", 10)
    under_way = paying["subscription"]["change"]
    assert (under_way["id"], under_way["terms"]["quantity"]) == (paying["id"], 12)
    assert under_way["action_url"] == paying["action_url"]
    assert under_way["action_url"] is not None
    assert under_way["expires_at"] == "2026-04-02T00:00:00Z"
    problem(await ada.command("change", {"quantity": 13}), 409, "change_in_progress")
    problem(await ada.command("change/preview", {"quantity": 13}), 409, "change_in_progress")
    await ada.live_until("2026-04-02T00:00:00Z")
    abandoned = await shop.read(f"{ada.path}/changes/{paying['id']}")
    assert (abandoned["result"], abandoned["action_url"]) == ("abandoned", None)
    assert (await ada.read())["quantity"] == 10
    assert await ada.books_balance()


async def test_a_payment_that_outlasts_the_callers_patience_is_looked_at_later(
    shop: Shop, simulator: StripeSimulator
) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    slow = Fault(kind="slow", method="POST", path="/v1/payment_intents", seconds=6)
    await simulator.control.inject(slow)
    shop.out_of_patience(seconds=2)
    answer = await ada.command("change", {"quantity": 12}, key="two-more")
    while answer.status_code == 503:  # so slow a machine that nothing is recorded yet
        answer = await ada.command("change", {"quantity": 12}, key="two-more")
    assert answer.status_code == 202, answer.text
    paying = answer.json()
    assert (paying["result"], paying["action_url"]) == ("paying", None)
    problem(await ada.command("change/preview", {"quantity": 13}), 409, "change_in_progress")
    await shop.until(f"{ada.path}/changes/{paying['id']}", "result", "applied")
    assert (await ada.read())["quantity"] == 12
    assert await ada.charged() == ["USD 160.00", "USD 32.00"]


async def test_a_change_that_nobody_takes_is_temporarily_unavailable(idle_shop: Shop) -> None:
    ada = await stored_subscriber(idle_shop, "team_monthly", seats=10)
    idle_shop.out_of_patience()
    problem(await ada.command("change", {"quantity": 12}), 503, "temporarily_unavailable")
    assert (await ada.read())["quantity"] == 10


async def test_a_subscription_on_trial_changes_at_once_and_for_free(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=5, at=APRIL, trial=True)
    trial = (await ada.read())["trial"]
    preview = await ada.preview(price="business_monthly", quantity=3)
    assert (preview["amount_due"]["amount_minor"], preview["lines"]) == (0, [])
    assert preview["next_renewal"]["at"] == trial["end"]
    assert preview["next_renewal"]["amount"]["text"] == "USD 72.00"
    changed = (await ada.change(quote=preview["quote"]))["subscription"]
    assert (changed["status"], changed["price"], changed["trial"]) == (
        "trialing",
        "business_monthly",
        trial,
    )
    await ada.live_until(trial["end"])
    assert await ada.charged() == ["USD 72.00"]
