"""Balance transactions: what each movement of money does to the account's balance.

Owns the object. Processing fees are zero, because what they are is a matter of each account's
contract; the fee of a dispute is documented. Does not own the movements (`charges`, `refunds`,
`disputes`). Source: https://docs.stripe.com/reports/balance-transaction-types
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from simulator.document import JsonObject
from simulator.lists import ListParameters, Page, page_of
from simulator.operation import Operation
from simulator.parameters import Currency, Parameters, Text
from simulator.resource import Fields, Resource, new_id

TransactionType = Literal["adjustment", "charge", "payment", "refund", "refund_failure"]
ReportingCategory = Literal["charge", "dispute", "dispute_reversal", "refund", "refund_failure"]


class FeeDetail(Fields):
    """One fee, in minor units."""

    amount: int
    application: None = None
    currency: str
    description: str
    type: Literal["stripe_fee"] = "stripe_fee"


class BalanceTransaction(Resource):
    """A balance transaction, with exactly the fields that Stripe returns."""

    KIND: ClassVar[str] = "balance_transaction"
    NOUN: ClassVar[str] = "balance transaction"
    PREFIX: ClassVar[str] = "txn"

    object: Literal["balance_transaction"] = "balance_transaction"
    amount: int
    available_on: int
    balance_type: Literal["payments"] = "payments"
    currency: str
    description: str | None
    exchange_rate: None = None
    fee: int
    fee_details: tuple[FeeDetail, ...]
    net: int
    reporting_category: ReportingCategory
    source: str
    status: Literal["available"] = "available"
    type: TransactionType

    def public(self) -> JsonObject:
        """The transaction without `livemode`, which Stripe does not have on it."""
        shown = super().public()
        del shown["livemode"]
        return shown


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that comes (positive) or goes, in minor units, and what moved it."""

    type: TransactionType
    reporting_category: ReportingCategory
    amount_minor: int
    currency: str
    source: str
    description: str | None = None
    fees: tuple[FeeDetail, ...] = ()


class BalanceTransactionListParameters(ListParameters):
    """Filters of the balance transaction list."""

    currency: Currency | None = None
    source: Text | None = None
    type: Text | None = None


def record(operation: Operation, movement: Movement) -> BalanceTransaction:
    """The movement on the account's balance, available at once; Stripe has no event for it."""
    fee_minor = sum(fee.amount for fee in movement.fees)
    transaction = BalanceTransaction(
        id=new_id(BalanceTransaction.PREFIX),
        created=operation.now,
        livemode=operation.livemode,
        amount=movement.amount_minor,
        available_on=operation.now,
        currency=movement.currency,
        description=movement.description,
        fee=fee_minor,
        fee_details=movement.fees,
        net=movement.amount_minor - fee_minor,
        reporting_category=movement.reporting_category,
        source=movement.source,
        type=movement.type,
    )
    operation.create(transaction, None)
    return transaction


def retrieve(operation: Operation, identifier: str, _: Parameters) -> BalanceTransaction:
    """The balance transaction, or 404."""
    return operation.get(BalanceTransaction, identifier)


def list_(operation: Operation, _: str, parameters: BalanceTransactionListParameters) -> Page:
    """Balance transactions, newest first."""
    filters = {
        name: value
        for name, value in (
            ("currency", parameters.currency),
            ("source", parameters.source),
            ("type", parameters.type),
        )
        if value is not None
    }
    url = "/v1/balance_transactions"
    return page_of(operation.store, BalanceTransaction, parameters, filters, url=url)
