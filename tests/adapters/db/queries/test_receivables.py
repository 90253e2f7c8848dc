"""Who owes what since when, at any moment."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, snapshot
from adapters.db.queries import receivables
from adapters.db.queries.receivables import Receivable
from adapters.report_table import receivables_csv
from billing.received_payment import ReceivedBy, ReceivedPayment, ReportedPayment
from tests.adapters.db.company import START, draft, open_shop, subscribe, subscription
from tests.adapters.db.reversals import usd


async def owed(engine: AsyncEngine, as_of: datetime) -> list[Receivable]:
    async with snapshot(engine) as connection:
        return [row async for row in receivables.by_customer(connection, as_of=as_of)]


async def test_what_is_owed_grows_old_and_goes_when_it_is_closed(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await open_shop(engine, customer_count=2)
    await subscribe(engine, subscription(), subscription(2, 2))
    later = START + timedelta(days=40)
    async with transaction() as tx:
        await tx.invoices.finalize(draft(0))
        second = draft(1).model_copy(update={"finalized_at": START, "due_at": later})
        await tx.invoices.finalize(second)
        theirs = draft(0, subscription_number=2, quantity=1)
        await tx.invoices.finalize(theirs.model_copy(update={"customer_id": "cus_2"}))
    [first, other] = await owed(engine, START + timedelta(days=1))
    assert (first.customer_id, first.total, first.not_due) == ("cus_1", usd(16000), usd(8000))
    assert (first.days_0_to_30, other.total) == (usd(8000), usd(1600))
    [first, _] = await owed(engine, START + timedelta(days=95))
    assert (first.days_31_to_60, first.days_over_90) == (usd(8000), usd(8000))
    async with transaction() as tx:
        await tx.invoices.mark_paid(draft(0).id, paid_at=START + timedelta(days=10))
        await tx.invoices.mark_uncollectible(draft(1).id, at=START + timedelta(days=50))
    assert [row.total for row in await owed(engine, later)] == [usd(8000), usd(1600)]
    assert [row.customer_id for row in await owed(engine, START + timedelta(days=60))] == ["cus_2"]
    assert await owed(engine, START - timedelta(days=1)) == []


async def test_what_was_received_is_no_longer_owed_from_then_on(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        record = await tx.invoices.finalize(draft(0))
    for day, minor in ((10, 3000), (20, 1000)):
        at = START + timedelta(days=day)
        reported = ReportedPayment(
            amount=usd(minor), received_at=START, method=ReceivedBy.CHECK, reference=f"R-{day}"
        )
        async with transaction() as tx:
            record = await tx.invoices.get(record.id) or record
            payment = ReceivedPayment.on(record, reported, command_id="cmd_1", now=at)
            await tx.received.add(payment)
    async with transaction() as tx:
        await tx.invoices.mark_paid(record.id, paid_at=START + timedelta(days=30))

    for day, minor in ((9, 8000), (10, 5000), (19, 5000), (29, 4000)):
        [row] = await owed(engine, START + timedelta(days=day))
        assert row.total == usd(minor)
    assert await owed(engine, START + timedelta(days=30)) == []


async def test_what_was_written_off_is_not_owed_from_then_on_also_where_it_is_paid_later(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        lost = (await tx.invoices.finalize(draft(0))).id
        await tx.invoices.mark_uncollectible(lost, at=START + timedelta(days=10))
    reported = ReportedPayment(
        amount=usd(9000), received_at=START, method=ReceivedBy.CHECK, reference="R-1"
    )
    async with transaction() as tx:
        record = await tx.invoices.get(lost)
        assert record is not None
        at = START + timedelta(days=30)
        await tx.received.add(ReceivedPayment.on(record, reported, command_id="cmd_1", now=at))

    for day, minor in ((9, [8000]), (10, []), (20, []), (30, []), (31, [])):
        rows = await owed(engine, START + timedelta(days=day))
        assert [row.total.amount_minor for row in rows] == minor


async def test_the_csv_has_a_line_per_customer(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        await tx.invoices.finalize(draft(0))
    async with snapshot(engine) as connection:
        rows = receivables.by_customer(connection, as_of=START)
        lines = [line async for line in receivables_csv(rows)]
    assert lines[0].startswith("customer,name,email,currency,not_due,")
    assert lines[1] == "cus_1,,c1@example.com,USD,0.00,80.00,0.00,0.00,0.00,80.00\r\n"
