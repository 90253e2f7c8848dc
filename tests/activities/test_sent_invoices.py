"""Invoices of customers with net terms: how they are finalised, and what mail says of them."""

from datetime import timedelta

from sqlalchemy import select

from activities.notification import Notification
from activities.period_billing import Billed, BillPeriod
from adapters.db.engine import transactions, unit_of_work
from adapters.db.recorded_subscriptions import SqlRecordedSubscriptions
from adapters.db.tables.invoice import invoices
from billing import lifecycle, sending
from billing.message import Message
from billing.ports.customers import CustomerRecord
from billing.subscription import EndReason, SubscriptionState
from tests.activities.till import DUE_AT, Till
from tests.adapters.db.company import subscribe, subscription


async def _on_terms(till: Till, net_days: int | None) -> None:
    async with transactions(till.engine)() as tx:
        await tx.customers.set_net_terms("cus_1", net_days)


async def _billed(till: Till, state: SubscriptionState) -> Billed:
    billed = await till.billing.bill_period(BillPeriod(state=state, now=DUE_AT))
    assert isinstance(billed, Billed)
    return billed


async def test_the_terms_of_the_moment_are_the_invoices_for_ever(till: Till) -> None:
    await _on_terms(till, 30)
    billed = await _billed(till, subscription())
    assert (billed.net_days, billed.due_at) == (30, DUE_AT + timedelta(days=30))
    for later in (5, None):
        await _on_terms(till, later)
        assert await _billed(till, subscription()) == billed
    async with till.engine.connect() as connection:
        stored = (await connection.execute(select(invoices))).one()
    assert (stored.net_days, stored.due_at) == (30, billed.due_at)


async def test_without_terms_it_is_due_at_once_and_charged(till: Till) -> None:
    billed = await _billed(till, subscription())
    assert (billed.net_days, billed.due_at) == (None, DUE_AT)


async def test_nobody_is_reminded_of_what_was_paid_while_mail_waited(till: Till) -> None:
    await _on_terms(till, 30)
    await till.save_card("pm_card_visa")
    billed = await _billed(till, subscription())
    opened = sending.opened(
        invoice_id=billed.invoice_id or "",
        amount=billed.amount_due,
        due_at=billed.due_at,
        net_days=billed.net_days,
    )
    state = subscription().model_copy(update={"open_invoices": (opened,), "revision": 9})
    told: list[Message] = []

    class Post:
        async def deliver(self, message: Message, *, to: CustomerRecord) -> None:  # noqa: ARG002
            told.append(message)

    notification = Notification(open_transaction=unit_of_work(till.engine), post=Post())
    first, *_, last = (
        sending.reminded(state, opened.invoice_id, billed.due_at + timedelta(days=day)).messages[-1]
        for day in (-10, 15)
    )
    await notification.notify(first)
    over = lifecycle.ended(state, EndReason.REQUESTED, billed.due_at)
    await subscribe(till.engine, over.model_copy(update={"open_invoices": (), "messages": (last,)}))
    recorded = SqlRecordedSubscriptions(till.engine)
    assert [page async for page in recorded.unfinished()], "it is still to be told"
    await till.collect(state)
    await notification.notify(last)
    assert [message.reason for message in told] == ["ahead"]
    assert [page async for page in recorded.unfinished()] == [], "nothing is left to do"
