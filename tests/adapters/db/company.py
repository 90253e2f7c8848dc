"""A small company's customers, products and subscriptions, as values and in a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import transactions
from adapters.db.repositories.catalog import SqlCatalog
from adapters.db.tables.customer import customers
from billing.catalog import Catalog, Product, Trial
from billing.interval import Interval, IntervalUnit
from billing.invoice import InvoiceDraft, InvoiceRecord, draft_for_period
from billing.ledger import JournalEntry, invoice_finalized, payment_received
from billing.payment import Paid
from billing.period import Period
from billing.ports.books import PaymentAttempt
from billing.ports.storage import Transaction
from billing.price import Price
from billing.price_model import PerUnit
from billing.pricing import price_of
from billing.subscription import SubscriptionState, SubscriptionStatus, Terms

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
PERIOD = Period(start=START, end=datetime(2026, 2, 28, 9, 30, tzinfo=UTC))
MONTHLY = Interval(unit=IntervalUnit.MONTH)
TEAM = Price(
    id="team_monthly",
    product_id="team",
    currency="USD",
    model=PerUnit(unit_amount_minor=Decimal(1600)),
    interval=MONTHLY,
    unit_name="seat",
)


def terms(quantity: int = 5) -> Terms:
    """Five seats of Team."""
    return Terms(
        product_id="team",
        product_name="Team",
        family="plan",
        price_id=TEAM.id,
        price_version=TEAM.version,
        currency="USD",
        interval=MONTHLY,
        quantity=quantity,
        period_amount=price_of(TEAM, quantity),
        trial=Trial(days=14),
    )


def subscription(number: int = 1, customer_number: int = 1) -> SubscriptionState:
    """An active subscription in its first period."""
    return SubscriptionState(
        subscription_id=f"sub_{number}",
        customer_id=f"cus_{customer_number}",
        terms=terms(),
        revision=1,
        status=SubscriptionStatus.ACTIVE,
        created_at=START,
        checkout_expires_at=START + timedelta(days=1),
        anchor_at=START,
        period_number=0,
        period=PERIOD,
    )


def draft(
    period_number: int = 0, subscription_number: int = 1, *, quantity: int = 5, price: Price = TEAM
) -> InvoiceDraft:
    """The invoice of one period."""
    return draft_for_period(
        customer_id="cus_1",
        subscription_id=f"sub_{subscription_number}",
        price=price,
        product_name="Team",
        quantity=quantity,
        period=PERIOD,
        period_number=period_number,
        now=START,
    )


async def open_shop(engine: AsyncEngine, *, customer_count: int = 1) -> None:
    """Store the product, its price and some customers."""
    async with engine.begin() as connection:
        await SqlCatalog(connection).put_on_sale(
            Catalog(products=(Product(id="team", name="Team", family="plan"),), prices=(TEAM,))
        )
        await connection.execute(
            insert(customers),
            [
                {"id": f"cus_{number}", "email": f"c{number}@example.com", "created_at": START}
                for number in range(1, customer_count + 1)
            ],
        )


async def subscribe(engine: AsyncEngine, *states: SubscriptionState) -> None:
    """Store subscriptions; the shop is open."""
    async with transactions(engine)() as tx:
        for state in states or (subscription(),):
            await tx.subscriptions.save(state)


async def post(tx: Transaction, entry: JournalEntry | None) -> None:
    """The entry, unless there is nothing to post."""
    if entry is not None:
        await tx.ledger.post(entry)


async def bill(tx: Transaction, invoice: InvoiceDraft) -> InvoiceRecord:
    """Finalised and in the books."""
    record = await tx.invoices.finalize(invoice)
    await post(tx, invoice_finalized(invoice, from_balance=record.from_balance))
    return record


async def collect(tx: Transaction, record: InvoiceRecord) -> None:
    """What was due is paid by the payment `pi_{invoice id}`."""
    payment_id, due = f"pi_{record.id}", record.amount_due
    await tx.attempts.put(
        PaymentAttempt(
            invoice_id=record.id,
            number=1,
            payment_method_id="pm_1",
            amount=due,
            started_at=START,
            attempted_at=START,
            payment_id=payment_id,
            outcome=Paid(amount=due, paid_at=START),
        )
    )
    await tx.invoices.mark_paid(record.id, paid_at=START)
    await tx.ledger.post(
        payment_received(
            invoice_id=record.id,
            customer_id=record.customer_id,
            payment_intent_id=payment_id,
            amount=due,
            paid_at=START,
        )
    )


async def sell(tx: Transaction, invoice: InvoiceDraft) -> InvoiceRecord:
    """Billed and paid at once by whatever the balance leaves to collect; as it was finalised."""
    record = await bill(tx, invoice)
    if record.amount_due.amount_minor:
        await collect(tx, record)
    return record
