"""Everything that the preview of a change follows from, read in one statement.

Somebody watches while a preview is made, so it costs one round trip; and what it says is of one
moment. Does not own the plan (`billing.requested_change`) nor the table of rates, which does not
change with the customer (`adapters.db.tax_rates`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.selectable import NamedFromClause

from adapters.db.engine import reading
from adapters.db.queries import tax_standing
from adapters.db.queries.catalog import as_price, in_force, price_of
from adapters.db.queries.test_clocks import TestClock
from adapters.db.repositories.debits import DEBITS, as_debit
from adapters.db.repositories.invoice_items import item_of
from adapters.db.single_row import read_row
from adapters.db.tables.balance import customer_balances
from adapters.db.tables.catalog import prices
from adapters.db.tables.catalog_version import (
    catalog_prices,
    catalog_products,
    catalog_versions,
)
from adapters.db.tables.customer import customers
from adapters.db.tables.schema import DOCUMENT
from adapters.db.tables.subscription import subscriptions
from adapters.db.tables.test_clock import test_clocks
from billing.catalog import Product
from billing.migration import MigrationProgress
from billing.money import Money
from billing.offer import Offer, price_as_sold
from billing.ports.tax import TaxStanding
from billing.price import Price
from billing.requested_change import ChangeBasis
from billing.subscription import AccruedPart, SubscriptionState

_current: Final = prices.alias("current_price")
_wanted: Final = prices.alias("wanted_price")
_moved: Final = prices.alias("moved_price")
_migration: Final = subscriptions.c.state["migration"]
_DEBITS: Final = DEBITS.format(
    which="invoices.subscription_id = subscriptions.id AND invoices.status = 'paid'"
    " AND line.period_end > subscriptions.period_start AND line.item_id IS NULL"
)
_debits: Final = literal_column(
    f"(SELECT jsonb_agg(debit) FROM ({_DEBITS}) AS debit)",  # noqa: S608 - made of constants
    DOCUMENT,
)
_items: Final = literal_column(
    "(SELECT jsonb_agg(item ORDER BY item.created_at, item.id) FROM invoice_items AS item"
    " WHERE item.subscription_id = subscriptions.id AND item.status = 'pending')",
    DOCUMENT,
)
_others: Final = catalog_prices.alias("others")
_replacements: Final = case(
    (
        catalog_prices.c.replaced_by.is_not(None),
        select(func.jsonb_object_agg(_others.c.price_id, _others.c.replaced_by))
        .where(
            _others.c.catalog_number == catalog_prices.c.catalog_number,
            _others.c.replaced_by.is_not(None),
        )
        .scalar_subquery(),
    ),
    else_=None,
)
"""Read only where what is asked for is not sold any more."""
_PARTS: Final[tuple[NamedFromClause, ...]] = (
    test_clocks,
    _current,
    _wanted,
    _moved,
    catalog_products,
)
_NAMES: Final = tuple(tuple(column.name for column in part.c) for part in _PARTS)
_SELECT: Final = (
    select(
        *(column.label(f"{part.name}.{column.name}") for part in _PARTS for column in part.c),
        subscriptions.c.state,
        *tax_standing.COLUMNS,
        customers.c.segment,
        customers.c.default_payment_method_id,
        func.coalesce(customer_balances.c.balance_minor, literal_column("0")).label(
            "balance_minor"
        ),
        _debits.label("debits"),
        _items.label("items"),
        _replacements.label("replacements"),
    )
    .select_from(subscriptions)
    .join(customers, customers.c.id == subscriptions.c.customer_id)
    .join(
        _current,
        and_(
            _current.c.id == subscriptions.c.price_id,
            _current.c.version == subscriptions.c.price_version,
        ),
    )
    .outerjoin(
        _moved,
        and_(
            _moved.c.id == _migration["target"]["price_id"].astext,
            _moved.c.version == _migration["target"]["price_version"].as_integer(),
            _migration["progress"].astext == MigrationProgress.SCHEDULED,
        ),
    )
    .outerjoin(test_clocks, test_clocks.c.id == subscriptions.c.test_clock_id)
    .outerjoin(catalog_versions, catalog_versions.c.number == in_force(test_clocks.c.frozen_at))
    .outerjoin(
        catalog_prices,
        and_(
            catalog_prices.c.catalog_number == catalog_versions.c.number,
            catalog_prices.c.price_id == bindparam("price_id"),
        ),
    )
    .outerjoin(
        _wanted,
        and_(
            _wanted.c.id == catalog_prices.c.price_id,
            _wanted.c.version == catalog_prices.c.price_version,
            catalog_prices.c.replaced_by.is_(None),
        ),
    )
    .outerjoin(
        catalog_products,
        and_(
            catalog_products.c.catalog_number == catalog_prices.c.catalog_number,
            catalog_products.c.product_id == _wanted.c.product_id,
        ),
    )
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
    tax_standing: TaxStanding | None
    basis: ChangeBasis
    """Without the taxation, which follows from the standing."""


async def get(
    engine: AsyncEngine, subscription_id: str, *, price_id: str | None
) -> ChangeableSubscription | None:
    """The subscription, with what is on sale under `price_id`."""
    row = await read_row(
        engine, _SELECT, {"subscription_id": subscription_id, "price_id": price_id}
    )
    if row is None:
        return None
    state = SubscriptionState.model_validate(row.state)
    clock, current, wanted, moved, product = _parts(row)
    waiting = state.waiting_migration
    return ChangeableSubscription(
        state=state,
        clock=None if clock.id is None else TestClock.model_validate(vars(clock)),
        balance=Money(amount_minor=row.balance_minor, currency=state.terms.currency),
        tax_standing=tax_standing.as_standing(row),
        basis=ChangeBasis(
            current_price=price_as_sold(as_price(current), state.terms),
            offer=None
            if wanted.id is None
            else Offer(product=Product.model_validate(product.document), price=as_price(wanted)),
            migration_price=None
            if waiting is None or moved.id is None
            else price_as_sold(as_price(moved), waiting.target),
            items=tuple(item_of(item) for item in row.items or ()),
            segment=row.segment,
            accrued_prices=await _prices_of(engine, state.accrued),
            has_method=row.default_payment_method_id is not None,
            replacements=row.replacements or {},
            debits=tuple(as_debit(debit) for debit in row.debits or ()),
        ),
    )


async def _prices_of(engine: AsyncEngine, parts: tuple[AccruedPart, ...]) -> tuple[Price, ...]:
    """Where what is sold has changed in a period in arrears; most often there is none to read."""
    if not parts:
        return ()
    async with reading(engine) as connection:
        return tuple([await price_of(connection, part.terms) for part in parts])


def _parts(row: Row[Any]) -> Iterator[Any]:
    """What was read of each of the tables, by the names of their columns."""
    values = iter(row)
    for names in _NAMES:
        yield SimpleNamespace(**{name: next(values) for name in names})
