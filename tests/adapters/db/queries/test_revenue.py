"""Revenue by month in SQL: to the cent what `billing.recognition` says of each line."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reporting
from adapters.db.queries import revenue
from adapters.db.tables.customer import customers
from billing.billing_mode import BillingMode
from billing.catalog import Catalog, Product
from billing.errors import InvalidInput
from billing.invoice import InvoiceDraft
from billing.offer import Offer
from billing.period import Period
from billing.price import Price
from billing.recognition import EarnedLine
from billing.tax import TaxRate, TaxTable
from tests.adapters.db.company import TEAM, draft, open_shop, subscribe
from tests.adapters.db.reversals import note, usd
from tests.billing.running import Running, at

FIRST, LAST = date(2025, 1, 1), date(2028, 12, 1)


IN_ARREARS = TEAM.model_copy(update={"version": 2, "billing": BillingMode.IN_ARREARS})


def invoice(
    number: int, minor: int, period: Period, finalized_at: datetime, *, price: Price = TEAM
) -> InvoiceDraft:
    base = draft(number, price=price)
    line = base.lines[0].model_copy(update={"amount": usd(minor), "period": period})
    return base.model_copy(
        update={
            "lines": (line,),
            "total": usd(minor),
            "period": period,
            "finalized_at": finalized_at,
            "due_at": finalized_at,
        }
    )


async def test_a_year_of_108_dollars_is_earned_by_the_day(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await open_shop(engine)
    await subscribe(engine)
    start = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    year = Period(start=start, end=start.replace(year=2027))
    async with transaction() as tx:
        await tx.invoices.finalize(invoice(0, 10_800, year, start))
    async with reporting(engine) as connection:
        found = await revenue.by_month(connection, first=FIRST, last=LAST)
        elsewhere = await revenue.by_month(
            connection, first=FIRST, last=LAST, customer_ids=["cus_other"]
        )
        march = await revenue.by_month(connection, first=date(2026, 3, 1), last=date(2026, 3, 1))
    assert [month.recognised.amount_minor for month in found[:3]] == [503, 829, 917]
    assert [month.invoiced.amount_minor for month in found[:2]] == [10_800, 0]
    assert sum(month.recognised.amount_minor for month in found) == 10_800
    assert (len(found), found[-1].deferred) == (13, usd(0))
    assert (elsewhere, march) == ((), found[2:3])


async def test_every_line_is_earned_as_the_rule_says(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await open_shop(engine)
    await subscribe(engine)
    async with transaction() as tx:
        product = Product(id="team", name="Team", family="plan")
        await tx.catalog.put_on_sale(Catalog(products=(product,), prices=(IN_ARREARS,)))
    random = Random(108)  # noqa: S311 - the same lines in every run
    lines: list[EarnedLine] = []
    async with transaction() as tx:
        for number in range(40):
            start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=random.randrange(9_000))
            period = Period(start=start, end=start + timedelta(hours=random.randrange(1, 12_000)))
            issued = start + timedelta(hours=random.randrange(-500, 2_000))
            price = (TEAM, IN_ARREARS)[number % 2]
            made = invoice(number, random.randrange(2, 1_000_000), period, issued, price=price)
            await tx.invoices.finalize(made)
            line = EarnedLine.over(
                made.total, period, issued_on=issued.date(), in_arrears=price is IN_ARREARS
            )
            if number % 3 == 0:
                at = issued + timedelta(hours=random.randrange(6_000))
                await tx.invoices.mark_void(made.id, voided_at=at)
                line = line.model_copy(update={"voided_on": at.date()})
            elif number % 3 == 1:
                await tx.invoices.mark_paid(made.id, paid_at=issued)
                part = Period(start=start + (period.end - start) / 3, end=period.end)
                half = made.total.amount_minor // 2
                given = note(made, half, to_card=half, period=part)
                at = max(issued, part.start)
                await tx.credit_notes.issue(given.model_copy(update={"issued_at": at}))
                lines.append(EarnedLine.over(-given.total, part, issued_on=at.date()))
            lines.append(line)
    async with reporting(engine) as connection:
        found = await revenue.by_month(connection, first=FIRST, last=LAST)
    deferred = 0
    for month in found:
        following = (month.month + timedelta(days=32)).replace(day=1)
        earned = sum(line.recognised_in(month.month, following).amount_minor for line in lines)
        left = sum(line.deferred_before(following).amount_minor for line in lines)
        accrued = sum(line.accrued_before(following).amount_minor for line in lines)
        assert (month.recognised, month.deferred) == (usd(earned), usd(left)), month
        assert month.accrued == usd(accrued)
        deferred += month.invoiced.amount_minor - month.recognised.amount_minor
        assert month.deferred.amount_minor - accrued == deferred
    assert deferred == 0
    assert len(found) > 20


async def test_what_is_not_invoiced_yet_is_accrued_and_the_same_revenue_as_afterwards(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await open_shop(engine)
    product = Product(id="team", name="Team", family="plan")
    async with transaction() as tx:
        await tx.catalog.put_on_sale(Catalog(products=(product,), prices=(IN_ARREARS,)))
    running = Running(Offer(product=product, price=IN_ARREARS), start=at("2026-04-16"), quantity=5)
    state = running.until("2026-04-20")
    await subscribe(engine, state)
    before = await _months(engine)
    assert [(row.recognised, row.accrued) for row in before] == [
        (usd(40_00), usd(40_00)),
        (usd(40_00), usd(80_00)),
    ]
    async with reporting(engine) as connection:
        other = await revenue.by_month(
            connection, first=FIRST, last=LAST, customer_ids=["cus_other"]
        )
    assert other == ()

    renewed = running.until("2026-05-16")
    [booked] = running.books.invoices.values()
    async with transaction() as tx:
        await tx.invoices.finalize(booked.draft)
        await tx.subscriptions.save(renewed)
    april, may, june = await _months(engine)
    assert april == before[0]
    assert (may.invoiced, may.recognised, may.deferred) == (usd(80_00), usd(81_29), usd(0))
    assert (may.accrued, june.recognised, june.accrued) == (usd(41_29), usd(38_71), usd(80_00))
    year = Period(start=at("2026-06-16"), end=at("2027-06-16"))
    async with transaction() as tx:
        await tx.invoices.finalize(invoice(99, 100, year, year.start))
    assert {row.accrued for row in (await _months(engine))[2:]} == {usd(80_00)}


async def test_tax_within_what_accrues_is_told_apart_by_the_catalogs_table(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    await open_shop(engine)
    product = Product(id="team", name="Team", family="plan")
    price = IN_ARREARS.model_copy(update={"tax_inclusive": True})
    vat = TaxRate(country="DE", name="VAT", rate=Decimal(19), effective_from=at("2021-01-01"))
    async with transaction() as tx:
        await tx.catalog.put_on_sale(
            Catalog(products=(product,), prices=(price,), tax=TaxTable(rates=(vat,)))
        )
    async with engine.begin() as connection:
        await connection.execute(update(customers).values(address={"country": "DE"}))
    running = Running(Offer(product=product, price=price), start=at("2026-04-01"), quantity=5)
    await subscribe(engine, running.until("2026-04-20"))
    [april] = await _months(engine)
    assert (april.recognised, april.accrued) == (usd(67_23), usd(67_23))


async def _months(engine: AsyncEngine) -> tuple[revenue.RevenueOfMonth, ...]:
    async with reporting(engine) as connection:
        return await revenue.by_month(connection, first=FIRST, last=LAST)


def test_a_report_has_at_most_ten_years_and_goes_forward() -> None:
    revenue.check_months(FIRST, FIRST)
    for first, last in ((LAST, FIRST), (date(2020, 1, 1), date(2030, 1, 1))):
        with pytest.raises(InvalidInput, match="date_out_of_range"):
            revenue.check_months(first, last)
