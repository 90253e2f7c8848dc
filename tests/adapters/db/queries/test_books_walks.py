"""The books after whatever may be done, in whatever order: a random walk over all of money."""

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.queries import books as queries
from adapters.db.transaction import SqlTransaction
from billing import ledger
from billing.balance import BalanceCause, BalanceMovement
from billing.dispute import DisputeState
from billing.invoice import InvoiceDraft, InvoiceStatus
from billing.ports.storage import Transaction
from billing.received_payment import ReceivedBy, ReceivedPayment, ReportedPayment
from billing.refund import Refund, RefundState
from tests.adapters.db.company import START, bill, collect, draft, open_shop, post, subscribe
from tests.adapters.db.reversals import dispute, give_back, note, refund, usd, with_credit
from tests.adapters.db.undone import undone


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine)
    await subscribe(engine)


@dataclass
class _Desk:
    """Whoever works with the books at random: everything legal that is drawn is done."""

    tx: Transaction
    drawn: st.DataObject
    open: list[InvoiceDraft] = field(default_factory=list)
    paid: list[InvoiceDraft] = field(default_factory=list)
    lost: list[InvoiceDraft] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    steps: int = 0

    async def step(self, number: int) -> None:
        self.steps = number
        everything = (
            *(self.bill, self.bill_a_change, self.pay, self.receive, self.void, self.write_off),
            *(self.credit, self.answer, self.dispute),
        )
        doing = self.drawn.draw(st.sampled_from(everything), label=f"step {number}")
        await doing()

    async def bill(self) -> None:
        await self._finalize(draft(self.steps, quantity=self.drawn.draw(st.integers(1, 5))))

    async def bill_a_change(self) -> None:
        """With a credit of what was paid before, often beyond what the change costs."""
        if not self.paid:
            return
        [charged, *_] = await self.tx.invoices.debits_of(
            self.drawn.draw(st.sampled_from(self.paid)).id
        )
        minor = self.drawn.draw(st.integers(1, 9000))
        changed = with_credit(
            draft(self.steps, quantity=self.drawn.draw(st.integers(1, 2))),
            of=charged.ref,
            minor=min(minor, charged.creditable.amount_minor) or 0,
        )
        if changed.lines[-1].amount.amount_minor:
            await self._finalize(changed)

    async def _finalize(self, invoice: InvoiceDraft) -> None:
        record = await bill(self.tx, invoice)
        held = self.paid if record.status is InvoiceStatus.PAID else self.open
        held.append(invoice)

    async def pay(self) -> None:
        if self.open:
            invoice = self.open.pop()
            record = await self.tx.invoices.get(invoice.id)
            assert record is not None
            await collect(self.tx, record)
            self.paid.append(invoice)

    async def receive(self) -> None:
        """A part of what is owed or lost, all of it or more comes outside the gateway."""
        if not (self.open or self.lost):
            return
        invoice = self.drawn.draw(st.sampled_from([*self.open, *self.lost]))
        record = await self.tx.invoices.get(invoice.id)
        assert record is not None
        reported = ReportedPayment(
            amount=usd(self.drawn.draw(st.integers(1, 9000))),
            received_at=START,
            method=ReceivedBy.CHECK,
            reference=f"R-{self.steps}",
        )
        payment = ReceivedPayment.on(record, reported, command_id="cmd_1", now=START)
        await self.tx.received.add(payment)
        await self.tx.ledger.post(ledger.payment_recorded(payment, of=record))
        if payment.pays_the_rest:
            (self.open if invoice in self.open else self.lost).remove(invoice)
            self.paid.append(invoice)

    async def void(self) -> None:
        if self.open:
            record = await self.tx.invoices.get(self.open.pop(0).id)
            assert record is not None
            await self.tx.invoices.mark_void(record.id, voided_at=START)
            await post(self.tx, ledger.invoice_voided(record, voided_at=START))

    async def write_off(self) -> None:
        if self.open:
            self.lost.append(self.open.pop(0))
            record = await self.tx.invoices.get(self.lost[-1].id)
            assert record is not None
            await self.tx.invoices.mark_uncollectible(record.id, at=START)
            await post(self.tx, ledger.invoice_uncollectible(record, at=START))

    async def credit(self) -> None:
        if not self.paid:
            return
        invoice = self.drawn.draw(st.sampled_from(self.paid))
        [charged, *_] = await self.tx.invoices.debits_of(invoice.id)
        settled = await self.tx.invoices.settled(invoice.id)
        left = min(charged.creditable.amount_minor, settled.left.amount_minor)
        if left:
            minor = self.drawn.draw(st.integers(1, left))
            card = min(minor, settled.card_left.amount_minor)
            given = note(invoice, minor, to_card=card, source=f"request:{self.steps}")
            await give_back(self.tx, given)
            if card:
                self.refunds.append(refund(given))

    async def answer(self) -> None:
        """The gateway's answer to a refund: it succeeds, fails, or fails after it succeeded."""
        if not self.refunds:
            return
        before = self.refunds.pop()
        state = self.drawn.draw(st.sampled_from([RefundState.SUCCEEDED, RefundState.FAILED]))
        if not before.state.may_become(state):
            return
        after = before.model_copy(update={"state": state})
        await self.tx.refunds.put(after)
        if state is RefundState.SUCCEEDED:
            await self.tx.ledger.post(ledger.refund_succeeded(after, at=START))
            self.refunds.append(after)
            return
        await self.tx.ledger.post(ledger.refund_failed(before, at=START))
        await self.tx.balances.move(
            BalanceMovement(
                source_key=f"refund.failed:{before.id}",
                customer_id=before.customer_id,
                cause=BalanceCause.REFUND_FAILED,
                amount=before.amount,
                at=START,
            )
        )

    async def dispute(self) -> None:
        if not self.paid:
            return
        invoice = self.drawn.draw(st.sampled_from(self.paid))
        before = await self.tx.disputes.get(dispute(invoice).id)
        state = self.drawn.draw(st.sampled_from(list(DisputeState)))
        if before is not None and not before.state.may_become(state):
            return
        after = dispute(invoice, state=state)
        await self.tx.disputes.put(after)
        if state is not DisputeState.INQUIRY:
            await self.tx.ledger.post(ledger.dispute_opened(after))
        if state.is_closed:
            await self.tx.ledger.post(ledger.dispute_closed(after, at=START))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.data())
async def test_the_books_balance_whatever_is_done(
    engine: AsyncEngine, drawn: st.DataObject
) -> None:
    async with undone(engine) as connection:
        tx = SqlTransaction(connection)
        desk = _Desk(tx=tx, drawn=drawn)
        for number in range(drawn.draw(st.integers(1, 20))):
            await desk.step(number)
        await tx.finish()
        books = await queries.read(connection)
        assert [comparison for comparison in books.comparisons if not comparison.agrees] == []
        assert books.balance
        moved = await connection.scalar(
            text("SELECT coalesce(sum(amount_minor), 0) FROM balance_movements")
        )
        assert await tx.balances.of("cus_1", "USD") == usd(int(moved))
