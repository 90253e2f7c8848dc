"""Subscriptions that have not ended, as far as their price matters: streamed, however many.

Owns reading them for rehearsals (`billing.rehearsal`). Columns alone are read, and no state is
parsed, but of prices that depend on more than the quantity, or are billed in arrears.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final

from sqlalchemy import Row, Select, and_, case, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.subscription import subscriptions
from billing.configuration import Configuration
from billing.money import Money
from billing.price import Price
from billing.rehearsal import Running
from billing.subscription import SubscriptionState, SubscriptionStatus, Terms
from billing.upcoming import accrued_invoice

PriceVersion = tuple[str, int]
"""The id of a price and its version."""

_PAGE: Final = 5_000
_RENEWING: Final = (
    SubscriptionStatus.TRIALING,
    SubscriptionStatus.ACTIVE,
    SubscriptionStatus.PAST_DUE,
)
_RUNNING: Final = and_(
    subscriptions.c.ended_at.is_(None),
    subscriptions.c.status != SubscriptionStatus.INCOMPLETE,
    subscriptions.c.is_purchase.is_(False),
)
"""Who is still at the checkout has bought nothing yet, and a purchase does not run."""
_next_invoice_at: Final = case(
    (
        subscriptions.c.status.in_(_RENEWING) & subscriptions.c.cancel_at.is_(None),
        subscriptions.c.period_end,
    ),
    else_=None,
).label("next_invoice_at")
_SELECT: Final[Select[Any]] = select(
    subscriptions.c.id,
    subscriptions.c.customer_id,
    subscriptions.c.status,
    subscriptions.c.price_id,
    subscriptions.c.price_version,
    subscriptions.c.currency,
    subscriptions.c.quantity,
    _next_invoice_at,
).where(_RUNNING)
_CONFIGURATION: Final = subscriptions.c.state["terms"]["configuration"].label("configuration")
_UNCONFIGURED: Final = Configuration()
_STATUSES: Final = {status.value: status for status in SubscriptionStatus}
_COUNT: Final[Select[Any]] = (
    select(subscriptions.c.price_id, subscriptions.c.price_version, func.count().label("running"))
    .where(_RUNNING)
    .group_by(subscriptions.c.price_id, subscriptions.c.price_version)
)


async def at_prices(
    connection: AsyncConnection, versions: Iterable[PriceVersion], *, configured: bool = False
) -> AsyncIterator[Running]:
    """Those that were sold at one of the versions, in the order of their ids.

    What was chosen of a matrix or a percentage stands in the state alone, which is read for prices
    that are `configured`. They are read in pages within the connection's transaction: of a
    `snapshot`, all are of one moment.
    """
    wanted = list(versions)
    if not wanted:
        return
    query = (
        (_SELECT.add_columns(_CONFIGURATION) if configured else _SELECT)
        .where(tuple_(subscriptions.c.price_id, subscriptions.c.price_version).in_(wanted))
        .order_by(subscriptions.c.id)
    )
    async with connection.stream(query, execution_options={"yield_per": _PAGE}) as rows:
        async for page in rows.partitions(_PAGE):
            for row in page:
                yield _as_running(row)


async def in_arrears(
    connection: AsyncConnection,
    versions: Iterable[PriceVersion],
    *,
    price_of: Callable[[Terms], Price],
) -> AsyncIterator[Running]:
    """The same of prices in arrears, with what their next invoices bill.

    That depends on when each of its parts began, so that every state is read. `price_of` tells at
    what a part was sold.
    """
    query = (
        select(subscriptions.c.state)
        .where(_RUNNING)
        .where(tuple_(subscriptions.c.price_id, subscriptions.c.price_version).in_(list(versions)))
        .order_by(subscriptions.c.id)
    )
    async with connection.stream(query, execution_options={"yield_per": _PAGE}) as rows:
        async for (document,) in rows:
            yield _accruing(SubscriptionState.model_validate(document), price_of)


async def counts(
    connection: AsyncConnection, *, price_id: str | None = None
) -> dict[PriceVersion, int]:
    """How many run at each version of a price, or of every price."""
    query = _COUNT if price_id is None else _COUNT.where(subscriptions.c.price_id == price_id)
    found = await connection.execute(query)
    return {(row.price_id, row.price_version): row.running for row in found}


def _as_running(row: Row[Any]) -> Running:
    """By position: to look up each name of tens of thousands of rows takes longer than the rest."""
    columns: tuple[Any, ...] = tuple(row)
    subscription_id, customer_id, status, price_id, version, currency, quantity, *others = columns
    next_at, *chosen = others
    return Running(
        subscription_id=subscription_id,
        customer_id=customer_id,
        status=_STATUSES[status],
        price_id=price_id,
        price_version=version,
        currency=currency,
        quantity=quantity,
        configuration=_configuration(*chosen),
        next_invoice_at=next_at,
    )


def _accruing(state: SubscriptionState, price_of: Callable[[Terms], Price]) -> Running:
    terms, invoice = state.terms, accrued_invoice(state, price_of=price_of)
    return Running(
        subscription_id=state.subscription_id,
        customer_id=state.customer_id,
        status=state.status,
        price_id=terms.price_id,
        price_version=terms.price_version,
        currency=terms.currency,
        quantity=terms.quantity,
        configuration=terms.configuration,
        next_invoice_at=None if invoice is None else invoice.at,
        accrued=Money.zero(terms.currency) if invoice is None else invoice.amount,
    )


def _configuration(document: object = None) -> Configuration:
    return Configuration.model_validate(document) if document else _UNCONFIGURED
