"""`perennial invoices`: what came outside Stripe, recorded as operators type it."""

import pytest

from billing.subscription import CommandName
from tests.cli.terminal import Terminal
from tests.cli.test_subscriptions import WHY, audited, past_due
from tests.workflows.company import Company

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


async def test_what_cannot_be_recorded_is_said_in_a_sentence(
    terminal: Terminal, subtests: pytest.Subtests
) -> None:
    for words, said in (
        (("--amount", "1.00"), "no invoice in_none (invoice_not_found)"),
        (("--amount", "1.005"), "(amount_malformed)"),
        (("--amount", "much"), "(amount_malformed)"),
        (("--amount", "1", "--currency", "GOLD"), "(unknown_currency)"),
        (("--amount", "1", "--reference", ""), "(invalid_request)"),
    ):
        with subtests.test(said):
            record = ("invoices", "record-payment", "in_none", *FACTS, *words, *WHY)
            assert said in (await terminal.perennial(*record)).err
