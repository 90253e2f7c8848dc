"""The books of a played year: the ledger against documents, and against the money at Stripe.

Owns the comparisons. What an account must come to is added up from what the API lists, and from
nothing that was posted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from billing.ledger import Account
from cli.demo.answers import Amount, Invoice, LedgerReport
from cli.demo.finding import Finding
from cli.demo.played import Played, Sums, in_words, summed
from cli.demo.till import Till

_SUBJECTS: Final = {
    Account.RECEIVABLE: "Receivables are what is open",
    Account.CASH: "Cash is what Stripe holds",
    Account.BANK: "In the bank is what came outside Stripe",
    Account.DEFERRED_REVENUE: "Revenue is what was invoiced without tax, less credit notes",
    Account.TAX_PAYABLE: "Tax is what was invoiced of it, less credit notes",
    Account.CUSTOMER_BALANCE: "The customers' balance is what they have",
    Account.REFUNDS_PAYABLE: "Refunds payable are on their way",
    Account.DISPUTES: "Disputed is what banks have not decided",
    Account.BAD_DEBT: "Nothing is a bad debt",
    Account.WRITE_OFFS: "Nothing was written off",
    Account.DISPUTE_LOSSES: "Lost is what banks have taken back",
}


def books_findings(year: Sequence[Played], ledger: LedgerReport, till: Till) -> tuple[Finding, ...]:
    """Every comparison of the books."""
    documents = _documents(year) | {Account.CASH: till.held}
    booked = _booked(ledger)
    return (
        _balance_finding(ledger),
        *(_account_finding(account, booked[account], documents[account]) for account in Account),
        _lines_finding(year),
        _payments_finding(year, till),
    )


def _balance_finding(ledger: LedgerReport) -> Finding:
    debits, credits_ = Counter[str](), Counter[str]()
    for account in ledger.trial_balance:
        debits[account.currency] += account.debits_minor
        credits_[account.currency] += account.credits_minor
    return Finding(
        subject="The ledger balances",
        is_well=ledger.balanced and bool(debits) and debits == credits_,
        detail=f"debits {in_words(debits)}; credits {in_words(credits_)}",
    )


def _account_finding(account: Account, booked: Sums, expected: Sums) -> Finding:
    is_well = booked == expected
    detail = in_words(booked)
    return Finding(
        subject=_SUBJECTS[account],
        is_well=is_well,
        detail=detail if is_well else f"booked {detail}, should be {in_words(expected)}",
    )


def _booked(ledger: LedgerReport) -> dict[Account, Sums]:
    """What each account comes to, as debits less credits."""
    booked: dict[Account, Counter[str]] = {account: Counter() for account in Account}
    for row in ledger.trial_balance:
        booked[Account(row.account)][row.currency] += row.debits_minor - row.credits_minor
    return {
        account: {currency: minor for currency, minor in sums.items() if minor}
        for account, sums in booked.items()
    }


def _documents(year: Sequence[Played]) -> dict[Account, Sums]:
    """What each account but cash must come to: what we owe is below zero."""
    invoices = [invoice for played in year for invoice in played.invoices]
    notes = [note for played in year for note in played.credit_notes]
    refunds = [note.refund for note in notes if note.refund is not None]
    disputes = [dispute for played in year for dispute in played.disputes]
    kept = [invoice for invoice in invoices if invoice.status != "void"]
    charged, returned = list(_taxes(kept)), [note.tax for note in notes]
    return {
        Account.RECEIVABLE: summed(each.amount_due for each in invoices if each.status == "open"),
        Account.DEFERRED_REVENUE: _less(
            [*(note.total for note in notes), *charged],
            [*(invoice.total for invoice in kept), *returned],
        ),
        Account.TAX_PAYABLE: _less(returned, charged),
        Account.CUSTOMER_BALANCE: _less((), (each for played in year for each in played.balances)),
        Account.REFUNDS_PAYABLE: _less((), (r.amount for r in refunds if r.state == "pending")),
        Account.DISPUTES: summed(each.amount for each in disputes if each.state == "open"),
        Account.BAD_DEBT: {},
        Account.BANK: summed(
            payment.amount for invoice in invoices for payment in invoice.received_payments
        ),
        Account.WRITE_OFFS: {},
        Account.DISPUTE_LOSSES: summed(each.amount for each in disputes if each.state == "lost"),
    }


def _less(amounts: Iterable[Amount], taken_off: Iterable[Amount]) -> Sums:
    negated = (
        Amount(amount_minor=-each.amount_minor, currency=each.currency) for each in taken_off
    )
    return summed([*amounts, *negated])


def _taxes(invoices: Iterable[Invoice]) -> Iterator[Amount]:
    for invoice in invoices:
        yield from (line.tax.amount for line in invoice.lines if line.tax is not None)


def _sum_of_lines(invoice: Invoice) -> Sums:
    """Less discounts, and with the tax that comes on top."""
    added = [line.amount for line in invoice.lines]
    added += [
        line.tax.amount for line in invoice.lines if line.tax is not None and not line.tax.inclusive
    ]
    return _less(added, (taken.amount for line in invoice.lines for taken in line.discounts))


def _lines_finding(year: Sequence[Played]) -> Finding:
    invoices = [invoice for played in year for invoice in played.invoices]
    wrong = [
        invoice.number for invoice in invoices if _sum_of_lines(invoice) != summed([invoice.total])
    ]
    return Finding(
        subject="Every invoice is the sum of its lines",
        is_well=not wrong,
        detail=", ".join(wrong) or f"{sum(len(each.lines) for each in invoices)} lines",
    )


def _payments_finding(year: Sequence[Played], till: Till) -> Finding:
    paid = Counter(
        (attempt.payment or "", attempt.amount.amount_minor)
        for played in year
        for invoice in played.invoices
        for attempt in invoice.attempts
        if attempt.outcome == "paid"
    )
    return Finding(
        subject="Every payment is one charge",
        is_well=paid == till.payments,
        detail=f"{paid.total()} payments, {till.payments.total()} charges",
    )
