"""One message per fact, under one key, with what its text needs (policy P20, P32)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from billing import changing, closing, commands, giving_up, lifecycle, messages
from billing.catalog import PauseMode, PausePolicy, Product
from billing.dunning import FinalAction
from billing.message import Message, MessageKind
from billing.money import Money
from billing.offer import terms_of
from tests.billing.owing import owing
from tests.billing.running import CHALLENGE, SOFT, Running, at, offer
from tests.billing.subscriptions import CREATED, trialing

HOUR = timedelta(hours=1)


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def resting() -> Running:
    sold = Product(
        id="team", name="Team", family="plan", pause=PausePolicy(mode=PauseMode.KEEP_ANCHOR)
    )
    catalog = offer("team", 1600, product=sold), offer("business", 2400, product=sold)
    running = Running(*catalog, start=at("2026-04-01"), quantity=10)
    running.until("2026-04-11")
    return running


def only(running: Running) -> Message:
    [message] = running.messages
    return message


def facts(message: Message) -> tuple[MessageKind, datetime | None, Money | None]:
    return message.kind, message.effective_at, message.amount


def test_a_change_tells_what_is_sold_now_and_what_it_costs_from_now_on() -> None:
    running = resting()
    running.upgrade("business")
    message = only(running)
    assert facts(message) == (MessageKind.PLAN_CHANGED, at("2026-04-11"), usd(24000))
    assert message.key == "message.plan_changed:sub_1:cmd_1"
    assert message.invoice_id == running.state.last_invoice_id


def test_a_scheduled_change_tells_when_and_its_undoing_that_nothing_comes() -> None:
    running = resting()
    running.change(quantity=8)
    running.command(changing.change_undone)
    scheduled, undone = running.messages
    assert facts(scheduled) == (MessageKind.CHANGE_SCHEDULED, at("2026-05-01"), usd(12800))
    assert scheduled.key == "message.change_scheduled:sub_1:cmd_1"
    assert facts(undone) == (MessageKind.CHANGE_UNDONE, at("2026-05-01"), usd(16000))


def test_a_pause_tells_until_when_and_its_end_what_is_paid_again() -> None:
    running = resting()
    running.pause("2026-04-21")
    running.until("2026-04-21")
    began, over = running.messages
    assert facts(began) == (MessageKind.SUBSCRIPTION_PAUSED, at("2026-04-21"), None)
    assert facts(over) == (MessageKind.SUBSCRIPTION_RESUMED, at("2026-04-21"), usd(16000))


def test_every_attempt_is_told_under_its_own_number() -> None:
    running = owing()
    running.until("2026-06-04", SOFT, CHALLENGE)
    invoice_id = running.state.open_invoices[0].invoice_id
    refused, waiting = running.messages
    assert refused.key == f"message.payment_failed:sub_1:{invoice_id}:1"
    assert waiting.key == f"message.payment_action_required:sub_1:{invoice_id}:2"
    assert (refused.reason, refused.url) == ("insufficient_funds", None)
    assert (waiting.reason, waiting.url) == ("authentication_required", CHALLENGE.url)
    assert refused.amount == waiting.amount == usd(16000)


@pytest.mark.parametrize(
    ("final", "kind", "product"),
    [
        (FinalAction.CANCEL, MessageKind.SUBSCRIPTION_CANCELED, "Team"),
        (FinalAction.UNPAID, MessageKind.SUBSCRIPTION_UNPAID, "Team"),
        (FinalAction.DOWNGRADE_TO_FREE, MessageKind.SUBSCRIPTION_DOWNGRADED, "Free"),
    ],
)
def test_each_end_of_dunning_is_told_once(
    final: FinalAction, kind: MessageKind, product: str
) -> None:
    running = owing(final)
    running.until("2026-06-30", SOFT)
    last = running.messages[-1]
    assert (last.kind, last.product_name, last.at) == (kind, product, at("2026-06-16"))
    assert running.told().count(kind) == 1
    assert last.invoice_id == (
        running.state.open_invoices[0].invoice_id if final is FinalAction.UNPAID else None
    )


def _told_twice(tell: Callable[[datetime], Message]) -> tuple[Message, Message]:
    return tell(CREATED), tell(CREATED + HOUR)


def test_the_same_fact_is_told_under_the_same_key_however_late() -> None:
    state = trialing()
    notice, again = _told_twice(lambda now: messages.trial_will_end(state, now))
    assert notice.key == again.key
    running = owing()
    running.until("2026-06-01", SOFT)
    [invoice] = running.state.open_invoices
    failed, again = _told_twice(lambda now: messages.payment_failed(running.state, invoice, now))
    assert failed.key == again.key


@pytest.mark.parametrize("final", FinalAction)
def test_an_end_of_dunning_is_told_once_also_after_a_reset(final: FinalAction) -> None:
    running = owing(final)
    running.until("2026-06-15", SOFT)
    before = running.state
    fallback = running.catalog["free"]
    sold = terms_of(fallback, quantity=1, trial=None, segment=None)
    ends = [
        giving_up.gave_up(state, now, fallback=sold)
        for state, now in (
            (before, at("2026-06-16")),
            (lifecycle.revised(before, before.revision + 5), at("2026-06-17")),
        )
    ]
    assert ends[0].messages[-1].key == ends[1].messages[-1].key


def test_an_extended_trial_is_announced_anew() -> None:
    state = trialing()
    assert state.trial is not None
    later = commands.trial_extended(state, state.trial.end + timedelta(days=7), CREATED)
    first, second = (messages.trial_will_end(each, CREATED) for each in (state, later))
    assert first.key != second.key


def test_two_commands_of_a_kind_are_two_facts() -> None:
    running = resting()
    for _ in range(2):
        running.command(commands.cancel_at_period_end)
        running.command(commands.cancel_undone)
    for until in ("2026-04-12", "2026-04-13"):
        running.pause(until)
        running.until(until)
    keys = [message.key for message in running.messages]
    assert len(keys) == len(set(keys)) == 8


def test_nobody_is_told_of_a_payment_for_a_change_or_of_what_is_forgiven() -> None:
    running = resting()
    running.change("business")
    running.until(running.now, SOFT)
    assert running.messages == []
    waived = owing()
    waived.until("2026-06-01", SOFT)
    [invoice] = waived.state.open_invoices
    waived.command(lambda s, _: closing.invoice_waived(s, invoice.invoice_id))
    waived.until("2026-06-02")
    assert waived.told() == ["payment_failed"]
