"""Debits: what was charged for which time, what was given back of it, and who paid it."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions
from adapters.db.transaction import SqlTransaction
from billing.balance import BalanceCause, BalanceMovement
from billing.catalog import ProrationMode
from billing.credit_note import Settled
from billing.dispute import DisputeState
from billing.errors import NotFound
from billing.invoice import InvoiceDraft, negated
from billing.period import Period
from billing.ports.storage import Transaction
from billing.proration import Debit, LineRef, credit_for
from billing.refund import RefundState
from tests.adapters.db.company import (
    PERIOD,
    START,
    TEAM,
    bill,
    collect,
    draft,
    open_shop,
    sell,
    subscribe,
    subscription,
)
from tests.adapters.db.reversals import (
    debit,
    dispute,
    give_back,
    note,
    refund,
    usd,
    with_credit,
    with_line,
)
from tests.adapters.db.undone import undone
from tests.adapters.db.waiting import somebody_waits

_NEXT = Period(start=PERIOD.end, end=PERIOD.end + timedelta(days=31))
_FIRST_HALF = Period(start=START, end=START + PERIOD.length / 2)
_SECOND_HALF = Period(start=_FIRST_HALF.end, end=PERIOD.end)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await open_shop(engine, customer_count=2)
    await subscribe(engine, subscription(1), subscription(2, customer_number=2))


def _during(invoice: InvoiceDraft, period: Period) -> InvoiceDraft:
    lines = tuple(line.model_copy(update={"period": period}) for line in invoice.lines)
    return invoice.model_copy(update={"period": period, "lines": lines})


async def _debits(tx: Transaction, subscription_id: str = "sub_1") -> tuple[Debit, ...]:
    return await tx.invoices.debits(subscription_id, ending_after=START)


async def test_a_paid_line_is_a_debit_of_its_period(transaction: Transactions) -> None:
    async with transaction() as tx:
        await sell(tx, draft())
        [found] = await _debits(tx)
    assert found == Debit(
        ref=LineRef(invoice_id=draft().id, position=1),
        description="Team, 5 seats, every month",
        price_id=TEAM.id,
        price_version=1,
        quantity=5,
        period=PERIOD,
        amount=usd(8000),
        credited=usd(0),
    )


async def test_only_lines_of_paid_invoices_of_the_subscription_that_end_later_are_debits(
    transaction: Transactions,
) -> None:
    """In the order of numbers, which is not that of ids; an open or void one is no debit."""
    async with transaction() as tx:
        for number in (5, 3, 4):
            await sell(tx, draft(number))
        await sell(tx, _during(draft(6), _NEXT))
        await bill(tx, draft(7))
        void = await bill(tx, draft(8))
        await tx.invoices.mark_void(void.id, voided_at=START)
        await sell(tx, draft(0, subscription_number=2))
        found = await _debits(tx)
        later = await tx.invoices.debits("sub_1", ending_after=PERIOD.end)
        none = await tx.invoices.debits("sub_1", ending_after=_NEXT.end)
        assert [d.ref.invoice_id for d in found] == [draft(n).id for n in (5, 3, 4, 6)]
        assert [d.ref.invoice_id for d in later] == [draft(6).id]
        assert none == ()


async def test_credit_lines_and_credit_notes_are_credited_together(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await sell(tx, draft())
        await bill(tx, with_credit(draft(1), of=debit(draft()), minor=1000, period=_FIRST_HALF))
        await give_back(tx, note(draft(), 500, period=_FIRST_HALF))
        await give_back(tx, note(draft(), 20, source="request:2", period=_FIRST_HALF))
        [found] = await tx.invoices.debits_of(draft().id)
        assert (found.credited, found.creditable) == (usd(1520), usd(6480))
        assert not found.is_closed


@pytest.mark.parametrize("past_the_end", [timedelta(0), timedelta(days=10)])
async def test_a_credit_that_reaches_the_debits_end_closes_it(
    transaction: Transactions, past_the_end: timedelta
) -> None:
    """Also where a pause has moved the end of what is credited beyond that of the line."""
    rest = Period(start=_SECOND_HALF.start, end=_SECOND_HALF.end + past_the_end)
    async with transaction() as tx:
        await sell(tx, draft(0))
        await sell(tx, draft(1))
        await sell(tx, draft(2))
        changed = with_credit(draft(3), of=debit(draft(0)), minor=4000, period=rest)
        await bill(tx, changed)
        await give_back(tx, note(draft(1), 4000, period=rest))
        assert [found.is_closed for found in await _debits(tx)] == [True, True, False]
        await tx.invoices.mark_void(changed.id, voided_at=START)
        assert [found.is_closed for found in await _debits(tx)] == [False, True, False]
        [reopened] = await tx.invoices.debits_of(draft(0).id)
        assert reopened.credited == usd(0)


async def test_all_positive_lines_of_an_invoice_are_its_debits_whatever_its_status(
    transaction: Transactions,
) -> None:
    seats = draft(1).lines[0].model_copy(update={"amount": usd(700), "quantity": 2})
    async with transaction() as tx:
        await sell(tx, draft())
        changed = with_line(with_credit(draft(1), of=debit(draft()), minor=100), seats)
        await bill(tx, changed)
        found = await tx.invoices.debits_of(changed.id)
        assert [(d.ref.position, d.amount, d.quantity) for d in found] == [
            (1, usd(8000), 5),
            (3, usd(700), 2),
        ]
        assert await tx.invoices.debits_of("in_unknown") == ()


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seats=st.integers(1, 7),
    cuts=st.lists(st.integers(0, 28 * 86400 - 1), max_size=6),
    by_note=st.lists(st.booleans(), min_size=6, max_size=6),
)
async def test_credits_computed_from_what_is_stored_never_exceed_their_debit(
    engine: AsyncEngine, seats: int, cuts: list[int], by_note: list[bool]
) -> None:
    """Again and again, a rest of the period is given back, by a line or by a note."""
    async with undone(engine) as connection:
        tx = SqlTransaction(connection)
        await sell(tx, draft(quantity=seats))
        given, closed = 0, False
        for number, (cut, is_note) in enumerate(zip(cuts, by_note, strict=False), start=1):
            [charged] = await tx.invoices.debits_of(draft().id)
            assert charged.credited.amount_minor == given <= charged.amount.amount_minor
            assert charged.is_closed == closed
            rest = Period(start=START + timedelta(seconds=cut), end=PERIOD.end)
            back = credit_for(charged, rest, ProrationMode.BY_SECOND)
            if not back.amount_minor:
                continue
            if is_note:
                draft_note = note(
                    draft(), back.amount_minor, source=f"request:{number}", period=rest
                )
                await give_back(tx, draft_note)
            else:
                changed = with_credit(
                    draft(number), of=charged.ref, minor=back.amount_minor, period=rest
                )
                await bill(tx, changed)
            given, closed = given + back.amount_minor, True
        await tx.finish()


def _settled(**changes: object) -> Settled:
    nothing = usd(0)
    return Settled(
        invoice_id=draft().id,
        payment_id=f"pi_{draft().id}",
        by_card=usd(8000),
        by_balance=nothing,
        card_returned=nothing,
        balance_returned=nothing,
    ).model_copy(update=changes)


async def test_an_invoice_paid_by_card_is_settled_by_its_payment(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await sell(tx, draft())
        assert await tx.invoices.settled(draft().id) == _settled()
        with pytest.raises(NotFound):
            await tx.invoices.settled("in_unknown")


async def _give(tx: Transaction, minor: int) -> None:
    await tx.balances.move(
        BalanceMovement(
            source_key="given",
            customer_id="cus_1",
            cause=BalanceCause.REFUND_FAILED,
            amount=usd(minor),
            at=START,
        )
    )


async def test_what_went_back_is_told_by_where_it_went(transaction: Transactions) -> None:
    """$80 paid as $30 balance and $50 card; $60 go back, the card's $50 first."""
    async with transaction() as tx:
        await _give(tx, 3000)
        await sell(tx, draft())
        before = await tx.invoices.settled(draft().id)
        assert before == _settled(by_card=usd(5000), by_balance=usd(3000))
        await give_back(tx, note(draft(), 6000, to_card=5000))
        after = await tx.invoices.settled(draft().id)
    assert after == before.model_copy(
        update={"card_returned": usd(5000), "balance_returned": usd(1000)}
    )
    assert (after.card_left, after.left) == (usd(0), usd(2000))


async def test_a_failed_refund_went_to_the_balance_instead(transaction: Transactions) -> None:
    given = note(draft(), 6000, to_card=5000)
    async with transaction() as tx:
        await sell(tx, draft())
        await give_back(tx, given)
        await tx.refunds.put(refund(given).model_copy(update={"state": RefundState.FAILED}))
        after = await tx.invoices.settled(draft().id)
    assert (after.card_returned, after.balance_returned) == (usd(0), usd(6000))
    assert (after.card_left, after.left) == (usd(8000), usd(2000))


async def test_an_invoice_paid_by_its_credits_alone_was_paid_by_balance(
    transaction: Transactions,
) -> None:
    """What a change's credit lines paid was the customer's before, and can go back there."""
    async with transaction() as tx:
        await sell(tx, draft())
        whole = with_credit(draft(1, quantity=1), of=debit(draft()), minor=5000)
        await sell(tx, whole)
        part = with_credit(draft(2), of=debit(draft()), minor=3000)
        await sell(tx, part)
        # The balance of 3,400 that the first left paid a part of the second, a card the rest.
        first, second = [await tx.invoices.settled(each.id) for each in (whole, part)]
    assert (first.payment_id, first.by_card, first.by_balance) == (None, usd(0), usd(1600))
    assert (second.by_card, second.by_balance) == (usd(1600), usd(3000 + 3400))
    assert second.left == usd(8000)


async def test_what_gives_back_of_a_debt_on_net_terms_has_paid_once_that_is_paid(
    transaction: Transactions,
) -> None:
    async with transaction() as tx:
        await tx.customers.set_net_terms("cus_1", 30)
        owed = await bill(tx, draft())
        part = with_credit(draft(1), of=debit(draft()), minor=3000)
        await sell(tx, part)
        below_zero = with_credit(draft(2, quantity=1), of=debit(draft()), minor=5000)
        await bill(tx, below_zero)
        before = [await tx.invoices.settled(each.id) for each in (part, below_zero)]
        await collect(tx, owed)
        after = [await tx.invoices.settled(each.id) for each in (part, below_zero)]
    assert [each.left for each in before] == [usd(5000), usd(0)]
    assert [each.left for each in after] == [usd(8000), usd(1600)]


async def test_what_is_carried_to_the_next_invoice_was_not_paid(transaction: Transactions) -> None:
    carried = negated(draft(1).lines[0].model_copy(update={"amount": usd(30)}))
    async with transaction() as tx:
        await sell(tx, draft())
        changed = with_credit(draft(1), of=debit(draft()), minor=7970)
        await sell(tx, with_line(changed, carried))
        settled = await tx.invoices.settled(changed.id)
    assert (settled.by_card, settled.by_balance) == (usd(0), usd(7970))


@pytest.mark.parametrize(
    ("state", "is_disputed"),
    [
        (DisputeState.INQUIRY, False),
        (DisputeState.OPEN, True),
        (DisputeState.WON, False),
        (DisputeState.LOST, True),
    ],
)
async def test_a_payment_is_disputed_while_the_bank_has_the_money(
    transaction: Transactions, state: DisputeState, *, is_disputed: bool
) -> None:
    async with transaction() as tx:
        for number in range(2):
            await sell(tx, draft(number))
        await tx.disputes.put(dispute(draft(), state=state))
        assert (await tx.invoices.settled(draft().id)).is_disputed is is_disputed
        assert not (await tx.invoices.settled(draft(1).id)).is_disputed


async def test_who_waited_for_the_lock_sees_what_was_given_back_meanwhile(
    transaction: Transactions,
) -> None:
    async def read() -> Settled:
        async with transaction() as tx:
            return await tx.invoices.settled(draft().id)

    async with transaction() as tx:
        await sell(tx, draft())
    async with transaction() as tx:
        await tx.invoices.settled(draft().id)
        second = asyncio.create_task(read())
        await somebody_waits(transaction)
        await give_back(tx, note(draft(), 100))
    assert (await second).balance_returned == usd(100)
