"""A subscription that owes, a gateway at hand, and what the books say afterwards.

Owns the steps that the tests of activities share. The database is real; the gateway keeps its
payments in memory and goes wrong on order.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.charging import Charging
from activities.collection import Collect, Collected, Collection, Voided, VoidInvoices
from activities.period_billing import Billed, BillPeriod, PeriodBilling
from activities.receiving import (
    PaymentReceived,
    ReceivePayment,
    Receiving,
    ReceivingOutcome,
)
from activities.records import AuditEntry
from adapters.db.engine import snapshot, transactions, unit_of_work
from adapters.db.queries import books
from adapters.db.tables.customer import customers
from adapters.db.tables.domain_event import domain_events
from adapters.db.tables.invoice import invoices
from adapters.memory.gateway import MemoryGateway
from billing import lifecycle, receiving, settlement
from billing.actor import Actor, ActorKind
from billing.money import Money
from billing.ports.books import PaymentAttempt
from billing.received_payment import ReceivedBy, ReportedPayment
from billing.subscription import SubscriptionState
from tests.adapters.db.company import open_shop, subscription

DUE_AT = datetime(2026, 2, 28, 9, 30, tzinfo=UTC)


@dataclass(slots=True)
class Till:
    """Activities on one database and one gateway; `real_now` is the machine's time."""

    engine: AsyncEngine
    gateway: MemoryGateway = field(default_factory=MemoryGateway)
    real_now: datetime = DUE_AT
    gateway_customer_id: str = ""

    @property
    def collection(self) -> Collection:
        return Collection(
            open_transaction=unit_of_work(self.engine),
            gateway=self.gateway,
            real_now=lambda: self.real_now,
            return_url=lambda invoice_id: f"https://example.com/return/{invoice_id}",
        )

    @property
    def receiving(self) -> Receiving:
        charging = Charging(
            open_transaction=unit_of_work(self.engine),
            gateway=self.gateway,
            real_now=lambda: self.real_now,
            return_url=lambda invoice_id: f"https://example.com/return/{invoice_id}",
        )
        return Receiving(open_transaction=unit_of_work(self.engine), charging=charging)

    def request(
        self,
        state: SubscriptionState,
        minor: int,
        *,
        reference: str = "R-1",
        command_id: str | None = None,
        invoice_id: str | None = None,
    ) -> ReceivePayment:
        """So much came by bank transfer, for the first open invoice unless another is named."""
        reported = ReportedPayment(
            amount=Money(amount_minor=minor, currency="USD"),
            received_at=DUE_AT,
            method=ReceivedBy.BANK_TRANSFER,
            reference=reference,
        )
        audit = AuditEntry(
            command_id=command_id or f"cmd_{reference}",
            command="record_payment",
            actor=Actor(kind=ActorKind.OPERATOR, id="ada"),
            reason="on the statement",
            at=DUE_AT,
        )
        return ReceivePayment(
            state=state,
            invoice_id=invoice_id or state.open_invoices[0].invoice_id,
            reported=reported,
            audit=audit,
            now=DUE_AT,
        )

    async def receive(
        self,
        state: SubscriptionState,
        minor: int,
        *,
        reference: str = "R-1",
        command_id: str | None = None,
        invoice_id: str | None = None,
    ) -> ReceivingOutcome:
        """Records that so much came, as `request` says."""
        return await self.receiving.receive_payment(
            self.request(
                state, minor, reference=reference, command_id=command_id, invoice_id=invoice_id
            )
        )

    async def after_receiving(
        self, state: SubscriptionState, minor: int, *, reference: str = "R-1"
    ) -> SubscriptionState:
        """The state that follows from a transfer that was recorded."""
        outcome = await self.receive(state, minor, reference=reference)
        assert isinstance(outcome, PaymentReceived)
        return receiving.received(
            state, outcome.payment, DUE_AT, attempts_made=outcome.attempts_made
        )

    @property
    def billing(self) -> PeriodBilling:
        return PeriodBilling(open_transaction=unit_of_work(self.engine))

    async def open(self) -> None:
        """Products are on sale, and the customer is known at the gateway."""
        await open_shop(self.engine)
        await self.open_gateway()

    async def open_gateway(self) -> None:
        """The customer is known at the gateway."""
        self.gateway_customer_id = await self.gateway.create_customer(
            "cus_1", email="c1@example.com", name=None, key="customer:cus_1"
        )
        async with self.engine.begin() as connection:
            await connection.execute(
                update(customers).values(stripe_customer_id=self.gateway_customer_id)
            )

    async def save_card(self, name: str) -> None:
        """The customer's default becomes a new payment method."""
        method = await self.gateway.attach_payment_method(
            name, gateway_customer_id=self.gateway_customer_id, key=f"attach:{uuid.uuid4().hex}"
        )
        async with transactions(self.engine)() as tx:
            await tx.customers.set_default_payment_method("cus_1", method.id)

    async def owing(self, card: str | None = "pm_card_visa") -> SubscriptionState:
        """An active subscription whose second period is billed and not yet collected."""
        if card is not None:
            await self.save_card(card)
        return await self.billed(subscription())

    async def billed(self, state: SubscriptionState) -> SubscriptionState:
        """The state once its next period is invoiced."""
        billed = await self.billing.bill_period(BillPeriod(state=state, now=DUE_AT))
        assert isinstance(billed, Billed)
        return lifecycle.period_billed(
            state,
            number=billed.number,
            period=billed.period,
            anchor_at=billed.anchor_at,
            invoice_id=billed.invoice_id,
            amount_due=billed.amount_due,
            due_at=billed.due_at,
        )

    async def collect(self, state: SubscriptionState) -> Collected:
        """Tries the first open invoice."""
        return await self.collection.collect(
            Collect(state=state, invoice_id=state.open_invoices[0].invoice_id, now=DUE_AT)
        )

    async def after_collecting(self, state: SubscriptionState) -> SubscriptionState:
        """The state that follows from a try."""
        collected = await self.collect(state)
        invoice_id = state.open_invoices[0].invoice_id
        return settlement.collected(state, invoice_id, collected.outcome, DUE_AT)

    async def void(self, state: SubscriptionState) -> Voided:
        """What is open is no longer to be paid."""
        waived = tuple(i.model_copy(update={"given_up": True}) for i in state.open_invoices)
        state = state.model_copy(update={"open_invoices": waived})
        return await self.collection.void_invoices(VoidInvoices(state=state, now=DUE_AT))

    async def invoice_status(self) -> str:
        """Of the one invoice."""
        async with self.engine.connect() as connection:
            return str((await connection.execute(select(invoices.c.status))).scalar_one())

    async def attempt(self, number: int = 1) -> PaymentAttempt:
        """An attempt on the one invoice, as recorded."""
        async with self.engine.connect() as connection:
            invoice_id = (await connection.execute(select(invoices.c.id))).scalar_one()
        async with transactions(self.engine)() as tx:
            found = await tx.attempts.get(invoice_id, number)
        assert found is not None
        return found

    async def payment_id(self, number: int = 1) -> str:
        """The gateway's id of an attempt's payment."""
        payment_id = (await self.attempt(number)).payment_id
        assert payment_id is not None
        return payment_id

    async def event_types(self) -> list[str]:
        """What the outbox tells, sorted."""
        async with self.engine.connect() as connection:
            return sorted((await connection.execute(select(domain_events.c.type))).scalars())

    async def count(self, table: Any, **equals: object) -> int:  # noqa: ANN401 - any table
        """How many rows have these values."""
        async with self.engine.connect() as connection:
            query = select(func.count()).select_from(table).filter_by(**equals)
            return int((await connection.execute(query)).scalar_one())

    async def balance_minor(self) -> int:
        """What the customer has in their favour."""
        async with transactions(self.engine)() as tx:
            return (await tx.balances.of("cus_1", "USD")).amount_minor

    async def check_books(self) -> None:
        """Debits are credits, and every account is what its documents say."""
        async with snapshot(self.engine) as connection:
            found = await books.read(connection)
        assert found.balance, found.comparisons

    def taken_minor(self) -> int:
        """What the gateway took from the customer."""
        return self.gateway.captured_minor(self.gateway_customer_id)

    def pass_time(self, by: timedelta) -> None:
        """The machine's time goes on, and the gateway forgets its keys after a day."""
        self.real_now += by
        if by >= timedelta(hours=24):
            self.gateway.forget_keys()
