"""`perennial invoices`: what came outside Stripe, recorded as operators type it."""

import pytest

from adapters.db.engine import reading
from adapters.db.queries import audit
from billing.subscription import CommandName
from tests.cli.terminal import Terminal
from tests.cli.test_subscriptions import WHY, audited, past_due
from tests.workflows.company import Company
from workflows.messages import MarkUncollectible

FACTS = ("--currency", "USD", "--received", "2026-02-17", "--reference", "R-1")


async def test_a_transfer_is_recorded_and_the_rest_is_shown(
    company: Company, terminal: Terminal
) -> None:
    subscription, _ = await past_due(company)
    [invoice] = (await subscription.report()).state.open_invoices
    record = ("invoices", "record-payment", invoice.invoice_id, *FACTS, *WHY)

    first = await terminal.perennial(*record, "--amount", "30.00")
    assert f"{subscription.id} is past_due" in first.out
    shown = await terminal.subscriptions("show", subscription.id)
    assert f"perennial invoices record-payment {invoice.invoice_id} --amount" in shown.out
    [left] = (await subscription.report()).state.open_invoices
    assert (left.amount.amount_minor, left.attempts_made) == (5000, invoice.attempts_made)

    again = await terminal.perennial(*record, "--amount", "31.00")
    assert "(reference_reused)" in again.err
    second = await terminal.perennial(*record, "--reference", "R-2", "--amount", "50")
    assert f"{subscription.id} is active" in second.out
    commands = await audited(company, subscription)
    assert commands == [CommandName.RECORD_PAYMENT, CommandName.RECORD_PAYMENT]


async def test_a_debt_of_what_has_ended_is_paid_after_all_without_its_workflow(
    company: Company, terminal: Terminal
) -> None:
    bought = await company.buy(await company.customer(card="pm_card_chargeCustomerFail"))
    await bought.activated()
    await company.settle()
    [invoice] = (await bought.report()).state.open_invoices
    await bought.give(MarkUncollectible, invoice_id=invoice.invoice_id)
    await bought.handle.result()
    record = ("invoices", "record-payment", invoice.invoice_id, *FACTS, *WHY)

    part = await terminal.perennial(*record, "--amount", "100.00")
    again = await terminal.perennial(*record, "--amount", "100.00")
    assert part.out == again.out
    assert f"USD 100.00 of {invoice.invoice_id} recorded on " in part.out
    assert part.out.endswith(" stay owed\n")
    rest = await terminal.perennial(*record, "--reference", "R-2", "--amount", "10000")
    assert "it is paid, USD " in rest.out
    refused = await terminal.perennial(*record, "--reference", "R-3", "--amount", "1")
    assert "(purchase_ended)" in refused.err
    recorded = [CommandName.MARK_UNCOLLECTIBLE, *[CommandName.RECORD_PAYMENT] * 2]
    async with reading(company.engine) as connection:
        entries = await audit.of_subject(connection, bought.id, limit=50)
    assert [entry.command for entry in reversed(entries)] == recorded


async def test_who_forgives_an_invoice_is_told_what_a_change_gave_back_of_it(
    company: Company, terminal: Terminal
) -> None:
    customer = await company.customer()
    await terminal.perennial("customers", "set-net-terms", customer, "30", *WHY)
    subscription = await company.subscribe(customer)
    await subscription.activated()
    [first] = (await subscription.report()).state.open_invoices
    await subscription.change("business_m")
    [_, second] = (await subscription.report()).state.open_invoices

    waived = await terminal.subscriptions("waive", subscription.id, first.invoice_id, *WHY)
    assert f"{subscription.id} is active" in waived.out
    assert f"USD 80.00 of {first.invoice_id} were given back before" in waived.err
    lost = await terminal.subscriptions("write-off", subscription.id, second.invoice_id, *WHY)
    assert lost.err == ""


async def test_what_cannot_be_recorded_is_said_in_a_sentence(
    terminal: Terminal, subtests: pytest.Subtests
) -> None:
    for words, said in (
        (("--amount", "1.00"), "no invoice in_none (invoice_not_found)"),
        (("--amount", "1.005"), "(amount_malformed)"),
        (("--amount", "1e999999999"), "(amount_malformed)"),
        (("--amount", "much"), "(amount_malformed)"),
        (("--amount", "1", "--currency", "GOLD"), "(unknown_currency)"),
        (("--amount", "1", "--reference", ""), "(invalid_request)"),
    ):
        with subtests.test(said):
            record = ("invoices", "record-payment", "in_none", *FACTS, *words, *WHY)
            assert said in (await terminal.perennial(*record)).err
