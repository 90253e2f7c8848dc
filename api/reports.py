"""Reports: what the books say.

Owns showing the ledger against the documents (policy P30). Does not own either.
"""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from adapters.db.engine import snapshot
from adapters.db.queries import books
from api.dependencies import Deps
from api.fields import CustomerId
from api.route import ApiRoute
from billing.ledger import Account

router = APIRouter(prefix="/v1/reports", tags=["reports"], route_class=ApiRoute)


class AccountView(BaseModel):
    """Sums of one account in one currency."""

    account: Account
    currency: str
    debits_minor: int
    credits_minor: int
    balance_minor: int = Field(description="Debits less credits")


class ComparisonView(BaseModel):
    """What the ledger says against what the invoices say."""

    currency: str
    ledger_minor: int
    invoices_minor: int
    agrees: bool

    @classmethod
    def of(cls, comparison: books.Comparison) -> Self:
        """The comparison and its result."""
        return cls(
            currency=comparison.currency,
            ledger_minor=comparison.ledger_minor,
            invoices_minor=comparison.documents_minor,
            agrees=comparison.agrees,
        )


class LedgerReport(BaseModel):
    """The books at one moment."""

    balanced: bool = Field(description="Debits equal credits, and ledger and invoices agree")
    trial_balance: list[AccountView]
    receivables: list[ComparisonView]
    cash: list[ComparisonView]


@router.get("/ledger", operation_id="read_ledger_report", summary="Read the ledger's balances")
async def read_ledger_report(
    deps: Deps,
    customer: Annotated[
        list[CustomerId] | None, Query(max_length=100, description="These customers alone")
    ] = None,
) -> LedgerReport:
    """The trial balance, and receivables and cash against the invoices."""
    async with snapshot(deps.engine) as connection:
        found = await books.read(connection, customer_ids=customer)
    return LedgerReport(
        balanced=found.balance,
        trial_balance=[
            AccountView(
                account=account.account,
                currency=account.currency,
                debits_minor=account.debits_minor,
                credits_minor=account.credits_minor,
                balance_minor=account.balance_minor,
            )
            for account in found.trial_balance
        ],
        receivables=[ComparisonView.of(comparison) for comparison in found.receivables],
        cash=[ComparisonView.of(comparison) for comparison in found.cash],
    )
