"""What is previewed is what is invoiced and printed, with a pending change and a balance."""

from hashlib import sha256

from tests.api.shop import problem
from tests.scenarios.company import Company, Customer, Json

APRIL = "2026-04-01T00:00:00Z"
MAY = "2026-05-01T00:00:00Z"
FORESEEN = ("lines", "period", "due_at", "total", "from_balance", "amount_due")


async def _upcoming(customer: Customer, plan: str) -> Json:
    return await customer.company.shop.read(f"/v1/subscriptions/{plan}/upcoming_invoice")


async def test_the_invoice_of_the_boundary_is_the_one_that_was_foreseen(company: Company) -> None:
    ada = await company.customer(APRIL, card="pm_card_visa")
    shop = company.shop
    order = await shop.client.put(
        f"/v1/customers/{ada.id}/invoice_settings", json={"purchase_order": "PO-42"}
    )
    assert order.is_success, order.text
    plan = await ada.subscribe("team_monthly", seats=10, trial=False)
    [first] = await ada.invoices()
    assert (await _upcoming(ada, plan))["total"]["amount_minor"] == 16_000
    await ada.change(plan, quantity=4)
    foreseen = await _upcoming(ada, plan)
    assert foreseen["total"]["amount_minor"] == 6_400

    await ada.live_until(MAY)
    [_, second] = await ada.invoices()
    made = second | {"amount_due": second["attempts"][0]["amount"]}
    assert {name: made[name] for name in FORESEEN} == {name: foreseen[name] for name in FORESEEN}
    assert (second["purchase_order"], second["memo"]) == ("PO-42", None)

    answers = [await shop.client.get(f"/v1/invoices/{first['id']}/pdf") for _ in range(2)]
    assert {answer.headers["content-type"] for answer in answers} == {"application/pdf"}
    assert answers[0].content == answers[1].content
    assert answers[0].headers["etag"] == f'"{sha256(answers[0].content).hexdigest()}"'
    assert first["number"] in answers[0].headers["content-disposition"]

    await ada.cancel(plan)
    none = await shop.client.get(f"/v1/subscriptions/{plan}/upcoming_invoice")
    problem(none, 404, "no_upcoming_invoice")
    assert await company.books_balance()
