"""The demo's verdict: a year that is wrong anywhere is not called well."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from cli.demo.audit import examine
from tests.cli.demo.year import Json, Year, client_of, played, right_year

STORY = "Zoe's story"
BALANCES = "The ledger balances"
RECEIVABLES = "Receivables are what is open"
CASH = "Cash is what Stripe holds"
REVENUE = "Revenue is what was invoiced without tax, less credit notes"
TAX = "Tax is what was invoiced of it, less credit notes"
BALANCE = "The customers' balance is what they have"
PAYABLE = "Refunds payable are on their way"
DISPUTED = "Disputed is what banks have not decided"
LOST = "Lost is what banks have taken back"
BANK = "In the bank is what came outside Stripe"
LINES = "Every invoice is the sum of its lines"
CHARGES = "Every payment is one charge"


@pytest.fixture
def year() -> Year:
    """What our API and Stripe say when all is right."""
    return right_year()


async def wrong(year: Year) -> set[str]:
    """What the audit finds fault with."""
    client = client_of(year)
    findings = await examine([played(year)], api=client, stripe=client)
    return {finding.subject for finding in findings if not finding.is_well}


async def test_a_right_year_is_well(year: Year) -> None:
    assert await wrong(year) == set()


def other_total(invoice: Json) -> None:
    invoice["total"]["amount_minor"] += 1
    invoice["lines"][0]["amount"]["amount_minor"] += 1


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda year: year["invoices"].pop(2), {STORY, REVENUE, CHARGES}),
        (lambda year: year["invoices"].append(deepcopy(year["invoices"][1])), {STORY}),
        (lambda year: year["invoices"][1].update(due_at="2026-04-17T00:00:00Z"), {STORY}),
        (lambda year: other_total(year["invoices"][0]), {STORY, REVENUE}),
        (lambda year: year["invoices"][1].update(status="uncollectible"), {STORY, REVENUE}),
        (lambda year: year["invoices"][2]["from_balance"].update(amount_minor=1), {STORY}),
        (lambda year: year["invoices"][2]["amount_paid"].update(amount_minor=1), {STORY}),
        (lambda year: year["invoices"][0]["attempts"].pop(0), {STORY}),
        (lambda year: year["subscription"].update(status="active"), {STORY}),
        (lambda year: year["subscription"].update(end_reason="requested"), {STORY}),
        (lambda year: year["subscription"].update(quantity=9), {STORY}),
        (lambda year: year["subscription"].update(price="other"), {STORY}),
        (lambda year: year["credit_notes"].pop(1), {STORY, REVENUE}),
        (lambda year: year["credit_notes"][0]["to_card"].update(amount_minor=1), {STORY}),
        (lambda year: year["credit_notes"][1]["refund"].update(state="failed"), {STORY}),
        (lambda year: year["credit_notes"][1]["refund"].update(state="pending"), {STORY, PAYABLE}),
        (lambda year: year["balances"].clear(), {STORY, BALANCE}),
        (lambda year: year["disputes"].clear(), {STORY, LOST}),
        (lambda year: year["disputes"][0].update(state="open"), {STORY, LOST, DISPUTED}),
        (lambda year: year["invoices"][1]["lines"].pop(), {LINES}),
        (lambda year: year["invoices"][3]["received_payments"].clear(), {STORY, BANK}),
        (lambda year: year["charges"].pop(1), {CASH, CHARGES}),
        (lambda year: year["charges"][1].update(amount_refunded=0), {CASH}),
        (lambda year: year["charges"][1].update(payment_intent="pi_9"), {CHARGES}),
        (lambda year: year["charges"][1].update(currency="eur"), {CASH}),
        (lambda year: year["charges"][0].update(status="succeeded"), {CHARGES}),
        (lambda year: year["movements"].append({"amount": 120_00}), {CASH}),
        (lambda year: year["ledger"].update(balanced=False), {BALANCES}),
    ],
)
async def test_what_went_otherwise_is_found(
    year: Year, spoil: Callable[[Year], object], found: set[str]
) -> None:
    spoil(year)
    assert await wrong(year) == found


@pytest.mark.parametrize(
    ("place", "account"),
    list(enumerate([RECEIVABLES, CASH, REVENUE, BALANCE, PAYABLE, DISPUTED, LOST, BANK])),
)
async def test_an_account_that_is_not_what_the_documents_say_is_found(
    year: Year, place: int, account: str
) -> None:
    year["ledger"]["trial_balance"][place]["debits_minor"] += 1
    assert await wrong(year) == {BALANCES, account}


def discounted_and_taxed(year: Year, *, is_inclusive: bool) -> None:
    """The first line is dearer by what a coupon takes off; its tax is in the total or on top."""
    invoice, revenue = year["invoices"][0], year["ledger"]["trial_balance"][2]
    tax = {"inclusive": is_inclusive, "amount": {"amount_minor": 12_00, "currency": "USD"}}
    [line] = invoice["lines"]
    line["amount"]["amount_minor"] += 20_00 if is_inclusive else 8_00
    line["discounts"] = [{"amount": {"amount_minor": 20_00, "currency": "USD"}}]
    line["tax"] = tax
    year["credit_notes"][0]["tax"]["amount_minor"] = 3_00
    revenue["credits_minor"] -= 12_00
    revenue["debits_minor"] -= 3_00
    year["ledger"]["trial_balance"].append(
        {
            "account": "tax_payable",
            "currency": "USD",
            "debits_minor": 3_00,
            "credits_minor": 12_00,
        }
    )


@pytest.mark.parametrize("is_inclusive", [True, False])
async def test_discounts_and_tax_are_a_part_of_right_books(
    year: Year, *, is_inclusive: bool
) -> None:
    discounted_and_taxed(year, is_inclusive=is_inclusive)
    assert await wrong(year) == set()
    year["invoices"][0]["lines"][0]["tax"]["amount"]["amount_minor"] += 1
    assert await wrong(year) == ({REVENUE, TAX} if is_inclusive else {REVENUE, TAX, LINES})


async def test_an_open_invoice_is_a_receivable(year: Year) -> None:
    year["invoices"][1] |= {"status": "open", "amount_due": {"amount_minor": 1, "currency": "USD"}}
    assert await wrong(year) == {STORY, RECEIVABLES, REVENUE}


async def test_an_empty_ledger_does_not_balance(year: Year) -> None:
    year["ledger"]["trial_balance"] = []
    assert {BALANCES, CASH, REVENUE} <= await wrong(year)
