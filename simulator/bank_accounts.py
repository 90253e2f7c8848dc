"""Stripe's documented test bank accounts, as data.

Owns one table: number, names, and how a debit from the account ends. Debits are slow: they stay
`processing` until they settle or fail. Sources: https://docs.stripe.com/payments/sepa-debit and
https://docs.stripe.com/payments/ach-direct-debit, both under "Test your integration".
"""

from dataclasses import dataclass
from typing import Literal

BankAccountType = Literal["sepa_debit", "us_bank_account"]

CURRENCY_OF_TYPE: dict[BankAccountType, str] = {"sepa_debit": "eur", "us_bank_account": "usd"}


@dataclass(frozen=True, slots=True)
class KnownBankAccount:
    """A test bank account. `failure` names how a debit fails; `settles` False leaves it pending."""

    type: BankAccountType
    number: str
    name: str | None = None
    failure: str | None = None
    settles: bool = True


KNOWN_BANK_ACCOUNTS: tuple[KnownBankAccount, ...] = (
    KnownBankAccount("sepa_debit", "DE89370400440532013000"),
    KnownBankAccount("sepa_debit", "DE08370400440532013003"),
    KnownBankAccount("sepa_debit", "DE62370400440532013001", failure="generic_could_not_process"),
    KnownBankAccount("sepa_debit", "DE78370400440532013004", failure="generic_could_not_process"),
    KnownBankAccount("sepa_debit", "AT611904300234573201"),
    KnownBankAccount("sepa_debit", "AT861904300235473202", failure="generic_could_not_process"),
    KnownBankAccount("us_bank_account", "000123456789", "success"),
    KnownBankAccount("us_bank_account", "000111111113", "accountClosed", failure="account_closed"),
    KnownBankAccount("us_bank_account", "000111111116", "noAccount", failure="no_account"),
    KnownBankAccount(
        "us_bank_account", "000222222227", "insufficientFunds", failure="insufficient_funds"
    ),
    KnownBankAccount(
        "us_bank_account", "000333333335", "debitNotAuthorized", failure="debit_not_authorized"
    ),
    KnownBankAccount("us_bank_account", "000000000009", "processing", settles=False),
)

BANK_ACCOUNTS_BY_NUMBER = {account.number: account for account in KNOWN_BANK_ACCOUNTS}
BANK_ACCOUNTS_BY_NAME = {
    account.name: account for account in KNOWN_BANK_ACCOUNTS if account.name is not None
}
