"""Dunning as stories: when it is tried, what customers can do, how it ends (policy P18-P21)."""

import pytest

from billing import closing, commands, giving_up, settlement
from billing.agenda import ActionKind, agenda, next_action
from billing.errors import Conflict, InvalidInput
from billing.payment import CollectionOutcome, Paid
from billing.subscription import EndReason
from tests.billing.owing import LADDER, WEEK, due_next, owing, statuses
from tests.billing.running import (
    CHALLENGE,
    NO_METHOD,
    PROCESSING,
    SOFT,
    STOLEN,
    Running,
    at,
)


def test_soft_declines_are_tried_on_four_days_and_told_four_times() -> None:
    running = owing()
    running.until("2026-06-15T23:59:59", SOFT)
    assert running.status == "past_due"
    running.until("2026-06-16", SOFT)
    assert running.attempts == LADDER
    assert running.told() == ["payment_failed"] * 4 + ["subscription_canceled"]
    assert running.state.end_reason is EndReason.PAYMENT_FAILED
    assert running.state.ended_at == LADDER[-1]
    assert statuses(running) == ["paid", "void"]
    assert running.state.is_finished


def test_every_attempt_says_what_comes_next() -> None:
    running = owing()
    running.until("2026-06-16", SOFT)
    failed = running.messages[:4]
    assert [message.effective_at for message in failed] == [*LADDER[1:], None]
    assert {message.invoice_id for message in failed} == {running.state.last_invoice_id}
    assert len({message.key for message in running.messages}) == 5


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (STOLEN, "payment_failed"),
        (NO_METHOD, "payment_failed"),
        (CHALLENGE, "payment_action_required"),
    ],
)
def test_what_is_pointless_to_repeat_is_tried_once(refusal: CollectionOutcome, kind: str) -> None:
    running = owing()
    running.until("2026-06-15T23:59:59", refusal)
    assert running.attempts == LADDER[:1]
    assert due_next(running) == (ActionKind.GIVE_UP, LADDER[-1])
    assert running.told() == [kind]


def test_who_authenticates_is_charged_once() -> None:
    running = owing()
    running.until("2026-06-05", CHALLENGE)
    [invoice] = running.state.open_invoices
    assert invoice.action_url == CHALLENGE.url
    running.hear(lambda s, now: settlement.payment_news(s, invoice.invoice_id, now))
    running.until("2026-06-30")
    assert running.attempts == [LADDER[0], at("2026-06-05")]
    assert running.status == "active"
    assert running.books.cash == 32000


def test_a_new_card_is_charged_at_once_and_ends_the_ladder() -> None:
    running = owing()
    running.until("2026-06-06T12:00", SOFT)
    running.hear(settlement.payment_method_changed)
    running.until("2026-07-01")
    assert running.attempts == [*LADDER[:2], at("2026-06-06T12:00"), at("2026-07-01")]
    assert running.state.running_period.start == at("2026-07-01")
    assert statuses(running) == ["paid"] * 3


def test_a_new_card_that_is_declined_uses_up_no_attempt() -> None:
    running = owing()
    running.until("2026-06-06T12:00", SOFT)
    running.hear(settlement.payment_method_changed)
    running.until("2026-06-16", SOFT)
    assert running.attempts == [*LADDER[:2], at("2026-06-06T12:00"), *LADDER[2:]]


def test_a_new_card_after_a_stolen_one_has_the_rest_of_the_ladder() -> None:
    running = owing()
    running.until("2026-06-06T12:00", STOLEN)
    running.hear(settlement.payment_method_changed)
    running.until("2026-06-16", SOFT)
    assert running.attempts == [LADDER[0], at("2026-06-06T12:00"), *LADDER[2:]]


def test_paying_in_the_instant_of_an_attempt_is_that_attempt() -> None:
    running = owing()
    running.until("2026-06-02", SOFT)
    running.now = LADDER[1]
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))
    [invoice] = running.state.open_invoices
    assert invoice.customer_present
    running.until("2026-06-30")
    assert running.attempts == LADDER[:2]


def test_what_nobody_owes_cannot_be_paid() -> None:
    running = owing()
    with pytest.raises(Conflict, match="nothing_to_pay"):
        running.command(lambda s, now: settlement.pay_now(s, now, customer_present=False))
    running.until("2026-06-01", PROCESSING)
    with pytest.raises(Conflict, match="nothing_to_pay"):
        running.command(lambda s, now: settlement.pay_now(s, now, customer_present=False))


def test_a_slow_payment_is_neither_paid_nor_past_due_until_it_fails() -> None:
    running = owing()
    running.until("2026-06-03", PROCESSING)
    assert running.status == "active"
    assert running.told() == []
    [invoice] = running.state.open_invoices
    running.hear(lambda s, now: settlement.payment_news(s, invoice.invoice_id, now))
    running.until("2026-06-03", SOFT)
    assert running.status == "past_due"
    running.until("2026-06-16", SOFT)
    assert running.attempts == [LADDER[0], at("2026-06-03"), *LADDER[1:]]


def bank_says(running: Running, outcome: CollectionOutcome | None) -> None:
    [invoice] = running.state.open_invoices
    running.hear(lambda s, now: settlement.payment_news(s, invoice.invoice_id, now))
    running.collect(invoice.invoice_id, outcome)


@pytest.mark.parametrize("answer", [SOFT, None])
def test_what_was_declined_is_past_due_no_more_while_a_bank_decides(
    answer: CollectionOutcome | None,
) -> None:
    running = owing()
    running.until("2026-06-12", SOFT, SOFT, SOFT)
    grace(running, "2026-06-23")
    running.until("2026-06-16", PROCESSING)
    assert (running.status, running.state.grace_until) == ("active", at("2026-06-23"))
    running.until("2026-06-20")
    bank_says(running, answer)
    expected = ("active", None) if answer is None else ("past_due", at("2026-06-23"))
    assert (running.status, running.state.grace_until) == expected


def test_of_two_debts_the_refused_one_stays_past_due_while_a_bank_decides_the_other() -> None:
    running = owing(interval=WEEK)
    running.until("2026-06-08", SOFT, SOFT, PROCESSING)
    assert [i.in_processing for i in running.state.open_invoices] == [False, True]
    assert running.status == "past_due"


def test_a_bank_that_refuses_after_the_ladder_leaves_time_for_one_more_attempt() -> None:
    running = owing()
    running.until("2026-06-17T12:00", PROCESSING)
    bank_says(running, SOFT)
    assert running.status == "past_due"
    assert [m.effective_at for m in running.messages] == [at("2026-06-20T12:00")]
    assert due_next(running) == (ActionKind.COLLECT, at("2026-06-20T12:00"))
    running.until("2026-06-25", PROCESSING)
    bank_says(running, SOFT)
    running.until("2026-06-25")
    assert running.status == "canceled"
    assert running.told() == ["payment_failed", "payment_failed", "subscription_canceled"]


def test_an_account_that_is_closed_is_not_asked_again_but_its_customer_may_bring_another() -> None:
    running = owing()
    running.until("2026-06-17", PROCESSING)
    bank_says(running, STOLEN)
    assert due_next(running) == (ActionKind.GIVE_UP, at("2026-06-20"))
    running.hear(settlement.payment_method_changed)
    running.until("2026-06-18")
    assert (running.status, running.state.grace_until) == ("active", None)


def test_a_bank_that_refuses_the_last_attempt_is_followed_by_the_final_action() -> None:
    """As with a card: one message for the attempt, and one for the end."""
    running = owing()
    running.until("2026-06-17", SOFT, SOFT, SOFT, PROCESSING)
    bank_says(running, SOFT)
    assert due_next(running) == (ActionKind.GIVE_UP, LADDER[-1])


def grace(running: Running, until: str) -> None:
    running.command(lambda s, now: giving_up.grace_extended(s, at(until), now))


def test_a_grace_is_one_more_attempt_and_then_the_final_action() -> None:
    running = owing()
    running.until("2026-06-12", SOFT)
    grace(running, "2026-06-23T12:00")
    running.until("2026-06-23T11:59:59", SOFT)
    assert running.status == "past_due"
    running.until("2026-06-23T12:00", SOFT)
    assert running.attempts == [*LADDER, at("2026-06-23T12:00")]
    assert running.told() == ["payment_failed"] * 5 + ["subscription_canceled"]


def test_a_grace_after_the_last_attempt_is_one_more_as_well() -> None:
    """The attempt of the 16th and the final action of the same instant: a command between them."""
    running = owing()
    running.until("2026-06-15", SOFT)
    action = next_action(running.state)
    assert action is not None
    running.now = action.at
    running.perform(action, SOFT)
    assert due_next(running) == (ActionKind.GIVE_UP, LADDER[-1])
    grace(running, "2026-06-23")
    assert due_next(running) == (ActionKind.COLLECT, at("2026-06-23"))
    running.until("2026-06-23", SOFT)
    assert running.status == "canceled"


def test_a_grace_tries_no_card_that_was_stolen() -> None:
    running = owing()
    running.until("2026-06-12", STOLEN)
    grace(running, "2026-06-23")
    running.until("2026-06-23", STOLEN)
    assert running.attempts == LADDER[:1]
    assert running.status == "canceled"


def test_a_grace_that_is_paid_in_is_over() -> None:
    running = owing()
    running.until("2026-06-12", SOFT)
    grace(running, "2026-06-23")
    running.until("2026-06-16", SOFT)
    running.until("2026-06-30")
    assert (running.status, running.state.grace_until) == ("active", None)
    assert running.attempts == [*LADDER, at("2026-06-23")]


@pytest.mark.parametrize("until", ["2026-06-16", "2026-06-11", "2026-09-10T00:00:01"])
def test_a_grace_ends_after_the_ladder_and_within_ninety_days(until: str) -> None:
    running = owing()
    running.until("2026-06-12", SOFT)
    with pytest.raises(InvalidInput, match="grace_out_of_range"):
        grace(running, until)
    grace(running, "2026-09-10")


def test_several_open_invoices_are_one_process_that_ends_by_the_oldest() -> None:
    running = owing(interval=WEEK)
    running.until("2026-06-15", SOFT)
    ends = [action for action in agenda(running.state) if action.kind is ActionKind.GIVE_UP]
    assert [action.at for action in ends] == [LADDER[-1]]
    assert len(running.state.open_invoices) == 3
    # The first is tried on the 1st, 4th and 9th; the second on the 8th and 11th; the third.
    assert [each.day for each in running.attempts] == [1, 4, 8, 9, 11, 15]
    assert running.told() == ["payment_failed"] * 6
    assert len({message.key for message in running.messages}) == 6
    running.until("2026-06-16", SOFT)
    assert running.status == "canceled"
    assert running.told()[6:] == ["payment_failed", "payment_failed", "subscription_canceled"]
    assert statuses(running)[-3:] == ["void"] * 3


def test_a_grace_of_several_is_counted_from_the_oldest() -> None:
    running = owing(interval=WEEK)
    running.until("2026-06-15T12:00", SOFT)
    grace(running, "2026-06-19")
    running.until("2026-06-18", SOFT)
    assert running.status == "past_due"
    running.until("2026-06-19", SOFT)
    assert running.status == "canceled"
    assert running.state.ended_at == at("2026-06-19")


def test_a_new_card_pays_everything_that_is_open() -> None:
    running = owing(interval=WEEK)
    running.until("2026-06-15", SOFT)
    running.attempts.clear()
    running.hear(settlement.payment_method_changed)
    running.until("2026-06-15")
    assert running.attempts == [at("2026-06-15")] * 3
    assert (running.status, running.state.open_invoices) == ("active", ())


def test_one_of_several_paid_leaves_the_others_due() -> None:
    running = owing(interval=WEEK)
    running.until("2026-06-10", SOFT)
    running.hear(settlement.payment_method_changed)
    running.until("2026-06-10", None, SOFT)
    assert running.status == "past_due"
    assert [invoice.due_at.day for invoice in running.state.open_invoices] == [8]
    assert due_next(running) == (ActionKind.COLLECT, at("2026-06-11"))


def test_a_waived_invoice_is_void_and_nobody_past_due() -> None:
    running = owing()
    running.until("2026-06-02", SOFT)
    [invoice] = running.state.open_invoices
    running.command(lambda s, _: closing.invoice_waived(s, invoice.invoice_id))
    assert due_next(running)[0] is ActionKind.VOID_INVOICES
    running.until("2026-06-02")
    assert (running.status, running.state.open_invoices) == ("active", ())
    assert statuses(running) == ["paid", "void"]
    running.until("2026-07-01")
    assert running.attempts == [LADDER[0], at("2026-07-01")]


def test_what_is_on_its_way_or_not_there_is_not_waived() -> None:
    running = owing()
    running.until("2026-06-01", PROCESSING)
    [invoice] = running.state.open_invoices
    for identifier, code in (
        (invoice.invoice_id, "payment_processing"),
        ("in_x", "invoice_not_open"),
    ):
        with pytest.raises(Conflict, match=code):
            closing.invoice_waived(running.state, identifier)


def test_a_waived_invoice_whose_payment_had_succeeded_is_paid() -> None:
    running = owing()
    running.until("2026-06-02", CHALLENGE)
    [invoice] = running.state.open_invoices
    running.command(lambda s, _: closing.invoice_waived(s, invoice.invoice_id))
    running.void(Paid(amount=invoice.amount, paid_at=running.now))
    assert (running.status, statuses(running)) == ("active", ["paid", "paid"])
    assert running.books.cash == 32000


def test_canceling_while_past_due_is_immediate_and_voids_what_is_open() -> None:
    running = owing()
    running.until("2026-06-02", SOFT)
    running.command(commands.cancel_at_period_end)
    assert running.status == "canceled"
    running.until("2026-06-02")
    assert statuses(running) == ["paid", "void"]


def test_a_recovered_invoice_never_moves_the_anchor() -> None:
    running = owing()
    running.until("2026-06-09", SOFT, SOFT, None)
    assert running.status == "active"
    assert running.state.anchor_at == at("2026-05-01")
    assert due_next(running) == (ActionKind.RENEW, at("2026-07-01"))
