"""A small company in a database, a worker that serves it, and customers on test clocks.

Owns the steps that the workflow tests tell their stories with. Everything in it is real: the
database, the Temporal server, the worker and, over HTTP, the Stripe simulator.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine
from stripe import StripeClient
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.testing import ActivityEnvironment

from activities.test_clock import MoveTestClock, TestClocks
from adapters.db.engine import create_engine, unit_of_work
from adapters.db.repositories.catalog import SqlCatalog
from adapters.db.tables.customer import customers
from adapters.db.tables.invoice import invoices
from adapters.db.tables.subscription import subscriptions
from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from adapters.temporal.clock_driver import TemporalClockDriver
from adapters.temporal.subscription_telling import TemporalTelling
from billing.actor import Actor, ActorKind
from billing.billing_mode import BillingMode
from billing.catalog import Catalog, Product, Trial
from billing.change import ChangeRequest
from billing.interval import Interval, IntervalUnit
from billing.message import Message
from billing.offer import Offer, terms_of
from billing.one_off_charge import sold_once
from billing.ports.customers import CustomerRecord
from billing.price import Price
from billing.price_model import PerUnit
from billing.purchase import terms_of_purchase
from billing.subscription import Clock, PurchaseKind, SubscriptionState, SubscriptionStatus, Terms
from tests.conftest import StripeSimulator
from worker.process import WorkerParts, create_worker
from workflows.description import name_of
from workflows.messages import (
    SUBSCRIPTION_WORKFLOW,
    UPDATES,
    ActivationReport,
    AnyCommand,
    Cancel,
    CancelMode,
    ChangeSubscription,
    CheckoutCompleted,
    Command,
    CommandReceipt,
    ExtendTrial,
    SubscriptionReport,
    SubscriptionStart,
    UndoCancel,
    subscription_workflow_id,
)
from workflows.search_attributes import search_attributes

OPERATOR = Actor(kind=ActorKind.OPERATOR, id="test")
MONTH = Interval(unit=IntervalUnit.MONTH)
YEAR = Interval(unit=IntervalUnit.YEAR)
DAY = Interval(unit=IntervalUnit.DAY)


def _product(product_id: str, *, family: str = "plan", **rules: object) -> Product:
    name = product_id.capitalize()
    return Product.model_validate({"id": product_id, "name": name, "family": family, **rules})


def _price(
    price_id: str,
    product_id: str,
    cents: int,
    interval: Interval | None = MONTH,
    *,
    billing: BillingMode = BillingMode.IN_ADVANCE,
) -> Price:
    return Price(
        id=price_id,
        product_id=product_id,
        currency="USD",
        model=PerUnit(unit_amount_minor=Decimal(cents)),
        interval=interval,
        billing=billing,
        unit_name="seat",
        maximum_quantity=1000,
    )


CATALOG: Final = Catalog(
    products=(
        _product("team"),
        _product("business"),
        _product("pro"),
        _product("solo", free_fallback="personal_free"),
        _product("lasting", dunning={"ladder": {"final_action": "unpaid"}}),
        _product("personal"),
        _product("cloud"),
        _product("onboarding"),
        *(
            _product(f"club_{mode}", family=f"club_{mode}", pause={"mode": mode})
            for mode in ("void", "keep_anchor", "extend")
        ),
    ),
    prices=(
        _price("team_m", "team", 1600),
        _price("team_y", "team", 18000, YEAR),
        _price("team_d", "team", 100, DAY),
        _price("team_free", "team", 0),
        _price("business_m", "business", 2400),
        _price("business_y", "business", 28800, YEAR),
        _price("pro_m", "pro", 1100),
        _price("pro_y", "pro", 10800, YEAR),
        _price("solo_m", "solo", 1600),
        _price("lasting_m", "lasting", 1600),
        _price("personal_free", "personal", 0),
        _price("cloud_m", "cloud", 1600, billing=BillingMode.IN_ARREARS),
        _price("onboarding_once", "onboarding", 25_000, None),
        *(
            _price(f"club_{mode}_m", f"club_{mode}", 1100)
            for mode in ("void", "keep_anchor", "extend")
        ),
    ),
)
"""What the company sells, and the rules that stories are told about."""


def _offer(price_id: str) -> Offer:
    price = next(price for price in CATALOG.prices if price.id == price_id)
    product = next(product for product in CATALOG.products if product.id == price.product_id)
    return Offer(product=product, price=price)


def terms_for(price_id: str, *, quantity: int) -> Terms:
    """What buying the price without a trial means."""
    return terms_of(_offer(price_id), quantity=quantity, trial=None, segment=None)


def at(text: str) -> datetime:
    """`2026-01-17T09:30` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(slots=True)
class Mailbox:
    """A post that keeps what it is given."""

    messages: list[Message] = field(default_factory=list)

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        assert to.id == message.customer_id
        self.messages.append(message)

    def kinds(self) -> list[str]:
        return [message.kind.value for message in self.messages]


@dataclass(frozen=True, slots=True)
class Book:
    """The one test clock of a company: every subscription is on it, until it has told its end."""

    engine: AsyncEngine

    async def subscription_ids(self, test_clock_id: str) -> tuple[str, ...]:  # noqa: ARG002 - the port's
        async with self.engine.connect() as connection:
            return tuple((await connection.execute(select(subscriptions.c.id))).scalars())

    async def arrived(self, test_clock_id: str, at: datetime) -> None:
        """Nothing to record: the company knows its present."""


@dataclass(slots=True)
class Company:
    """What the tests command and look at."""

    engine: AsyncEngine
    client: Client
    stripe: StripeClient
    gateway: StripeGateway
    parts: WorkerParts
    mailbox: Mailbox
    task_queue: str
    present: datetime
    first_runs: list[tuple[str, str]] = field(default_factory=list)
    """Workflow and run id of every subscription started."""

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker polls for as long as the block lasts."""
        async with create_worker(self.client, self.parts, task_queue=self.task_queue):
            yield

    async def sell_teams(self) -> None:
        """Puts the catalog on sale."""
        async with self.engine.begin() as connection:
            await SqlCatalog(connection).put_on_sale(CATALOG)

    async def customer(self, *, card: str | None = "pm_card_visa") -> str:
        """A customer at the gateway, with a card on file unless there is none."""
        customer_id = f"cus_{uuid.uuid4().hex[:12]}"
        gateway_id = await self.gateway.create_customer(
            customer_id, email="ada@example.com", name="Ada", key=f"customer:{customer_id}"
        )
        async with self.engine.begin() as connection:
            await connection.execute(
                insert(customers).values(
                    id=customer_id,
                    email="ada@example.com",
                    name="Ada",
                    stripe_customer_id=gateway_id,
                    created_at=self.present,
                )
            )
        if card is not None:
            await self.save_card(customer_id, card)
        return customer_id

    async def save_card(self, customer_id: str, card: str) -> None:
        """The customer's default payment method becomes a new card."""
        async with unit_of_work(self.engine)() as tx:
            customer = await tx.customers.get(customer_id)
            assert customer.gateway_customer_id is not None
            method = await self.gateway.attach_payment_method(
                card,
                gateway_customer_id=customer.gateway_customer_id,
                key=f"attach:{customer_id}:{card}:{uuid.uuid4().hex}",
            )
            await tx.customers.set_default_payment_method(customer_id, method.id)

    async def default_method(self, customer_id: str) -> str:
        """The gateway's id of what the customer is charged with."""
        async with unit_of_work(self.engine)() as tx:
            method = (await tx.customers.get(customer_id)).default_payment_method_id
        assert method is not None
        return method

    async def save_bank_account(self, customer_id: str) -> None:
        """The customer's default becomes a bank account, with the mandate that debits need."""
        async with unit_of_work(self.engine)() as tx:
            gateway_id = (await tx.customers.get(customer_id)).gateway_customer_id
            assert gateway_id is not None
            setup = await self.stripe.v1.setup_intents.create_async(
                {
                    "customer": gateway_id,
                    "payment_method": "pm_usBankAccount_success",
                    "allowed_payment_method_types": ["us_bank_account"],
                    "confirm": True,
                    "usage": "off_session",
                    "mandate_data": {
                        "customer_acceptance": {
                            "type": "online",
                            "online": {"ip_address": "127.0.0.1", "user_agent": "test"},
                        }
                    },
                }
            )
            assert isinstance(setup.payment_method, str)
            await tx.customers.set_default_payment_method(customer_id, setup.payment_method)

    async def subscribe(
        self,
        customer_id: str,
        *,
        seats: int = 5,
        price_id: str = "team_m",
        trial_days: int | None = None,
        ready: bool = True,
        live: bool = False,
    ) -> "Subscription":
        """Starts a workflow; `ready` with the card on file, else waiting for its checkout.

        A `live` one is on no test clock: its present is the workflow's own.
        """
        subscription_id = f"sub_{uuid.uuid4().hex[:12]}"
        present = datetime.now(UTC) if live else self.present
        trial = None if trial_days is None else Trial(days=trial_days)
        state = SubscriptionState(
            subscription_id=subscription_id,
            customer_id=customer_id,
            terms=terms_of(_offer(price_id), quantity=seats, trial=trial, segment=None),
            clock=Clock() if live else self.clock(),
            created_at=present,
            checkout_expires_at=present + timedelta(hours=24),
            checkout_completed_at=present if ready else None,
        )
        return await self.start(state)

    async def buy(
        self, customer_id: str, *, kind: PurchaseKind = PurchaseKind.INVOICE
    ) -> "Subscription":
        """Starts the workflow of a purchase, with the card on file."""
        purchase_id, offer = f"pur_{uuid.uuid4().hex[:12]}", _offer("onboarding_once")
        item = sold_once(
            offer,
            item_id=f"ii_{purchase_id}",
            customer_id=customer_id,
            subscription_id=purchase_id,
            quantity=2,
            currency="USD",
            now=self.present,
        )
        state = SubscriptionState(
            subscription_id=purchase_id,
            customer_id=customer_id,
            terms=terms_of_purchase(offer, [item], segment=None),
            clock=self.clock(),
            created_at=self.present,
            checkout_expires_at=self.present + timedelta(hours=24),
            checkout_completed_at=self.present,
            purchase=kind,
            first_items=(item,),
        )
        return await self.start(state)

    def clock(self) -> Clock:
        """A test clock that stands at the company's present."""
        return Clock(offset=self.present - datetime.now(UTC), frozen_at=self.present)

    async def start(self, state: SubscriptionState) -> "Subscription":
        name = name_of(state)
        started = await self.client.start_workflow(
            SUBSCRIPTION_WORKFLOW,
            SubscriptionStart.of(state),
            id=subscription_workflow_id(state.subscription_id),
            task_queue=self.task_queue,
            search_attributes=search_attributes(state),
            memo={"name": name},
            static_summary=name,
        )
        assert started.first_execution_run_id is not None
        self.first_runs.append((started.id, started.first_execution_run_id))
        handle = self.client.get_workflow_handle(subscription_workflow_id(state.subscription_id))
        return Subscription(company=self, id=state.subscription_id, handle=handle)

    async def wake_after_an_outage(self, sleeping: "Subscription", at_instant: str) -> None:
        """As `wake`; returns when everything that was missed is done."""
        await self.wake(sleeping, at_instant)
        await self.settle()

    async def wake(self, sleeping: "Subscription", at_instant: str) -> None:
        """The subscription's workflow runs on, and meanwhile its clock has moved to an instant.

        Stands for workers that were down: nothing happened since, and no timer was seen to fire.
        """
        state = (await sleeping.report()).state
        await sleeping.handle.terminate("the story goes on later")
        self.present = at(at_instant)
        await self.start(state.model_copy(update={"clock": self.clock()}))

    async def settle(self) -> None:
        """Waits until everything that is due is done."""
        await self._move_clock(self.present)

    async def advance(self, to: str) -> None:
        """Moves every subscription's clock; what falls due on the way happens, in order."""
        self.present = at(to)
        await self._move_clock(self.present)

    async def _move_clock(self, target_at: datetime) -> None:
        clocks = TestClocks(driver=TemporalClockDriver(self.client, Book(self.engine)))
        move = MoveTestClock(test_clock_id="the company's", target_at=target_at)
        async with asyncio.timeout(60):
            await ActivityEnvironment().run(clocks.move_test_clock, move)

    async def histories(self) -> AsyncIterator[WorkflowHistory]:
        """Of every run of every subscription, however it came to its end."""
        seen: set[str] = set()
        for workflow_id, first_run_id in self.first_runs:
            latest = await self.client.get_workflow_handle(workflow_id).describe()
            run_ids = [latest.run_id, first_run_id]
            while run_ids:
                run_id = run_ids.pop()
                if run_id in seen:
                    continue
                seen.add(run_id)
                handle: WorkflowHandle[Any, Any] = self.client.get_workflow_handle(
                    workflow_id, run_id=run_id
                )
                history = await handle.fetch_history()
                yield history
                end = history.events[-1]
                if end.HasField("workflow_execution_continued_as_new_event_attributes"):
                    going_on = end.workflow_execution_continued_as_new_event_attributes
                    run_ids.append(going_on.new_execution_run_id)

    async def invoices(self) -> list[RowMapping]:
        """Every invoice, in the order of its number."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(select(invoices).order_by(invoices.c.sequence))
            return list(rows.mappings())

    async def count(self, table: Any, **equals: object) -> int:  # noqa: ANN401 - any table
        """How many rows have these values."""
        async with self.engine.connect() as connection:
            query = select(func.count()).select_from(table).filter_by(**equals)
            return int((await connection.execute(query)).scalar_one())


@asynccontextmanager
async def opened_company(
    *, database_url: str, client: Client, simulator: StripeSimulator
) -> AsyncIterator[Company]:
    """It sells Team; its present is 2026-01-17T09:30Z, and a worker is up to the caller."""
    engine = create_engine(database_url)
    async with connect_stripe(
        api_key=simulator.api_key, api_base=simulator.base_url
    ) as stripe_client:
        gateway, mailbox = StripeGateway(stripe_client), Mailbox()
        company = Company(
            engine=engine,
            client=client,
            stripe=stripe_client,
            gateway=gateway,
            parts=WorkerParts(
                open_transaction=unit_of_work(engine),
                gateway=gateway,
                post=mailbox,
                telling=TemporalTelling(client),
                clock_driver=None,
                return_url=lambda invoice_id: f"https://example.com/return/{invoice_id}",
            ),
            mailbox=mailbox,
            task_queue=f"test-{uuid.uuid4().hex}",
            present=at("2026-01-17T09:30"),
        )
        await company.sell_teams()
        yield company
    await engine.dispose()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One running subscription."""

    company: Company
    id: str
    handle: WorkflowHandle[Any, Any]

    async def report(self) -> SubscriptionReport:
        report: SubscriptionReport = await self.handle.query(
            "status", result_type=SubscriptionReport
        )
        return report

    async def status(self) -> SubscriptionStatus:
        return (await self.report()).state.status

    async def activated(self) -> ActivationReport:
        """Waits until it is known whether the subscription goes live."""
        report: ActivationReport = await self.handle.execute_update(
            "wait_for_activation", result_type=ActivationReport
        )
        return report

    async def complete_checkout(self) -> None:
        await self.handle.signal(
            "checkout_completed", CheckoutCompleted(checkout_session_id=f"cs_{self.id}")
        )

    async def command(self, name: str, command: Command) -> CommandReceipt:
        receipt: CommandReceipt = await self.handle.execute_update(
            name, command, result_type=CommandReceipt
        )
        return receipt

    async def cancel(
        self, mode: CancelMode = CancelMode.AT_PERIOD_END, *, command_id: str | None = None
    ) -> CommandReceipt:
        return await self.command(
            "cancel",
            Cancel(
                command_id=command_id or f"cmd_{uuid.uuid4().hex}",
                actor=OPERATOR,
                reason="asked for",
                mode=mode,
            ),
        )

    async def extend_trial(self, to: str) -> CommandReceipt:
        return await self.command(
            "extend_trial",
            ExtendTrial(command_id=f"cmd_{uuid.uuid4().hex}", actor=OPERATOR, trial_end=at(to)),
        )

    async def change(
        self,
        price_id: str | None = None,
        *,
        seats: int | None = None,
        more: int | None = None,
        version: int | None = None,
        command_id: str | None = None,
    ) -> CommandReceipt:
        """Another price, a number of seats, or so many more (or fewer)."""
        return await self.command(
            "change",
            ChangeSubscription(
                command_id=command_id or f"chg_{uuid.uuid4().hex}",
                actor=OPERATOR,
                expected_version=version,
                request=ChangeRequest(price_id=price_id, quantity=seats, quantity_change=more),
            ),
        )

    async def give(self, kind: type[AnyCommand], **facts: object) -> CommandReceipt:
        """Any command, with an id of its own."""
        command_id = f"cmd_{uuid.uuid4().hex}"
        command = kind.model_validate(
            {"command_id": command_id, "actor": OPERATOR, "reason": "asked for", **facts}
        )
        return await self.command(UPDATES[kind], command)

    async def undo_cancel(self) -> CommandReceipt:
        return await self.command(
            "undo_cancel", UndoCancel(command_id=f"cmd_{uuid.uuid4().hex}", actor=OPERATOR)
        )
