"""Everything that the preview of a change follows from, read in one statement.

Somebody watches while a preview is made, so it costs one round trip; and what it says is of one
moment. Does not own the plan (`billing.requested_change`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import (
    FromClause,
    Label,
    RowMapping,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries.catalog import as_price, as_product
from adapters.db.queries.test_clocks import TestClock
from adapters.db.repositories.debits import DEBITS
from adapters.db.tables.balance import customer_balances
from adapters.db.tables.catalog import prices, products
from adapters.db.tables.customer import customers
from adapters.db.tables.schema import DOCUMENT
from adapters.db.tables.subscription import subscriptions
from adapters.db.tables.test_clock import test_clocks
from billing.money import Money
from billing.offer import Offer
from billing.period import Period
from billing.proration import Debit, LineRef
from billing.requested_change import ChangeBasis
from billing.subscription import SubscriptionState

_current: Final = prices.alias("current_price")
_wanted: Final = prices.alias("wanted_price")
_DEBITS: Final = DEBITS.format(
    which="invoices.subscription_id = subscriptions.id AND invoices.status = 'paid'"
    " AND line.period_end > subscriptions.period_start"
)
_debits: Final = literal_column(
    f"(SELECT jsonb_agg(debit) FROM ({_DEBITS}) AS debit)",  # noqa: S608 - made of constants
    DOCUMENT,
)


def _labelled(table: FromClause, name: str) -> Iterator[Label[Any]]:
    return (column.label(f"{name}.{column.name}") for column in table.c)


_SELECT: Final = (
    select(
        subscriptions.c.state,
        customers.c.segment,
        func.coalesce(customer_balances.c.balance_minor, 0).label("balance_minor"),
        _debits.label("debits"),
        *_labelled(test_clocks, "clock"),
        *_labelled(_current, "current"),
        *_labelled(_wanted, "wanted"),
        *_labelled(products, "product"),
    )
    .join(customers, customers.c.id == subscriptions.c.customer_id)
    .join(
        _current,
        and_(
            _current.c.id == subscriptions.c.price_id,
            _current.c.version == subscriptions.c.price_version,
        ),
    )
    .outerjoin(test_clocks, test_clocks.c.id == subscriptions.c.test_clock_id)
    .outerjoin(_wanted, and_(_wanted.c.id == bindparam("price_id"), _wanted.c.active))
    .outerjoin(products, products.c.id == _wanted.c.product_id)
    .outerjoin(
        customer_balances,
        and_(
            customer_balances.c.customer_id == subscriptions.c.customer_id,
            customer_balances.c.currency == subscriptions.c.currency,
        ),
    )
    .where(subscriptions.c.id == bindparam("subscription_id"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeableSubscription:
    """A subscription, its customer's clock and balance, and what a change of it follows from."""

    state: SubscriptionState
    clock: TestClock | None
    balance: Money
    basis: ChangeBasis


async def get(
    connection: AsyncConnection, subscription_id: str, *, price_id: str | None
) -> ChangeableSubscription | None:
    """The subscription, with what is on sale under `price_id`."""
    found = await connection.execute(
        _SELECT, {"subscription_id": subscription_id, "price_id": price_id}
    )
    row = found.mappings().one_or_none()
    if row is None:
        return None
    state = SubscriptionState.model_validate(row["state"])
    currency = state.terms.currency
    return ChangeableSubscription(
        state=state,
        clock=_clock(row),
        balance=Money(amount_minor=row["balance_minor"], currency=currency),
        basis=ChangeBasis(
            current_price=as_price(_part(row, "current")),
            offer=_offer(row),
            segment=row["segment"],
            debits=tuple(_as_debit(debit) for debit in row["debits"] or ()),
        ),
    )


def _clock(row: RowMapping) -> TestClock | None:
    return None if row["clock.id"] is None else TestClock.model_validate(vars(_part(row, "clock")))


def _offer(row: RowMapping) -> Offer | None:
    if row["wanted.id"] is None:
        return None
    return Offer(
        product=as_product(_part(row, "product")),
        price=as_price(_part(row, "wanted")),
    )


def _part(row: RowMapping, name: str) -> Any:  # noqa: ANN401 - a row of the table of that name
    columns = ((label.partition("."), value) for label, value in row.items())
    return SimpleNamespace(**{column: value for (of, _, column), value in columns if of == name})


def _as_debit(line: Mapping[str, Any]) -> Debit:
    return Debit(
        ref=LineRef(invoice_id=line["invoice_id"], position=line["position"]),
        description=line["description"],
        price_id=line["price_id"],
        price_version=line["price_version"],
        quantity=line["quantity"],
        period=Period(start=line["period_start"], end=line["period_end"]),
        amount=Money(amount_minor=line["amount_minor"], currency=line["currency"]),
        credited=Money(amount_minor=line["credited_minor"], currency=line["currency"]),
        is_closed=line["is_closed"],
    )
