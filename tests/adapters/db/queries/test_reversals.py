"""Balances, credit notes, refunds, disputes and tasks, read page by page."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import Transactions, reading
from adapters.db.queries import balances, credit_notes, disputes, operator_tasks, refunds
from adapters.db.queries.credit_notes import CreditNote
from billing.balance import BalanceCause, BalanceMovement
from billing.credit_note import CreditNoteDraft
from billing.dispute import Dispute, DisputeState
from billing.money import Money
from billing.refund import RefundState
from billing.task import OperatorTask, TaskKind
from tests.adapters.db.company import START, draft, open_shop, sell, subscribe, subscription
from tests.adapters.db.reversals import dispute, give_back, note, refund, usd

_DAY = timedelta(days=1)
_OTHERS = draft(0, subscription_number=2).model_copy(update={"customer_id": "cus_2"})


def _issued(given: CreditNoteDraft, day: int) -> CreditNoteDraft:
    return given.model_copy(update={"issued_at": START + day * _DAY})


_FIRST = _issued(note(draft(0), 500, to_card=300), 2)
_SECOND = _issued(note(draft(1), 700), 1)
_THIRD = _issued(note(draft(0), 20, to_card=20, source="request:2"), 0)
_FOREIGN = _issued(note(_OTHERS, 90, to_card=90), 3)


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, transaction: Transactions) -> None:
    await open_shop(engine, customer_count=2)
    await subscribe(engine, subscription(1), subscription(2, customer_number=2))
    async with transaction() as tx:
        for sold in (draft(0), draft(1), _OTHERS):
            await sell(tx, sold)
        for given in (_FIRST, _SECOND, _THIRD, _FOREIGN):
            await give_back(tx, given)


async def test_a_note_is_read_whole(engine: AsyncEngine) -> None:
    async with reading(engine) as connection:
        assert await credit_notes.get(connection, _FIRST.id) == CreditNote(
            number="CN-000001", draft=_FIRST, refund=refund(_FIRST)
        )
        to_balance = await credit_notes.get(connection, _SECOND.id)
        assert to_balance == CreditNote(number="CN-000002", draft=_SECOND, refund=None)
        assert await credit_notes.get(connection, "cn_unknown") is None


async def test_notes_are_found_latest_first(engine: AsyncEngine, subtests: pytest.Subtests) -> None:
    cases: tuple[tuple[dict[str, str], list[CreditNoteDraft]], ...] = (
        ({}, [_FOREIGN, _FIRST, _SECOND, _THIRD]),
        ({"customer_id": "cus_1"}, [_FIRST, _SECOND, _THIRD]),
        ({"subscription_id": "sub_2"}, [_FOREIGN]),
        ({"invoice_id": draft(0).id}, [_FIRST, _THIRD]),
        ({"invoice_id": draft(0).id, "customer_id": "cus_2"}, []),
    )
    for where, found in cases:
        with subtests.test(where=where, found=found):
            async with reading(engine) as connection:
                page = await credit_notes.page_of(connection, **where, limit=10)
                first = await credit_notes.page_of(connection, **where, limit=1)
                rest = await credit_notes.page_of(
                    connection, **where, cursor=first.next_cursor, limit=10
                )
            assert [each.draft for each in page.items] == found
            assert page.next_cursor is None
            assert [each.draft for each in first.items] == found[:1]
            if first.next_cursor is not None:
                assert [each.draft for each in rest.items] == found[1:]


async def test_refunds_are_found_by_whose_they_are_and_where_they_stand(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    done = refund(_FOREIGN).model_copy(update={"state": RefundState.SUCCEEDED})
    async with transaction() as tx:
        await tx.refunds.put(done)
    mine = {refund(_FIRST).id, refund(_THIRD).id}
    async with reading(engine) as connection:

        async def ids(**where: str | RefundState) -> set[str]:
            page = await refunds.page_of(connection, limit=10, **where)  # type: ignore[arg-type]  # one of several kinds of filters
            return {each.id for each in page.items}

        assert await refunds.get(connection, done.id) == done
        assert await refunds.get(connection, "re_unknown") is None
        assert await ids() == {*mine, done.id}
        assert await ids(customer_id="cus_1") == mine
        assert await ids(subscription_id="sub_2") == {done.id}
        assert await ids(invoice_id=draft(0).id) == mine
        assert await ids(state=RefundState.SUCCEEDED) == {done.id}
        assert await ids(state=RefundState.FAILED) == set()


async def test_disputes_are_found_by_whose_they_are_and_where_they_stand(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    opened = dispute(draft(0))
    lost = dispute(_OTHERS, state=DisputeState.LOST).model_copy(update={"opened_at": START + _DAY})
    async with transaction() as tx:
        await tx.disputes.put(opened)
        await tx.disputes.put(lost)
    async with reading(engine) as connection:

        async def found(**where: str | DisputeState) -> tuple[Dispute, ...]:
            return (await disputes.page_of(connection, limit=10, **where)).items  # type: ignore[arg-type]  # one of several kinds of filters

        assert await disputes.get(connection, lost.id) == lost
        assert await disputes.get(connection, "dp_unknown") is None
        assert await found() == (lost, opened)
        assert await found(customer_id="cus_2") == (lost,)
        assert await found(subscription_id="sub_1") == (opened,)
        assert await found(state=DisputeState.OPEN) == (opened,)


async def test_a_customers_balance_is_read_with_what_moved_it(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    euros = BalanceMovement(
        source_key="refund.failed:re_1",
        customer_id="cus_1",
        cause=BalanceCause.REFUND_FAILED,
        amount=Money(amount_minor=9, currency="EUR"),
        at=START,
        credit_note_id=_FIRST.id,
    )
    async with transaction() as tx:
        await tx.balances.move(euros)
    async with reading(engine) as connection:
        assert await balances.of_customer(connection, "cus_1") == (euros.amount, usd(900))
        assert await balances.of_customer(connection, "cus_2") == ()
        page = await balances.movements_of(connection, "cus_1", limit=2)
        rest = await balances.movements_of(connection, "cus_1", cursor=page.next_cursor, limit=2)
    assert [(m.source_key, m.amount) for m in page.items] == [
        (f"balance.credited:{_FIRST.id}", usd(200)),
        (f"balance.credited:{_SECOND.id}", usd(700)),
    ]
    assert page.items[0].credit_note_id == _FIRST.id
    assert rest.items == (euros,)


async def test_open_tasks_are_listed_newest_first(
    engine: AsyncEngine, transaction: Transactions
) -> None:
    tasks = [
        OperatorTask(
            key=f"dispute.opened:dp_{number}",
            kind=TaskKind.DISPUTE_OPENED,
            subject=f"dp_{number}",
            customer_id=f"cus_{1 + number % 2}",
            subscription_id=None if number == 2 else f"sub_{1 + number % 2}",
            created_at=START + number * _DAY,
        )
        for number in range(4)
    ]
    async with transaction() as tx:
        for task in tasks:
            await tx.tasks.add(task)
        await tx.tasks.close(tasks[1].key, closed_at=START + 9 * _DAY)
    async with reading(engine) as connection:

        async def keys(**where: str | bool) -> list[str]:
            page = await operator_tasks.page_of(connection, limit=10, **where)  # type: ignore[arg-type]  # one of several kinds of filters
            return [recorded.task.subject for recorded in page.items]

        assert await keys() == ["dp_3", "dp_2", "dp_0"]
        assert await keys(open_only=False) == ["dp_3", "dp_2", "dp_1", "dp_0"]
        assert await keys(customer_id="cus_1") == ["dp_2", "dp_0"]
        assert await keys(subscription_id="sub_2", open_only=False) == ["dp_3", "dp_1"]
        first = await operator_tasks.page_of(connection, limit=2)
        rest = await operator_tasks.page_of(connection, limit=2, cursor=first.next_cursor)
        assert [recorded.task for recorded in rest.items] == [tasks[0]]
        done = await operator_tasks.get(connection, tasks[1].key)
        assert done is not None
        assert (done.task, done.closed_at) == (tasks[1], START + 9 * _DAY)
