"""The benchmark's customers, what they bought, and their sleeping subscriptions.

Owns the catalog, the ids, and the state of a subscription whose next event is a renewal. Everything
is written by the repositories, and started with the values, that the system itself uses.
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from temporalio.client import Client

from adapters.db.engine import Transactions
from adapters.db.repositories.customers import NewCustomer
from bench.side_by_side import side_by_side
from billing import anchor
from billing.catalog import Catalog, Product
from billing.entitlement import Entitlement, Limit
from billing.interval import Interval, IntervalUnit
from billing.ports.gateway import PaymentGateway
from billing.price import Price
from billing.price_model import PerUnit
from billing.pricing import price_of
from billing.subscription import Clock, SubscriptionState, SubscriptionStatus, Terms
from workflows.description import name_of
from workflows.messages import SUBSCRIPTION_WORKFLOW, SubscriptionStart, subscription_workflow_id
from workflows.search_attributes import search_attributes
from workflows.timeouts import renewal_priority

MONTH: Final = Interval(unit=IntervalUnit.MONTH)
SEATS: Final = 5
_CARD: Final = "pm_card_visa"
_TEAM: Final = Product(id="bench_team", name="Team", family="bench")
_BUSINESS: Final = Product(id="bench_business", name="Business", family="bench")
PAID: Final = Price(
    id="bench_team_monthly",
    product_id=_TEAM.id,
    currency="USD",
    model=PerUnit(unit_amount_minor=Decimal(1600)),
    interval=MONTH,
    unit_name="seat",
)
FREE: Final = PAID.model_copy(
    update={"id": "bench_free", "model": PerUnit(unit_amount_minor=Decimal(0))}
)
DEARER: Final = PAID.model_copy(
    update={
        "id": "bench_business_monthly",
        "product_id": _BUSINESS.id,
        "model": PerUnit(unit_amount_minor=Decimal(2400)),
    }
)
_INCLUDED: Final = (
    Entitlement(feature="single_sign_on"),
    Entitlement(feature="users", limit=Limit(amount=1, unit="user", per_unit=True)),
    Entitlement(feature="scanned_repositories", limit=Limit(amount=2, unit="repository")),
    Entitlement(feature="registry_storage", limit=Limit(amount=50, unit="GB")),
)
CATALOG: Final = Catalog(products=(_TEAM, _BUSINESS), prices=(PAID, FREE, DEARER))


def customer_id(group: str, number: int) -> str:
    """The id of one of the customers that `enrol` makes."""
    return f"cus_{group.replace('-', '_')}_{number}"


async def enrol(
    transactions: Transactions, gateway: PaymentGateway, group: str, count: int
) -> None:
    """Puts the catalog on sale and makes `count` customers with a card that works."""
    async with transactions() as tx:
        await tx.catalog.put_on_sale(CATALOG)
    known = await introduce(gateway, group, count)
    await side_by_side([partial(_record_one, transactions, each) for each in known])


async def introduce(
    gateway: PaymentGateway, group: str, count: int
) -> list[tuple[NewCustomer, str, str]]:
    """The customers at a gateway: with their id and their card's there.

    One after the other: a gateway in memory gives the same ids to the same customers, in whichever
    process it lives.
    """
    return [await _introduce_one(gateway, customer_id(group, number)) for number in range(count)]


async def _introduce_one(gateway: PaymentGateway, identifier: str) -> tuple[NewCustomer, str, str]:
    email = f"{identifier}@example.com"
    gateway_id = await gateway.create_customer(
        identifier, email=email, name=None, key=f"customer:{identifier}"
    )
    method = await gateway.attach_payment_method(
        _CARD, gateway_customer_id=gateway_id, key=f"attach:{identifier}"
    )
    customer = NewCustomer(id=identifier, email=email, created_at=datetime.now(UTC))
    return customer, gateway_id, method.id


async def _record_one(transactions: Transactions, known: tuple[NewCustomer, str, str]) -> None:
    customer, gateway_id, method_id = known
    async with transactions() as tx:
        await tx.customers.create(customer)
        await tx.customers.set_gateway_customer(customer.id, gateway_id)
        await tx.customers.set_default_payment_method(customer.id, method_id)


def active(
    customer: str, *, renews_at: datetime, price: Price = PAID, is_live: bool = False
) -> SubscriptionState:
    """A subscription in a paid period, whose renewal is the next thing to happen.

    Renewals of live customers are spread over a minute, which would be all that is measured. Where
    it is not live, its clock's limit is far off: it ticks as a live one does and renews in the very
    instant.
    """
    period = anchor.period(renews_at, MONTH, -1)
    return SubscriptionState(
        subscription_id=f"sub_{uuid.uuid4().hex}",
        customer_id=customer,
        terms=Terms(
            product_id=_TEAM.id,
            product_name=_TEAM.name,
            family=_TEAM.family,
            price_id=price.id,
            price_version=price.version,
            currency=price.currency,
            interval=price.require_interval(),
            quantity=SEATS,
            period_amount=price_of(price, SEATS),
        ),
        clock=Clock() if is_live else Clock(frozen_at=renews_at + timedelta(days=1)),
        revision=1,
        status=SubscriptionStatus.ACTIVE,
        created_at=period.start,
        checkout_expires_at=period.start + timedelta(days=1),
        anchor_at=renews_at,
        period_number=-1,
        period=period,
    )


async def entitle(transactions: Transactions) -> SubscriptionState:
    """A customer with a subscription that gives them a few things."""
    customer, now = "cus_entitled", datetime.now(UTC)
    sleeping = active(customer, renews_at=now + timedelta(days=20), is_live=True)
    sold = sleeping.terms.model_copy(update={"entitlements": _INCLUDED})
    state = sleeping.model_copy(update={"terms": sold})
    async with transactions() as tx:
        await tx.catalog.put_on_sale(CATALOG)
        await tx.customers.create(
            NewCustomer(id=customer, email="entitled@example.com", created_at=now)
        )
        await tx.subscriptions.save(state)
    return state


async def record(transactions: Transactions, states: Iterable[SubscriptionState]) -> None:
    """Writes them to the database, as their workflows did when they last changed."""
    async with transactions() as tx:
        for state in states:
            await tx.subscriptions.save(state)


async def start(client: Client, state: SubscriptionState, *, task_queue: str) -> None:
    """Starts a subscription's workflow as the API does."""
    name = name_of(state)
    await client.start_workflow(
        SUBSCRIPTION_WORKFLOW,
        SubscriptionStart.of(state),
        id=subscription_workflow_id(state.subscription_id),
        task_queue=task_queue,
        search_attributes=search_attributes(state),
        static_summary=name,
        memo={"name": name},
        priority=renewal_priority(state.customer_id),
    )
