"""`perennial purchases`: what operators see of what was bought once, and do about it."""

from tests.cli.terminal import Terminal
from tests.histories.settling import BROKE, settled
from tests.workflows.company import Company

_WHY = ("--reason", "they moved away")


async def test_an_unpaid_one_is_found_read_and_written_off(
    company: Company, terminal: Terminal
) -> None:
    customer = await company.customer(card=BROKE)
    purchase = await company.buy(customer)
    await settled(purchase)
    listed = await terminal.perennial("purchases", "list", "--status", "past_due")
    row = next(line for line in listed.out.splitlines() if purchase.id in line)
    assert "Onboarding: USD 500.00 once" in row
    assert purchase.id not in (await terminal.subscriptions("list")).out
    found = await terminal.perennial("purchases", "list", "--customer", customer, "--json")
    [shown] = found.json
    assert (shown["id"], shown["status"]) == (purchase.id, "past_due")

    page = (await terminal.perennial("purchases", "show", purchase.id)).out
    for said in ("# Onboarding", "Not paid:", "generic_decline", "perennial purchases write-off"):
        assert said.removeprefix("# ") in page
    refused = await terminal.perennial("purchases", "pay", purchase.id, *_WHY)
    assert (refused.code, "payment_declined" in refused.err) == (1, True)
    [invoice] = await company.invoices()
    done = await terminal.perennial("purchases", "write-off", purchase.id, invoice["id"], *_WHY)
    assert done.code == 0, done.err
    await purchase.handle.result()
    over = (await terminal.perennial("purchases", "show", purchase.id, "--json")).json
    assert (over["status"], over["open_invoices"]) == ("completed", [])
    timeline = (await terminal.perennial("purchases", "timeline", purchase.id)).out
    assert "purchase.completed" in timeline
    late = await terminal.perennial("purchases", "cancel", purchase.id, *_WHY)
    assert "the purchase is completed (purchase_ended)" in late.err
    missing = await terminal.perennial("purchases", "show", "pur_none")
    assert "purchase_not_found" in missing.err


async def test_one_that_is_not_wanted_is_called_off(company: Company, terminal: Terminal) -> None:
    purchase = await company.buy(await company.customer(card=BROKE))
    await settled(purchase)
    done = await terminal.perennial("purchases", "cancel", purchase.id, *_WHY)
    assert f"{purchase.id} is canceled" in done.out, done.err
    await purchase.handle.result()
    assert [invoice["status"] for invoice in await company.invoices()] == ["void"]
