"""The ledger against the documents: what must be equal at any moment (policy P30).

Owns the comparisons that say whether the books balance: debits with credits, and each account with
the documents that it follows from. Read them in one `adapters.db.engine.snapshot`, or a payment
between two statements looks like a difference.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.ledger import Account
from billing.value import Value

_TRIAL_BALANCE: Final = text("""
    SELECT currency, account,
        sum(amount_minor) FILTER (WHERE amount_minor > 0) AS debits,
        -sum(amount_minor) FILTER (WHERE amount_minor < 0) AS credits
    FROM postings JOIN journal_entries ON id = entry_id
    WHERE CAST(:customers AS text[]) IS NULL OR customer_id = ANY (:customers)
    GROUP BY currency, account ORDER BY currency, account
""")

# What each account must come to, as debits less credits. Nothing here reads the ledger.
_DOCUMENTS: Final = text("""
    SELECT account, currency, sum(minor) AS minor
    FROM (
        SELECT 'receivable' AS account, customer_id, currency,
            total_minor - balance_minor - paid_minor AS minor
        FROM invoices WHERE status = 'open'
        UNION ALL
        SELECT 'bad_debt', customer_id, currency, total_minor - balance_minor - paid_minor
        FROM invoices WHERE status = 'uncollectible'
        UNION ALL
        SELECT 'deferred_revenue', customer_id, currency, tax_minor - total_minor
        FROM invoices WHERE status <> 'void'
        UNION ALL
        SELECT 'deferred_revenue', customer_id, currency,
            to_balance_minor + to_card_minor - tax_minor
        FROM credit_notes
        UNION ALL
        SELECT account, customer_id, write_off #>> '{amount,currency}',
            sign * (write_off #>> '{amount,amount_minor}')::bigint
        FROM subscriptions,
            jsonb_array_elements(state -> 'written_off') AS write_off,
            (VALUES ('write_offs', 1), ('deferred_revenue', -1)) AS side (account, sign)
        UNION ALL
        SELECT 'tax_payable', customer_id, currency, -tax_minor
        FROM invoices WHERE status <> 'void' AND tax_minor <> 0
        UNION ALL
        SELECT 'tax_payable', customer_id, currency, tax_minor
        FROM credit_notes WHERE tax_minor <> 0
        UNION ALL
        SELECT 'cash', customer_id, currency, paid_minor FROM invoices
        UNION ALL
        SELECT account, customer_id, currency, minor
        FROM received_payments, LATERAL (
            VALUES ('cash', -applied_minor), ('bank', amount_minor)
        ) AS side (account, minor)
        UNION ALL
        SELECT 'cash', customer_id, currency, -amount_minor FROM refunds WHERE state = 'succeeded'
        UNION ALL
        SELECT 'cash', customer_id, currency, -amount_minor
        FROM disputes WHERE state IN ('open', 'lost')
        UNION ALL
        SELECT 'customer_balance', customer_id, currency, -balance_minor FROM customer_balances
        UNION ALL
        SELECT 'refunds_payable', customer_id, currency, -amount_minor
        FROM refunds WHERE state = 'pending'
        UNION ALL
        SELECT 'disputes', customer_id, currency, amount_minor FROM disputes WHERE state = 'open'
        UNION ALL
        SELECT 'dispute_losses', customer_id, currency, amount_minor
        FROM disputes WHERE state = 'lost'
    ) AS documents
    WHERE CAST(:customers AS text[]) IS NULL OR customer_id = ANY (:customers)
    GROUP BY account, currency
""")


class AccountBalance(Value):
    """Sums of one account in one currency; a balance above zero is on the debit side."""

    currency: str
    account: Account
    debits_minor: int
    credits_minor: int

    @property
    def balance_minor(self) -> int:
        """Debits less credits."""
        return self.debits_minor - self.credits_minor


class Comparison(Value):
    """What an account comes to against what the documents say, in one currency.

    Both are debits less credits: what we owe is below zero.
    """

    account: Account
    currency: str
    ledger_minor: int
    documents_minor: int

    @property
    def agrees(self) -> bool:
        """Whether there is no difference."""
        return self.ledger_minor == self.documents_minor


class Books(Value):
    """The ledger's accounts and what they must be equal to."""

    trial_balance: tuple[AccountBalance, ...]
    comparisons: tuple[Comparison, ...]
    """Every account in every currency that it or its documents have, in the accounts' order."""

    def comparisons_of(self, account: Account) -> tuple[Comparison, ...]:
        """One account, by currency."""
        return tuple(found for found in self.comparisons if found.account is account)

    @property
    def receivables(self) -> tuple[Comparison, ...]:
        """Against what is unpaid on open invoices."""
        return self.comparisons_of(Account.RECEIVABLE)

    @property
    def cash(self) -> tuple[Comparison, ...]:
        """Against what cards paid, less what was refunded and what banks have withdrawn."""
        return self.comparisons_of(Account.CASH)

    @property
    def balance(self) -> bool:
        """Debits equal credits in every currency, and ledger and documents agree."""
        totals: dict[str, int] = {}
        for account in self.trial_balance:
            totals[account.currency] = totals.get(account.currency, 0) + account.balance_minor
        agreed = all(comparison.agrees for comparison in self.comparisons)
        return agreed and not any(totals.values())


async def read(
    connection: AsyncConnection, *, customer_ids: Collection[str] | None = None
) -> Books:
    """The books of everybody, or of some customers."""
    customers = {"customers": None if customer_ids is None else list(customer_ids)}
    trial_balance = tuple(
        AccountBalance(
            currency=row.currency,
            account=Account(row.account),
            debits_minor=int(row.debits or 0),
            credits_minor=int(row.credits or 0),
        )
        for row in await connection.execute(_TRIAL_BALANCE, customers)
    )
    documents = {
        (Account(row.account), row.currency): int(row.minor)
        for row in await connection.execute(_DOCUMENTS, customers)
    }
    return Books(trial_balance=trial_balance, comparisons=_compare(trial_balance, documents))


def _compare(
    trial_balance: tuple[AccountBalance, ...], documents: dict[tuple[Account, str], int]
) -> tuple[Comparison, ...]:
    ledger = {(row.account, row.currency): row.balance_minor for row in trial_balance}
    order = list(Account)
    return tuple(
        Comparison(
            account=account,
            currency=currency,
            ledger_minor=ledger.get((account, currency), 0),
            documents_minor=documents.get((account, currency), 0),
        )
        for account, currency in sorted(
            ledger.keys() | documents.keys(), key=lambda key: (order.index(key[0]), key[1])
        )
    )
