"""What a customer has with us, read for one page.

Owns the reading: everything of one moment, and nothing of anybody else. Does not own what is said
about it (`subscription_facts`) nor what stands on which page (`home`).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.engine import snapshot
from adapters.db.queries import balances, customers, invoices, subscriptions
from adapters.db.queries.customers import Customer, SavedPaymentMethod
from adapters.db.queries.invoices import Invoice
from adapters.db.queries.page import Page
from adapters.db.queries.subscriptions import SubscriptionFilter
from adapters.db.repositories.invoice_items import pending_items
from adapters.db.repositories.prices import SqlPrices
from adapters.locale_format import ENGLISH, LocaleFormat
from api.dependencies import Dependencies
from api.hosted import notices
from api.hosted.page import ShownInstead
from api.present import present_on
from billing.invoice_item import InvoiceItem
from billing.money import Money
from billing.price import Price
from billing.subscription import SubscriptionState, SubscriptionStatus
from billing.tax import UNTAXED, Taxation
from billing.upcoming import upcoming_period

_AT_ONCE: Final = 100
_NEVER_BEGAN: Final = frozenset(
    {SubscriptionStatus.INCOMPLETE, SubscriptionStatus.INCOMPLETE_EXPIRED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A subscription, its price as it was sold, and the customer's present and way of reading."""

    state: SubscriptionState
    price: Price
    planned_price: Price | None
    """Of a change that waits for the period's end."""
    now: datetime
    written: LocaleFormat = ENGLISH
    """How the customer reads amounts and days."""
    accrued_prices: tuple[Price, ...] = ()
    """Of what the next invoice bills in arrears, one for each part."""
    next_price: Price | None = None
    """Of the period that follows, where it is another one than by now."""
    items: tuple[InvoiceItem, ...] = ()
    """What the next invoice takes besides."""
    taxation: Taxation = UNTAXED
    """How the customer is taxed now."""
    net_days: int | None = None
    """Of an invoice customer: so long may they take to pay (policy P22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything of a customer's that the first page shows."""

    holdings: tuple[Holding, ...]
    """The running ones first, then those that ended; newest first."""
    method: SavedPaymentMethod | None
    """The default, where its details are known."""
    invoices: Page[Invoice]
    balances: tuple[Money, ...]
    """What the customer has in their favour; no zeros."""
    now: datetime


async def read_account(deps: Dependencies, customer: Customer, *, latest: int) -> Account:
    """The customer's account with the `latest` invoices.

    Raises `Conflict` (`test_clock_advancing`).
    """
    async with snapshot(deps.engine) as connection:
        now = (await present_on(connection, customer.test_clock_id)).now
        states = [state for state in await _states(connection, customer.id) if _has_begun(state)]
        states.sort(key=lambda state: state.has_ended)
        method = None
        if customer.default_payment_method_id is not None:
            method = await customers.payment_method(connection, customer.default_payment_method_id)
        account = Account(
            holdings=tuple([await _holding(connection, customer, state, now) for state in states]),
            method=method,
            invoices=await invoices.page_of(connection, customer_id=customer.id, limit=latest),
            balances=tuple(
                balance
                for balance in await balances.of_customer(connection, customer.id)
                if balance.amount_minor
            ),
            now=now,
        )
    taxation = await deps.tax_rates.taxation(customer.id, now)
    taxed = tuple(replace(holding, taxation=taxation) for holding in account.holdings)
    return replace(account, holdings=taxed)


async def read_holding(deps: Dependencies, customer: Customer, subscription_id: str) -> Holding:
    """One subscription of the customer's.

    Raises `ShownInstead` for any other, and `Conflict` (`test_clock_advancing`).
    """
    async with snapshot(deps.engine) as connection:
        now = (await present_on(connection, customer.test_clock_id)).now
        state = await subscriptions.state_of(connection, subscription_id)
        if state is None or state.customer_id != customer.id or not _has_begun(state):
            raise ShownInstead(notices.UNKNOWN)
        if state.purchase is not None:
            raise ShownInstead(notices.UNKNOWN)
        return await _holding(connection, customer, state, now)


def currency_of(customer: Customer, account: Account) -> str | None:
    """What a card would be charged in; None where there is nothing to charge for."""
    of_subscription = next((holding.state.terms.currency for holding in account.holdings), None)
    # Who has bought things once alone has invoices, and no subscription.
    of_invoice = next((each.record.total.currency for each in account.invoices.items), None)
    return of_subscription or customer.currency or of_invoice


def _has_begun(state: SubscriptionState) -> bool:
    return state.status not in _NEVER_BEGAN


async def _states(connection: AsyncConnection, customer_id: str) -> list[SubscriptionState]:
    where = SubscriptionFilter(customer_id=customer_id)
    states: list[SubscriptionState] = []
    cursor = None
    while True:
        page = await subscriptions.page_of(connection, where, cursor=cursor, limit=_AT_ONCE)
        states += [found.state for found in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return states


async def _holding(
    connection: AsyncConnection, customer: Customer, state: SubscriptionState, now: datetime
) -> Holding:
    prices, terms = SqlPrices(connection), state.terms
    planned = None if state.pending_change is None else state.pending_change.target
    following = upcoming_period(state, has_method=True)
    next_terms = terms if following is None else following.terms
    accrued = () if following is None else following.accrued
    return Holding(
        state=state,
        price=await prices.of(terms),
        planned_price=None if planned is None else await prices.of(planned),
        next_price=await prices.of(next_terms),
        accrued_prices=tuple([await prices.of(part.terms) for part in accrued]),
        items=await pending_items(connection, state.subscription_id),
        now=now,
        written=LocaleFormat(customer.locale),
        net_days=customer.net_days,
    )
