"""A small company in a database, a worker that serves it, and customers on test clocks.

Owns the steps that the workflow tests tell their stories with. Everything in it is real: the
database, the Temporal server, the worker and, over HTTP, the Stripe simulator.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine
from stripe import StripeClient
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.testing import ActivityEnvironment

from activities.test_clock import MoveTestClock, TestClocks
from adapters.db.engine import create_engine, unit_of_work
from adapters.db.tables.catalog import prices, products
from adapters.db.tables.customer import customers
from adapters.db.tables.invoice import invoices
from adapters.db.tables.subscription import subscriptions
from adapters.stripe.client import connect_stripe
from adapters.stripe.gateway import StripeGateway
from adapters.temporal.clock_driver import TemporalClockDriver
from billing.actor import Actor, ActorKind
from billing.catalog import Trial
from billing.interval import Interval, IntervalUnit
from billing.message import Message
from billing.money import Money
from billing.ports.storage import CustomerRecord
from billing.subscription import Clock, SubscriptionState, SubscriptionStatus, Terms
from tests.conftest import StripeSimulator
from worker.process import WorkerParts, create_worker
from workflows.description import name_of
from workflows.messages import (
    SUBSCRIPTION_WORKFLOW,
    ActivationReport,
    Cancel,
    CancelMode,
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
PRICES: Final[Mapping[str, tuple[int, Interval]]] = {
    "team_m": (1600, MONTH),
    "team_y": (18000, Interval(unit=IntervalUnit.YEAR)),
    "team_d": (100, Interval(unit=IntervalUnit.DAY)),
    "team_free": (0, MONTH),
}
"""What a seat costs in cents, and for how long."""


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
    """The one test clock of a test's company: every live subscription is on it."""

    engine: AsyncEngine

    async def subscription_ids(self, test_clock_id: str) -> tuple[str, ...]:  # noqa: ARG002 - the port's
        async with self.engine.connect() as connection:
            live = select(subscriptions.c.id).where(subscriptions.c.ended_at.is_(None))
            return tuple((await connection.execute(live)).scalars())

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
        """Team by the seat: $16.00 monthly, $180.00 annually, $1.00 daily; and a free one."""
        async with self.engine.begin() as connection:
            await connection.execute(
                insert(products).values(id="team", name="Team", family="plan", active=True)
            )
            for price_id, (amount, interval) in PRICES.items():
                await connection.execute(
                    insert(prices).values(
                        id=price_id,
                        version=1,
                        product_id="team",
                        currency="USD",
                        unit_amount_minor=amount,
                        interval_unit=interval.unit.value,
                        interval_count=1,
                        unit_name="seat",
                        minimum_quantity=1,
                        maximum_quantity=1000,
                        active=True,
                    )
                )

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
        amount, interval = PRICES[price_id]
        state = SubscriptionState(
            subscription_id=subscription_id,
            customer_id=customer_id,
            terms=Terms(
                product_id="team",
                product_name="Team",
                family="plan",
                price_id=price_id,
                price_version=1,
                currency="USD",
                interval=interval,
                quantity=seats,
                period_amount=Money(amount_minor=amount * seats, currency="USD"),
                trial=None if trial_days is None else Trial(days=trial_days),
            ),
            clock=Clock() if live else self._clock(),
            created_at=present,
            checkout_expires_at=present + timedelta(hours=24),
            checkout_completed_at=present if ready else None,
        )
        return await self._start(state)

    def _clock(self) -> Clock:
        """A test clock that stands at the company's present."""
        return Clock(offset=self.present - datetime.now(UTC), frozen_at=self.present)

    async def _start(self, state: SubscriptionState) -> "Subscription":
        name = name_of(state)
        started = await self.client.start_workflow(
            SUBSCRIPTION_WORKFLOW,
            SubscriptionStart(state=state),
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
        await self._start(state.model_copy(update={"clock": self._clock()}))

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

    async def undo_cancel(self) -> CommandReceipt:
        return await self.command(
            "undo_cancel", UndoCancel(command_id=f"cmd_{uuid.uuid4().hex}", actor=OPERATOR)
        )
