"""The ledger against the documents: what must be equal at any moment (policy P30).

Owns the three comparisons that say whether the books balance. Read them in one
`adapters.db.engine.snapshot`, or a payment between two statements looks like a difference.
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

_DOCUMENTS: Final = text("""
    SELECT currency,
        sum(total_minor - paid_minor) FILTER (WHERE status = 'open') AS unpaid,
        sum(paid_minor) AS paid
    FROM invoices
    WHERE CAST(:customers AS text[]) IS NULL OR customer_id = ANY (:customers)
    GROUP BY currency ORDER BY currency
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
    """What the ledger says against what the invoices say, in one currency."""

    currency: str
    ledger_minor: int
    invoices_minor: int

    @property
    def agrees(self) -> bool:
        """Whether there is no difference."""
        return self.ledger_minor == self.invoices_minor


class Books(Value):
    """The ledger's accounts and what they must be equal to."""

    trial_balance: tuple[AccountBalance, ...]
    receivables: tuple[Comparison, ...]
    """The receivable account against what is unpaid on open invoices."""
    cash: tuple[Comparison, ...]
    """The cash account against what was paid on invoices."""

    @property
    def balance(self) -> bool:
        """Debits equal credits in every currency, and ledger and invoices agree."""
        totals: dict[str, int] = {}
        for account in self.trial_balance:
            totals[account.currency] = totals.get(account.currency, 0) + account.balance_minor
        agreed = all(comparison.agrees for comparison in (*self.receivables, *self.cash))
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
    documents = (await connection.execute(_DOCUMENTS, customers)).all()
    return Books(
        trial_balance=trial_balance,
        receivables=_compare(
            trial_balance,
            Account.RECEIVABLE,
            {row.currency: int(row.unpaid or 0) for row in documents},
        ),
        cash=_compare(
            trial_balance, Account.CASH, {row.currency: int(row.paid) for row in documents}
        ),
    )


def _compare(
    trial_balance: tuple[AccountBalance, ...], account: Account, invoices: dict[str, int]
) -> tuple[Comparison, ...]:
    ledger = {row.currency: row.balance_minor for row in trial_balance if row.account is account}
    return tuple(
        Comparison(
            currency=currency,
            ledger_minor=ledger.get(currency, 0),
            invoices_minor=invoices.get(currency, 0),
        )
        for currency in sorted(ledger.keys() | invoices.keys())
    )
