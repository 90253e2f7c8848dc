"""Discounts and taxes, stored: every figure comes back, and the database refuses wrong sums."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, snapshot
from adapters.db.queries import books, catalog_versions, tax_standing
from adapters.db.queries import coupons as coupon_queries
from adapters.db.queries import invoices as invoice_queries
from adapters.db.repositories.catalog import Publication
from adapters.db.tables.coupon import coupon_redemptions, coupons
from adapters.db.tables.customer import customers
from adapters.db.tables.invoice import invoice_lines
from adapters.db.tax_rates import SqlTaxRates
from adapters.db.transaction import SqlTransaction
from billing.actor import Actor, ActorKind
from billing.catalog_version import CatalogVersion
from billing.credit_note import (
    CreditNoteDraft,
    CreditReason,
    amount_lines,
    draft_for,
)
from billing.discount import Coupon, CouponDuration, RedeemedDiscount
from billing.errors import BooksBroken, Conflict, InvalidInput
from billing.invoice import InvoiceDraft, draft_for_period
from billing.ledger import Account, credit_note_issued
from billing.ports.storage import Transaction
from billing.tax import Taxpayer, TaxRate, TaxReason, TaxTable, TaxTreatment
from tests.adapters.db.company import (
    PERIOD,
    START,
    TEAM,
    open_shop,
    post,
    sell,
    subscribe,
    subscription,
)
from tests.adapters.db.reversals import usd
from tests.adapters.db.statements import noted

SPRING = Coupon(id="SPRING", name="Spring sale", percent=Decimal(20), duration=CouponDuration.ONCE)
TEN_OFF = Coupon(id="TEN", name="Ten off", amount=usd(1000), duration=CouponDuration.FOREVER)
_NO_RATES = TaxTable()
NEW_YORK = TaxTreatment(jurisdiction="US-NY", name="Sales tax", rate=Decimal("8.875"))


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine, customer_count=2)
    await subscribe(engine, subscription(1))
    async with transaction() as tx:
        await _publish(tx, SPRING, TEN_OFF)


async def _publish(
    tx: SqlTransaction,
    *coupons: Coupon,
    tax: TaxTable = _NO_RATES,
    effective_at: datetime | None = None,
) -> CatalogVersion:
    """A version that sells what the shop does, with these."""
    head = await catalog_versions.head(tx.connection)
    assert head is not None
    present = await catalog_versions.catalog_of(tx.connection, head.number)
    return await tx.catalog.publish(
        Publication(
            catalog=present.model_copy(update={"coupons": coupons, "tax": tax}),
            actor=Actor(kind=ActorKind.SYSTEM, id="test"),
            now=datetime.now(UTC),
            effective_at=effective_at,
            based_on=head.number,
        )
    )


def draft(number: int = 0, treatment: TaxTreatment | None = NEW_YORK) -> InvoiceDraft:
    """Ten seats, 20 % and then ten dollars off, with tax."""
    return draft_for_period(
        customer_id="cus_1",
        subscription_id="sub_1",
        price=TEAM,
        product_name="Team",
        quantity=10,
        period=PERIOD,
        period_number=number,
        discounts=tuple(
            RedeemedDiscount(coupon=coupon, redeemed_at=START) for coupon in (SPRING, TEN_OFF)
        ),
        treatment=treatment,
        now=START,
    )


async def given_back(tx: Transaction, invoice: InvoiceDraft, minor: int) -> CreditNoteDraft:
    settled = await tx.invoices.settled(invoice.id)
    note = draft_for(
        source=f"asked:{minor}",
        invoice_id=invoice.id,
        customer_id="cus_1",
        subscription_id="sub_1",
        reason=CreditReason.REQUESTED,
        lines=amount_lines(await tx.invoices.debits_of(invoice.id), usd(minor), paid=settled.left),
        to_card=usd(0),
        now=START,
    )
    await tx.credit_notes.issue(note)
    await post(tx, credit_note_issued(note))
    return note


async def test_an_invoice_is_read_as_it_was_made(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        record = await sell(tx, draft())
    assert (record.subtotal, record.discount, record.tax, record.total) == (
        usd(16_000),
        usd(4200),
        usd(1047),
        usd(12_847),
    )
    async with snapshot(engine) as connection:
        found = await invoice_queries.get(connection, draft().id)
        assert (await books.read(connection)).balance
    assert found is not None
    assert found.lines == draft().lines


async def test_what_is_given_back_has_its_tax_and_no_more_than_there_was(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    async with transaction() as tx:
        await sell(tx, draft())
        for minor in (1, 4000, 8846):
            note = await given_back(tx, draft(), minor)
            [kept] = await tx.credit_notes.of_source("sub_1", note.source)
            assert kept == note
        [debit] = await tx.invoices.debits_of(draft().id)
        assert (debit.creditable, debit.tax_left_minor) == (usd(0), 0)
    async with snapshot(engine) as connection:
        kept_books = await books.read(connection)
    assert kept_books.balance
    [payable] = kept_books.comparisons_of(Account.TAX_PAYABLE)
    assert (payable.ledger_minor, payable.documents_minor) == (0, 0)


async def test_reverse_charge_is_said_and_costs_nothing(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    reverse = TaxTreatment(
        jurisdiction="FR", name="VAT", rate=Decimal(0), reason=TaxReason.REVERSE_CHARGE
    )
    async with transaction() as tx:
        await sell(tx, draft(treatment=reverse))
    async with snapshot(engine) as connection:
        found = await invoice_queries.get(connection, draft().id)
    assert found is not None
    assert found.lines[0].tax is not None
    assert found.lines[0].tax.reason is TaxReason.REVERSE_CHARGE


async def test_an_invoice_that_is_not_the_sum_of_its_parts_is_refused(
    transaction: Transactions,
) -> None:
    wrong = draft().model_copy(update={"total": usd(12_846)})
    with pytest.raises(BooksBroken) as refused:
        async with transaction() as tx:
            await tx.invoices.finalize(wrong)
    assert refused.value.code == "invoice_does_not_add_up"


async def test_a_line_that_comes_later_is_refused(transaction: Transactions) -> None:
    async with transaction() as tx:
        await sell(tx, draft())
    line = (await _rows(transaction))[0] | {"position": 2}
    with pytest.raises(BooksBroken):
        async with transaction() as tx:
            await tx.connection.execute(insert(invoice_lines).values(line))


async def _rows(transaction: Transactions) -> list[dict[str, object]]:
    async with transaction() as tx:
        return [row._asdict() for row in await tx.connection.execute(select(invoice_lines))]


async def test_a_tax_is_not_given_back_twice(transaction: Transactions) -> None:
    async with transaction() as tx:
        await sell(tx, draft())
        debits = await tx.invoices.debits_of(draft().id)
        lines = amount_lines(debits, usd(12_847), paid=usd(12_847))
    for source, refused in (("first", False), ("second", True)):
        note = draft_for(
            source=source,
            invoice_id=draft().id,
            customer_id="cus_1",
            subscription_id="sub_1",
            reason=CreditReason.REQUESTED,
            lines=lines,
            to_card=usd(0),
            now=START,
        )
        if refused:
            with pytest.raises(BooksBroken):
                async with transaction() as tx:
                    await tx.credit_notes.issue(note)
        else:
            async with transaction() as tx:
                await tx.credit_notes.issue(note)


async def _redeem(tx: Transaction, coupon_id: str, number: int, *, at: datetime = START) -> Coupon:
    return await tx.coupons.redeem(
        coupon_id,
        subscription_id=f"sub_{number}",
        product_ids=["team"],
        currency="USD",
        at=at,
    )


async def test_a_limit_holds_however_many_redeem_at_once(transaction: Transactions) -> None:
    limited = SPRING.model_copy(update={"redemption_limit": 3})
    async with transaction() as tx:
        await _publish(tx, limited)

    async def redeem(number: int) -> bool:
        try:
            async with transaction() as tx:
                return await _redeem(tx, "SPRING", number) == limited
        except Conflict as refused:
            return refused.code != "coupon_exhausted"

    # Each of five asks twice, as after a lost answer.
    taken = await asyncio.gather(*(redeem(number % 5) for number in range(10)))
    assert sum(taken) == 6
    async with transaction() as tx:
        held = await tx.connection.scalar(
            select(coupons.c.redemptions).where(coupons.c.id == "SPRING")
        )
        assert held == 3
        first = next(number for number in range(5) if taken[number])
        await tx.coupons.release(f"sub_{first}")
        await tx.coupons.release(f"sub_{first}")
        await _redeem(tx, "SPRING", 9)


async def test_what_was_taken_for_a_start_that_never_came_is_free_after_a_day(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await _publish(tx, SPRING.model_copy(update={"redemption_limit": 2}))
        await _redeem(tx, "SPRING", 1)  # is recorded
        await _redeem(tx, "SPRING", 2)  # died before it was started
        with pytest.raises(Conflict, match="coupon_exhausted"):
            await _redeem(tx, "SPRING", 3)
        await tx.connection.execute(
            update(coupon_redemptions).values(
                recorded_at=coupon_redemptions.c.recorded_at - timedelta(days=1, seconds=1)
            )
        )
        await _redeem(tx, "SPRING", 2)  # the same start, repeated, still holds it
        await _redeem(tx, "SPRING", 3)
        for late in (2, 4):
            with pytest.raises(Conflict, match="coupon_exhausted"):
                await _redeem(tx, "SPRING", late)


async def test_a_version_that_starts_later_discounts_and_taxes_nothing_before(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    begins_at = datetime.now(UTC) + timedelta(days=30)
    table = TaxTable(
        rates=(TaxRate(country="FR", name="VAT", rate=Decimal(20), effective_from=START),)
    )
    async with transaction() as tx:
        await _publish(tx, TEN_OFF, tax=table, effective_at=begins_at)
        await _live_in(tx, 1, {"country": "FR"})
        assert await _redeem(tx, "SPRING", 1) == SPRING
        with pytest.raises(InvalidInput, match="coupon_not_found"):
            await _redeem(tx, "SPRING", 2, at=begins_at)
        assert [c.coupon for c in await coupon_queries.on_sale(tx.connection)] == [SPRING, TEN_OFF]
        after = await coupon_queries.on_sale(tx.connection, now=begins_at)
        assert [c.coupon for c in after] == [TEN_OFF]
    rates = SqlTaxRates(engine)
    assert (await rates.taxation("cus_1", START)).of(None) is None
    french = (await rates.taxation("cus_1", begins_at)).of(None)
    assert french is not None
    assert french.rate == 20


async def test_a_coupon_that_is_not_on_sale_cannot_be_redeemed(transaction: Transactions) -> None:
    async with transaction() as tx:
        await _publish(tx, TEN_OFF)
        for unknown in ("SPRING", "NEVER"):
            with pytest.raises(InvalidInput, match="coupon_not_found"):
                await _redeem(tx, unknown, 1)


async def _live_in(
    tx: SqlTransaction, number: int, address: dict[str, str], *, vat_id: str | None = None
) -> None:
    await tx.connection.execute(
        update(customers)
        .where(customers.c.id == f"cus_{number}")
        .values(address=address, vat_id=vat_id)
    )


async def test_taxes_follow_from_the_customer_and_the_table_of_the_day(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    rates = SqlTaxRates(engine)
    assert (await rates.taxation("cus_1", START)).of(None) is None
    table = TaxTable(
        seller_country="DE",
        rates=tuple(
            TaxRate(country=c, region=r, name="Tax", rate=Decimal(p), effective_from=at)
            for c, r, p, at in (
                ("US", "NY", "8", START - timedelta(days=1)),
                ("US", "NY", "8.875", START + timedelta(days=1)),
                ("FR", None, "20", START),
            )
        ),
    )
    async with transaction() as tx:
        await _publish(tx, tax=table)
        for number, address in ((1, {"country": "US", "region": "NY"}), (2, {"country": "FR"})):
            await _live_in(tx, number, address, vat_id="FR40303265045" if number == 2 else None)
    for at in (START, START + timedelta(days=1)):
        new_yorker = Taxpayer(country="US", region="NY")
        assert await rates.taxation("cus_1", at) == table.taxation(new_yorker, at)
    french = (await rates.taxation("cus_2", START)).of(None)
    assert french is not None
    assert french.reason is TaxReason.REVERSE_CHARGE
    async with noted(engine) as statements:
        standing = await tax_standing.read(engine, "cus_1", START)
        assert await rates.taxation("cus_1", START, standing=standing) == table.taxation(
            Taxpayer(country="US", region="NY"), START
        )
    assert len(statements) == 1
    async with transaction() as tx:
        await _publish(tx, tax=TaxTable())
    assert (await rates.taxation("cus_1", START)).of(None) is None
