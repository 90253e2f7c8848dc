"""Reports: what the books say.

Owns showing the ledger against the documents (policy P30), revenue by month, receivables by age and
tax by rate, as JSON and as CSV. Does not own the figures (`adapters.db.queries`).
"""

from collections.abc import AsyncIterator
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response, StreamingResponse

from adapters.csv_table import MEDIA_TYPE
from adapters.db.engine import reporting, snapshot
from adapters.db.queries import books, receivables, revenue, tax_charged
from adapters.db.queries.receivables import Receivable
from adapters.db.queries.revenue import RevenueOfMonth, check_months
from adapters.db.queries.tax_charged import TaxCharged
from adapters.report_table import receivables_csv, revenue_csv, tax_csv
from api.dependencies import Dependencies, Deps
from api.fields import CustomerId, Timestamp
from api.money_view import MoneyView
from api.present import machine_now
from api.route import ApiRoute
from billing.ledger import Account
from billing.tax import TaxReason

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


class Format(StrEnum):
    """How a report is answered."""

    JSON = "json"
    CSV = "csv"


FormatOf = Annotated[Format, Query(alias="format", description="`csv` for spreadsheets")]
Month = Annotated[
    str,
    StringConstraints(pattern=r"^(19[7-9][0-9]|20[0-9]{2})-(0[1-9]|1[0-2])$"),
]
Customers = Annotated[
    list[CustomerId] | None, Query(max_length=100, description="These customers alone")
]


class MonthOfRevenueView(BaseModel):
    """One month in one currency."""

    month: str = Field(examples=["2026-01"])
    invoiced: MoneyView = Field(description="Less what was credited or voided in the month")
    recognised: MoneyView = Field(description="Earned in the month, day by day")
    deferred: MoneyView = Field(description="At the month's end: invoiced and not earned yet")
    accrued: MoneyView = Field(
        description="At the month's end: had in arrears, earned and not invoiced yet"
    )

    @classmethod
    def of(cls, row: RevenueOfMonth) -> Self:
        """The month."""
        return cls(
            month=f"{row.month:%Y-%m}",
            invoiced=MoneyView.of(row.invoiced),
            recognised=MoneyView.of(row.recognised),
            deferred=MoneyView.of(row.deferred),
            accrued=MoneyView.of(row.accrued),
        )


class RevenueReport(BaseModel):
    """Recognised, deferred and accrued revenue, month by month."""

    months: list[MonthOfRevenueView]


class ReceivableView(BaseModel):
    """What one customer owes in one currency, by days since it was due."""

    customer: str
    name: str | None
    email: str
    not_due: MoneyView
    days_0_to_30: MoneyView
    days_31_to_60: MoneyView
    days_61_to_90: MoneyView
    days_over_90: MoneyView
    total: MoneyView

    @classmethod
    def of(cls, row: Receivable) -> Self:
        """The customer's."""
        return cls(
            customer=row.customer_id,
            name=row.name,
            email=row.email,
            not_due=MoneyView.of(row.not_due),
            days_0_to_30=MoneyView.of(row.days_0_to_30),
            days_31_to_60=MoneyView.of(row.days_31_to_60),
            days_61_to_90=MoneyView.of(row.days_61_to_90),
            days_over_90=MoneyView.of(row.days_over_90),
            total=MoneyView.of(row.total),
        )


class ReceivablesReport(BaseModel):
    """Who owes what since when."""

    as_of: datetime
    data: list[ReceivableView] = Field(description="Who owes most comes first")
    has_more: bool = Field(description="The CSV has all of them")


class TaxChargedView(BaseModel):
    """One rate of one jurisdiction in one currency, for one tax category."""

    jurisdiction: str = Field(examples=["US-NY"])
    name: str = Field(examples=["Sales tax"])
    rate: str = Field(description="Percent, as a decimal", examples=["8.875"])
    reason: TaxReason | None = Field(description="Why nothing was charged")
    category: str | None = Field(
        description="The `tax_category` of what was sold; null where it has none, and of documents"
        " from before lines said it",
        examples=["saas"],
    )
    invoiced: MoneyView = Field(description="Without tax, less what was voided")
    invoiced_tax: MoneyView
    credited: MoneyView = Field(description="Given back by credit notes, without tax")
    credited_tax: MoneyView
    net: MoneyView = Field(description="Invoiced less credited: what the tax is on")
    tax: MoneyView = Field(description="Owed to the authorities for these months")

    @classmethod
    def of(cls, row: TaxCharged) -> Self:
        """The rate."""
        return cls(
            jurisdiction=row.jurisdiction,
            name=row.name,
            rate=f"{row.rate:f}",
            reason=row.reason,
            category=row.category,
            invoiced=MoneyView.of(row.invoiced),
            invoiced_tax=MoneyView.of(row.invoiced_tax),
            credited=MoneyView.of(row.credited),
            credited_tax=MoneyView.of(row.credited_tax),
            net=MoneyView.of(row.net),
            tax=MoneyView.of(row.tax),
        )


class TaxReport(BaseModel):
    """What was charged for the authorities, by rate and tax category."""

    data: list[TaxChargedView]


_MOST_ROWS: Final = 1_000
_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get(
    "/revenue",
    operation_id="read_revenue_report",
    summary="Read recognised, deferred and accrued revenue",
    response_model=RevenueReport,
    responses=_CSV,
)
async def read_revenue_report(
    deps: Deps,
    first: Annotated[Month, Query(alias="from", examples=["2026-01"])],
    last: Annotated[Month, Query(alias="to", examples=["2026-12"])],
    customer: Customers = None,
    format_: FormatOf = Format.JSON,
) -> RevenueReport | Response:
    """Each line of an invoice is earned day by day over its own period (UTC days).

    The parts of a line always sum to it. What is billed in arrears is earned in the month in which
    it was had, and accrued until it is invoiced; of the running period as far as the month's end,
    if it goes on until then. Credit notes take back over the
    period that they give back; a void invoice earns nothing, and what it had earned is taken back
    on its last day.
    """
    begins, ends = _first_day(first), _first_day(last)
    check_months(begins, ends)
    async with reporting(deps.engine) as connection:
        months = await revenue.by_month(connection, first=begins, last=ends, customer_ids=customer)
    if format_ is Format.CSV:
        return Response("".join(revenue_csv(months)), media_type=MEDIA_TYPE)
    return RevenueReport(months=[MonthOfRevenueView.of(month) for month in months])


@router.get(
    "/tax",
    operation_id="read_tax_report",
    summary="Read what was charged of each tax",
    response_model=TaxReport,
    responses=_CSV,
)
async def read_tax_report(
    deps: Deps,
    first: Annotated[Month, Query(alias="from", examples=["2026-01"])],
    last: Annotated[Month, Query(alias="to", examples=["2026-03"])],
    customer: Customers = None,
    format_: FormatOf = Format.JSON,
) -> TaxReport | Response:
    """The tax of the invoices that were finalised in these months (UTC), less what went back.

    A void invoice is taken back when it is voided, a credit note when it is issued. In all it is
    what the ledger's account `tax_payable` moved by. Reverse charge and exemption stand there with
    what they were on. What was not taxed at all is in no row.
    """
    begins, ends = _first_day(first), _first_day(last)
    check_months(begins, ends)
    async with reporting(deps.engine) as connection:
        rows = await tax_charged.by_rate(connection, first=begins, last=ends, customer_ids=customer)
    if format_ is Format.CSV:
        return Response("".join(tax_csv(rows)), media_type=MEDIA_TYPE)
    return TaxReport(data=[TaxChargedView.of(row) for row in rows])


@router.get(
    "/receivables",
    operation_id="read_receivables_report",
    summary="Read who owes what since when",
    response_model=ReceivablesReport,
    responses=_CSV,
)
async def read_receivables_report(
    deps: Deps,
    as_of: Annotated[
        Timestamp | None, Query(description="null: now", examples=["2026-01-31T00:00:00Z"])
    ] = None,
    customer: Customers = None,
    format_: FormatOf = Format.JSON,
) -> ReceivablesReport | Response:
    """What was open at that moment, by days since it was due."""
    at = as_of or machine_now()
    if format_ is Format.CSV:
        return StreamingResponse(_receivables(deps, at, customer), media_type=MEDIA_TYPE)
    async with reporting(deps.engine) as connection:
        found = receivables.by_customer(
            connection, as_of=at, customer_ids=customer, limit=_MOST_ROWS + 1
        )
        rows = [ReceivableView.of(row) async for row in found]
    return ReceivablesReport(as_of=at, data=rows[:_MOST_ROWS], has_more=len(rows) > _MOST_ROWS)


async def _receivables(
    deps: Dependencies, at: datetime, customer: list[str] | None
) -> AsyncIterator[str]:
    """Row by row, on a connection of its own."""
    async with reporting(deps.engine) as connection:
        found = receivables.by_customer(connection, as_of=at, customer_ids=customer)
        async for line in receivables_csv(found):
            yield line


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
