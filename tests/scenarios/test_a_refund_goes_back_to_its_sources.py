"""$160.00 paid as $40.00 balance and $120.00 card, refunded: to the same sources (policy P31)."""

from tests.api.shop import problem
from tests.scenarios.company import Company, Customer, Json
from tests.scenarios.webhooks import arrive


async def paid_by_balance_and_card(company: Company, *, card: str) -> tuple[Customer, Json]:
    """Ten seats of Team since April; May was paid as $40.00 balance and $120.00 card."""
    ida = await company.customer("2026-04-01T00:00:00Z", card="pm_card_visa")
    await ida.subscribe("team_monthly", seats=10, trial=False)
    [april] = await ida.invoices()
    await give_back(company, april, amount_minor=4000, to="balance")
    await ida.save_card(card)
    await ida.live_until("2026-05-01T00:00:00Z")
    _, may = await ida.invoices()
    assert (may["total"]["text"], may["amount_paid"]["text"]) == ("USD 160.00", "USD 120.00")
    assert await balance(company, ida) == ["USD 0.00"]
    return ida, may


async def give_back(company: Company, invoice: Json, **asked: object) -> Json:
    """The credit note."""
    path = f"/v1/invoices/{invoice['id']}/refund"
    return await company.shop.made(path, {"reason": "asked for", **asked})


async def balance(company: Company, customer: Customer) -> list[str]:
    """What the customer has in their favour."""
    shown = await company.shop.read(f"/v1/customers/{customer.id}/balance")
    return [amount["text"] for amount in shown["balances"]]


async def refunded(company: Company) -> int:
    """What Stripe paid back, in minor units."""
    return (await company.stripe.totals())["usd"].refunded_minor


async def test_what_balance_and_card_paid_goes_back_to_balance_and_card(company: Company) -> None:
    ida, may = await paid_by_balance_and_card(company, card="pm_card_mastercard")

    note = await give_back(company, may)

    assert (note["to_card"]["text"], note["to_balance"]["text"]) == ("USD 120.00", "USD 40.00")
    await company.shop.until(f"/v1/refunds/{note['refund']['id']}", "state", "succeeded")
    assert await refunded(company) == 12000
    assert await balance(company, ida) == ["USD 40.00"]
    assert await company.books_balance()

    await ida.live_until("2026-06-01T00:00:00Z")
    june = (await ida.invoices())[-1]
    assert june["amount_paid"]["text"] == "USD 120.00"
    assert await balance(company, ida) == ["USD 0.00"]
    assert await company.books_balance()


async def test_what_the_bank_returns_is_the_customers_and_an_operators(company: Company) -> None:
    ida, may = await paid_by_balance_and_card(company, card="pm_card_refundFail")
    note = await give_back(company, may)
    path = f"/v1/refunds/{note['refund']['id']}"
    await company.shop.until(path, "state", "succeeded")

    gateway_refund = (await company.shop.read(path))["gateway_refund"]
    await company.stripe.settle_refund(gateway_refund, failure="expired_or_canceled_card")
    await arrive(company)
    await arrive(company, backwards=True)

    refund = await company.shop.read(path)
    assert (refund["state"], refund["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert await balance(company, ida) == ["USD 160.00"]
    assert await refunded(company) == 0
    assert await company.books_balance()


async def test_more_than_was_paid_never_goes_back(company: Company) -> None:
    _, may = await paid_by_balance_and_card(company, card="pm_card_mastercard")
    await give_back(company, may, amount_minor=15000)
    path = f"/v1/invoices/{may['id']}/refund"
    too_much = await company.shop.post(path, {"amount_minor": 1001, "reason": "asked for"})
    problem(too_much, 422, "amount_too_large")
    await give_back(company, may, amount_minor=1000)
    nothing = await company.shop.post(path, {"reason": "asked for"})
    problem(nothing, 409, "nothing_to_refund")
