"""A state is stored once, with its events and who asked for it."""

from decimal import Decimal

from activities.records import AuditEntry, Record, Recorded, Records
from adapters.db.engine import snapshot, unit_of_work
from adapters.db.queries import books
from adapters.db.tables.audit import audit_log
from adapters.db.tables.subscription import live_subscriptions
from billing import lifecycle
from billing.actor import Actor, ActorKind
from billing.credit_note import UnusedPart
from billing.event import DomainEvent
from billing.invoice import InvoiceLine
from billing.ledger import Account
from billing.price_model import PerUnit
from billing.subscription import EndReason, PromisedBack
from tests.activities.till import Till
from tests.adapters.db.company import START, TEAM, draft, subscription


async def test_a_record_repeated_changes_nothing(till: Till) -> None:
    records = Records(open_transaction=unit_of_work(till.engine))
    request = Record(
        state=subscription(),
        events=(
            DomainEvent(
                key="subscription.canceled:cmd_1",
                type="subscription.canceled",
                at=START,
                customer_id="cus_1",
                subscription_id="sub_1",
            ),
        ),
        audit=AuditEntry(
            command_id="cmd_1",
            command="cancel_now",
            actor=Actor(kind=ActorKind.OPERATOR, id="ada"),
            reason="asked for",
            at=START,
        ),
    )

    first, again = await records.record(request), await records.record(request)

    assert first == again
    assert await till.count(audit_log, command_id="cmd_1") == 1
    assert await till.event_types() == ["subscription.canceled"]


async def test_an_older_state_does_not_replace_a_newer_one(till: Till) -> None:
    records = Records(open_transaction=unit_of_work(till.engine))
    newer = subscription().model_copy(update={"revision": 7})
    await records.record(Record(state=newer))

    recorded = await records.record(Record(state=subscription()))

    assert recorded == Recorded(stored_revision=7)


async def test_the_end_of_a_subscription_gives_its_live_place_back(till: Till) -> None:
    records = Records(open_transaction=unit_of_work(till.engine))
    async with unit_of_work(till.engine)() as tx:
        await tx.subscriptions.save(subscription())
        await tx.subscriptions.claim(subscription(), with_trial=False)
    assert await till.count(live_subscriptions) == 1

    await records.record(Record(state=lifecycle.ended(subscription(), EndReason.REQUESTED, START)))

    assert await till.count(live_subscriptions) == 0


async def test_what_was_carried_is_written_off_with_the_end_once(till: Till) -> None:
    records = Records(open_transaction=unit_of_work(till.engine))
    owing = await till.owing()
    [carried] = draft_carrying(37)
    ended = lifecycle.ended(
        owing.model_copy(update={"carried": (carried,)}), EndReason.REQUESTED, START
    )

    for _ in range(2):
        await records.record(Record(state=ended))

    async with snapshot(till.engine) as connection:
        found = await books.read(connection)
    balances = {row.account: row.balance_minor for row in found.trial_balance}
    assert balances[Account.WRITE_OFFS] == 37
    assert found.balance, found.comparisons
    assert (await till.event_types()).count("carried.written_off") == 1


def draft_carrying(minor: int) -> tuple[InvoiceLine, ...]:
    """What an invoice over so little leaves to the next one."""
    price = TEAM.model_copy(update={"model": PerUnit(unit_amount_minor=Decimal(minor))})
    return draft(quantity=1, price=price).carried


async def test_an_end_that_a_reset_forgot_keeps_its_promise(till: Till) -> None:
    records = Records(open_transaction=unit_of_work(till.engine))
    before = await till.owing()
    promise = PromisedBack(cause="cmd_1", unused=UnusedPart.REFUND, part=before.running_period)
    ended = lifecycle.ended(before, EndReason.REQUESTED, START, promised_back=promise)
    await records.record(Record(state=ended))

    again = await records.record(Record(state=before))

    assert again.ahead == ended
