"""Everything that the preview of a change follows from, read in one statement.

Somebody watches while a preview is made, so it costs one round trip; and what it says is of one
moment. Versions of prices and products never change and are remembered. Does not own the plan
(`billing.requested_change`) nor the table of rates, which does not change with the customer
(`adapters.db.tax_rates`).
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Text, and_, bindparam, case, cast, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db import product_versions
from adapters.db.engine import reading
from adapters.db.price_versions import Version, price_of_version, remembered
from adapters.db.queries import tax_standing
from adapters.db.queries.catalog import in_force
from adapters.db.queries.test_clocks import TestClock
from adapters.db.repositories.debits import AS_GOOD_AS_PAID, DEBITS, SENT, as_debit
from adapters.db.repositories.invoice_items import item_of
from adapters.db.single_row import read_row
from adapters.db.statement import Statement
from adapters.db.tables.balance import customer_balances
from adapters.db.tables.catalog import prices
from adapters.db.tables.catalog_version import (
    catalog_prices,
    catalog_versions,
)
from adapters.db.tables.customer import customers
from adapters.db.tables.schema import DOCUMENT
from adapters.db.tables.subscription import subscriptions
from adapters.db.tables.test_clock import test_clocks
from billing.catalog import Product
from billing.money import Money
from billing.offer import Offer, price_as_sold
from billing.ports.tax import TaxStanding
from billing.price import Price
from billing.requested_change import ChangeBasis
from billing.subscription import SubscriptionState, Terms

_wanted: Final = prices.alias("wanted_price")
_DEBITS: Final = DEBITS.format(
    which="invoices.subscription_id = subscriptions.id"
    f" AND ({AS_GOOD_AS_PAID} OR {SENT})"
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
_CLOCK: Final = tuple(test_clocks.c)
_SELECT: Final = Statement(
    select(
        *(column.label(f"clock_{column.name}") for column in _CLOCK),
        cast(subscriptions.c.state, Text).label("state"),
        *tax_standing.COLUMNS,
        customers.c.segment,
        customers.c.default_payment_method_id,
        customers.c.net_days,
        _wanted.c.id.label("wanted_id"),
        _wanted.c.version.label("wanted_version"),
        catalog_prices.c.catalog_number,
        _wanted.c.product_id,
        func.coalesce(customer_balances.c.balance_minor, literal_column("0")).label(
            "balance_minor"
        ),
        _debits.label("debits"),
        _items.label("items"),
        _replacements.label("replacements"),
    )
    .select_from(subscriptions)
    .join(customers, customers.c.id == subscriptions.c.customer_id)
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
    state = SubscriptionState.model_validate_json(row.state)
    offered = None if row.wanted_id is None else (row.wanted_id, row.wanted_version)
    sold = await _versions(engine, state, offered)
    waiting = state.waiting_migration
    return ChangeableSubscription(
        state=state,
        clock=_clock_of(row),
        balance=Money(amount_minor=row.balance_minor, currency=state.terms.currency),
        tax_standing=tax_standing.as_standing(row),
        basis=ChangeBasis(
            current_price=_as_sold(sold, state.terms),
            offer=None
            if offered is None
            else Offer(
                product=await _product(engine, row.catalog_number, row.product_id),
                price=sold[offered],
            ),
            migration_price=None if waiting is None else _as_sold(sold, waiting.target),
            items=tuple(item_of(item) for item in row.items or ()),
            segment=row.segment,
            accrued_prices=tuple(_as_sold(sold, part.terms) for part in state.accrued),
            has_method=row.default_payment_method_id is not None or row.net_days is not None,
            replacements=row.replacements or {},
            debits=tuple(as_debit(debit) for debit in row.debits or ()),
        ),
    )


async def _versions(
    engine: AsyncEngine, state: SubscriptionState, offered: Version | None
) -> dict[Version, Price]:
    """Of every price that the preview may need; none is read twice by a process."""
    terms = [state.terms, *(part.terms for part in state.accrued)]
    if state.waiting_migration is not None:
        terms.append(state.waiting_migration.target)
    wanted = {(each.price_id, each.price_version) for each in terms}
    if offered is not None:
        wanted.add(offered)
    known = {version: remembered(engine.sync_engine, version) for version in wanted}
    found = {version: price for version, price in known.items() if price is not None}
    if len(found) < len(wanted):
        async with reading(engine) as connection:
            for version in wanted - found.keys():
                found[version] = await price_of_version(connection, version)
    return found


async def _product(engine: AsyncEngine, catalog_number: int, product_id: str) -> Product:
    known = product_versions.remembered(engine.sync_engine, catalog_number, product_id)
    if known is not None:
        return known
    async with reading(engine) as connection:
        return await product_versions.read(connection, catalog_number, product_id)


def _as_sold(versions: dict[Version, Price], terms: Terms) -> Price:
    return price_as_sold(versions[terms.price_id, terms.price_version], terms)


def _clock_of(row: Row[Any]) -> TestClock | None:
    if row.clock_id is None:
        return None
    return TestClock.model_validate(
        {each.name: getattr(row, f"clock_{each.name}") for each in _CLOCK}
    )
