"""What customers may do now, and what operators granted them, read.

The first is asked by the seller's product at every step of its users, so it is one statement: the
customer, where their clock stands, and the rows of their entitlements by the primary key.
"""

from typing import Any, Final

from sqlalchemy import Row, bindparam, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.db.queries.page import Order, Page, read_page
from adapters.db.repositories.entitlements import Grant
from adapters.db.single_row import read_row
from adapters.db.statement import Statement
from adapters.db.tables.customer import customers
from adapters.db.tables.entitlement import EntitlementSource, entitlement_grants
from adapters.db.tables.schema import DOCUMENT
from adapters.db.tables.test_clock import test_clocks
from billing.actor import Actor, ActorKind
from billing.entitlement import Entitlement
from billing.value import Instant, Value

_GIVEN: Final = literal_column(
    """
    (SELECT jsonb_agg(
        jsonb_build_object(
            'source', given.source, 'source_id', given.source_id,
            'entitlement', given.entitlement, 'until', given.until
        ) ORDER BY given.source_id, given.feature
    ) FROM entitlements AS given
    WHERE given.customer_id = customers.id
        AND (given.until IS NULL OR given.until > coalesce(test_clocks.frozen_at, now())))
    """,
    DOCUMENT,
)
_SELECT: Final = Statement(
    select(func.coalesce(test_clocks.c.frozen_at, func.now()).label("at"), _GIVEN.label("given"))
    .select_from(customers)
    .outerjoin(test_clocks, test_clocks.c.id == customers.c.test_clock_id)
    .where(customers.c.id == bindparam("customer_id"))
)
_ORDER: Final = Order(at=entitlement_grants.c.created_at, id=entitlement_grants.c.id)


class Given(Value):
    """What one source gives a customer."""

    source: EntitlementSource
    source_id: str
    entitlement: Entitlement
    until: Instant | None


class CustomerEntitlements(Value):
    """What all sources give a customer at an instant."""

    at: Instant
    given: tuple[Given, ...]


async def of_customer(engine: AsyncEngine, customer_id: str) -> CustomerEntitlements | None:
    """What the customer may do now, by source and feature; None for unknown customers."""
    row = await read_row(engine, _SELECT, {"customer_id": customer_id})
    if row is None:
        return None
    return CustomerEntitlements.model_validate({"at": row.at, "given": row.given or ()})


async def grant(connection: AsyncConnection, customer_id: str, grant_id: str) -> Grant | None:
    """One grant of a customer, ended or not."""
    found = await connection.execute(
        select(entitlement_grants).where(
            entitlement_grants.c.id == grant_id, entitlement_grants.c.customer_id == customer_id
        )
    )
    row = found.one_or_none()
    return None if row is None else _as_grant(row)


async def grants_of(
    connection: AsyncConnection, customer_id: str, *, cursor: str | None, limit: int
) -> Page[Grant]:
    """A customer's grants, ended ones too, newest first."""
    query = select(entitlement_grants).where(entitlement_grants.c.customer_id == customer_id)
    return await read_page(
        connection, query, order=_ORDER, as_item=_as_grant, cursor=cursor, limit=limit
    )


def _as_grant(row: Row[Any]) -> Grant:
    return Grant(
        id=row.id,
        customer_id=row.customer_id,
        entitlement=Entitlement.model_validate(row.entitlement),
        until=row.until,
        reason=row.reason,
        actor=Actor(kind=ActorKind(row.actor_kind), id=row.actor_id),
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
