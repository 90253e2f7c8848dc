"""Invoices on net terms: sent, reminded of, past due, suspended, and the way back (policy P22)."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import closing, commands, giving_up, settlement
from billing.agenda import ActionKind, agenda
from billing.catalog import PauseMode, PausePolicy, Product, Trial
from billing.credit_note import UnusedPart
from billing.dunning import DunningLadder, DunningPolicy, FinalAction
from billing.errors import Conflict
from billing.interval import Interval
from billing.message import MessageKind
from billing.net_terms import Reminders
from billing.subscription import PurchaseKind, SubscriptionState
from tests.billing.beginnings import named_amount
from tests.billing.running import CHALLENGE, MONTH, PROCESSING, SOFT, YEAR, Running, at, offer
from tests.billing.soundness import check_books, check_state

SENT, REMINDED = MessageKind.INVOICE_SENT, MessageKind.PAYMENT_REMINDER


def team(final: FinalAction = FinalAction.CANCEL, reminders: Reminders | None = None) -> Product:
    ladder = DunningLadder(final_action=final, reminders=reminders or Reminders())
    return Product(
        id="team",
        name="Team",
        family="plan",
        free_fallback="free",
        dunning=DunningPolicy(ladder=ladder),
    )


def sold(
    *,
    net_days: int | None = 30,
    product: Product | None = None,
    interval: Interval = YEAR,
    start: str = "2026-06-01",
) -> Running:
    """Team for $1,200.00 a year, or a month; invoiced at once."""
    of = product or team()
    catalog = (
        offer("team", 120_000, product=of, interval=interval),
        offer("business", 240_000, product=of, interval=interval),
        offer("free", 0, product=of),
    )
    running = Running(*catalog, start=at(start))
    running.books.net_days = net_days
    running.until(start)
    return running


def happenings(state: SubscriptionState) -> list[tuple[ActionKind, datetime]]:
    kinds = {ActionKind.REMIND, ActionKind.FALL_DUE, ActionKind.SUSPEND, ActionKind.COLLECT}
    return [(each.kind, each.at) for each in agenda(state) if each.kind in kinds]


def reminded_on(running: Running) -> list[datetime]:
    return [each.at for each in running.messages if each.kind is REMINDED]


def test_what_is_sold_on_terms_is_active_at_once_with_its_first_invoice_open() -> None:
    running = sold()
    [invoice] = running.state.open_invoices
    assert running.status == "active"
    assert (invoice.due_at, invoice.next_attempt_at) == (at("2026-07-01"), None)
    assert running.told() == [SENT]
    assert happenings(running.state) == [
        (ActionKind.REMIND, at("2026-06-21")),
        (ActionKind.FALL_DUE, at("2026-07-01")),
        (ActionKind.REMIND, at("2026-07-01")),
        (ActionKind.REMIND, at("2026-07-16")),
    ]


def test_it_is_reminded_of_past_due_suspended_and_active_again_once_it_is_paid() -> None:
    running = sold()
    running.until("2026-06-30T23:59:59")
    assert running.status == "active"
    running.until("2026-07-01")
    assert (running.status, running.told()[-1]) == ("past_due", REMINDED)
    assert happenings(running.state)[-1] == (ActionKind.SUSPEND, at("2026-07-31"))
    running.until("2026-07-30T23:59:59")
    assert running.status == "past_due"
    running.until("2026-07-31")
    assert (running.status, running.told()[-1]) == ("unpaid", "subscription_unpaid")
    assert reminded_on(running) == [at("2026-06-21"), at("2026-07-01"), at("2026-07-16")]
    running.until("2026-08-02")
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))
    running.until("2026-08-02")
    assert (running.status, running.state.open_invoices) == ("active", ())
    assert running.attempts == [at("2026-08-02")], "nothing was tried by itself"
    assert running.state.running_period.end == at("2027-06-01")


@pytest.mark.parametrize("final", FinalAction)
def test_it_is_suspended_whatever_the_ladder_ends_in(final: FinalAction) -> None:
    running = sold(product=team(final))
    running.until("2026-07-31")
    assert running.status == "unpaid"


def test_a_reminder_whose_day_was_over_when_the_invoice_was_sent_is_left_out() -> None:
    running = sold(net_days=5)
    running.until("2026-07-31")
    assert reminded_on(running) == [at("2026-06-06"), at("2026-06-21")]


def test_after_an_outage_the_latest_reminder_alone_is_sent() -> None:
    running = sold()
    running.now = at("2026-07-20")
    running.until("2026-07-20")
    told = [(each.kind, each.reason) for each in running.messages]
    assert told == [(SENT, None), (REMINDED, "overdue")]
    assert running.status == "past_due"


def test_a_reminder_on_the_due_day_says_so_although_a_timer_is_late_by_a_moment() -> None:
    running = sold()
    running.until("2026-06-30")
    running.now = at("2026-07-01") + timedelta(milliseconds=40)
    running.until("2026-07-01")
    assert [each.reason for each in running.messages if each.kind is REMINDED] == ["ahead", "due"]


def test_what_is_paid_in_the_instant_of_a_reminder_is_not_reminded_of() -> None:
    running = sold()
    running.now = at("2026-07-01")
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))
    running.until("2026-07-01")
    assert (running.status, running.told()) == ("active", [SENT])


def test_a_decline_in_front_of_the_customer_plans_nothing_and_makes_nobody_past_due() -> None:
    running = sold()
    running.until("2026-06-10")
    before = happenings(running.state)
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))
    running.until("2026-06-10", SOFT)
    assert (running.status, running.told()) == ("active", [SENT])
    assert happenings(running.state) == before
    running.hear(settlement.payment_method_changed)
    assert happenings(running.state) == before, "another card is not tried by itself"


def test_another_card_is_tried_on_a_challenge_that_was_left_by_nobody_but_the_customer() -> None:
    running = sold()
    running.until("2026-06-05")
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))
    running.until("2026-06-05", CHALLENGE)
    running.until("2026-06-20")
    running.hear(settlement.payment_method_changed)
    running.until("2026-06-20")
    assert running.attempts == [at("2026-06-05")]
    [invoice] = running.state.open_invoices
    assert invoice.action_url is not None, "it can still be passed, and is looked at then"
    running.command(
        lambda s, now: settlement.pay_now(
            *(s, now),
            customer_present=True,
            invoice_id=invoice.invoice_id,
            with_another_method=True,
        )
    )
    running.until("2026-06-20")
    assert (running.attempts[1:], running.state.open_invoices) == ([at("2026-06-20")], ())


def test_what_a_bank_decides_about_is_neither_past_due_nor_reminded_of() -> None:
    running = sold()
    running.until("2026-06-30")
    running.command(lambda s, now: settlement.pay_now(s, now, customer_present=True))
    running.until("2026-06-30", PROCESSING)
    running.until("2026-07-03")
    assert (running.status, reminded_on(running)) == ("active", [at("2026-06-21")])
    invoice_id = running.state.open_invoices[0].invoice_id
    running.hear(lambda s, now: settlement.payment_news(s, invoice_id, now))
    running.until("2026-07-03", SOFT)
    assert running.status == "past_due"
    assert [each.reason for each in running.messages if each.kind is REMINDED][-1] == "overdue"


def test_an_increase_is_in_force_at_once_and_gives_back_what_was_invoiced() -> None:
    running = sold(interval=MONTH)
    running.until("2026-06-16")
    lines = [line.amount.amount_minor for line in running.plan("business").lines]
    assert lines == [-60_000, 120_000]
    running.change("business")
    assert running.state.terms.price_id == "business"
    assert [i.amount.amount_minor for i in running.state.open_invoices] == [120_000, 60_000]
    assert running.state.open_invoices[1].due_at == at("2026-07-16")
    assert running.told()[1:] == [SENT, "plan_changed"]
    assert running.attempts == []


def test_an_increase_waits_while_something_is_past_due() -> None:
    running = sold()
    running.until("2026-07-02")
    with pytest.raises(Conflict, match="pay the open invoice"):
        running.change("business")


def test_a_suspension_waits_for_an_operators_grace_and_for_every_open_invoice() -> None:
    running = sold(interval=MONTH)
    running.until("2026-07-02")
    running.command(lambda s, now: giving_up.grace_extended(s, at("2026-08-10"), now))
    running.until("2026-08-09")
    assert (running.status, len(running.state.open_invoices)) == ("past_due", 3)
    running.until("2026-08-10")
    assert running.status == "unpaid"
    oldest, second, third = (i.invoice_id for i in running.state.open_invoices)
    running.collect(oldest, None)
    running.collect(second, None)
    assert running.status == "unpaid", "ADR 0016: not before everything is paid"
    running.collect(third, None)
    assert running.status == "active"


@pytest.mark.parametrize("unused", [UnusedPart.NONE, UnusedPart.CREDIT])
def test_what_was_granted_stays_owed_after_the_end_and_is_a_bad_debt_after_the_grace(
    unused: UnusedPart,
) -> None:
    running = sold()
    running.until("2026-06-11")
    running.cancel_now(unused)
    assert (running.status, len(running.state.open_invoices)) == ("canceled", 1)
    running.until("2026-07-30")
    assert len(reminded_on(running)) == 3
    running.until("2026-07-31")
    assert [b.status for b in running.books.invoices.values()] == ["uncollectible"]
    assert running.state.is_closed


def test_what_is_paid_after_an_end_that_gives_back_gives_back_what_was_not_used() -> None:
    running = sold()
    running.until("2026-06-11")
    running.cancel_now(UnusedPart.CREDIT)
    running.until("2026-06-20")
    running.collect(running.state.open_invoices[0].invoice_id, None)
    running.until("2026-06-20")
    assert running.books.balance == round(120_000 * 355 / 365)
    assert running.state.is_closed


def test_a_waived_invoice_is_not_reminded_of() -> None:
    running = sold()
    running.until("2026-07-02")
    invoice_id = running.state.open_invoices[0].invoice_id
    running.command(lambda s, _: closing.invoice_waived(s, invoice_id))
    running.until("2026-08-30")
    assert (running.status, running.state.open_invoices) == ("active", ())
    assert len(reminded_on(running)) == 2


def test_what_is_waived_or_written_off_before_it_is_due_is_closed_at_once() -> None:
    for close, status in (
        (closing.invoice_waived, "void"),
        (closing.invoice_uncollectible, "uncollectible"),
    ):
        running = sold()
        running.until("2026-06-05")
        [invoice] = running.state.open_invoices
        running.command(lambda s, _, c=close, i=invoice: c(s, i.invoice_id))  # type: ignore[misc]
        running.until("2026-06-05")
        assert running.state.open_invoices == ()
        assert [booked.status for booked in running.books.invoices.values()] == [status]


def test_terms_hold_for_what_is_invoiced_from_then_on_and_each_invoice_keeps_its_own() -> None:
    """A card customer in dunning becomes an invoice customer, and charged again later."""
    running = sold(net_days=None, interval=MONTH)
    running.until("2026-06-30")
    running.until("2026-07-01", SOFT)
    running.books.net_days = 45
    running.until("2026-08-05", SOFT, None)
    assert running.attempts[-2:] == [at("2026-07-04"), at("2026-07-09")], "its ladder goes on"
    [sent] = running.state.open_invoices
    assert (running.status, sent.due_at) == ("active", at("2026-09-15"))
    running.books.net_days = None
    running.until("2026-09-01")
    assert running.attempts[-1] == at("2026-09-01")
    assert running.state.open_invoices == (sent.model_copy(),)
    running.until("2026-09-15")
    assert running.status == "past_due"


def test_the_ladders_end_leaves_what_was_sent_to_its_own_patience() -> None:
    running = sold(net_days=None, interval=MONTH, product=team(FinalAction.DOWNGRADE_TO_FREE))
    running.until("2026-06-30")
    running.books.net_days = 7
    running.charge(named_amount(5_000, "USD", now=running.now, number=1))
    running.books.net_days = None
    running.until("2026-07-16", SOFT)
    [sent] = running.state.open_invoices
    assert (running.state.terms.price_id, running.status) == ("free", "past_due")
    assert (sent.due_at, sent.given_up) == (at("2026-07-07"), False)
    running.until("2026-08-06")
    assert running.status == "unpaid"


def test_a_trial_ends_with_an_invoice() -> None:
    running = sold(product=team().model_copy(update={"trial": Trial(days=14)}))
    assert running.status == "trialing"
    running.until("2026-06-15")
    [sent] = running.state.open_invoices
    assert (running.status, sent.due_at) == ("active", at("2026-07-15"))


def test_a_purchase_on_terms_is_sold_at_once_and_a_bad_debt_after_the_grace() -> None:
    running = sold(net_days=10)
    item = named_amount(5_000, "USD", now=running.now, number=1)
    running.state = SubscriptionState(
        subscription_id="pur_1",
        customer_id="cus_1",
        terms=running.state.terms,
        created_at=running.now,
        checkout_expires_at=running.now,
        checkout_completed_at=running.now,
        purchase=PurchaseKind.CHECKOUT,
        first_items=(item,),
    )
    running.until("2026-06-01")
    assert (running.status, running.attempts) == ("active", [])
    running.until("2026-06-11")
    assert running.status == "past_due"
    assert "bad debt" in agenda(running.state)[-1].reason
    running.until("2026-07-11")
    assert (running.status, running.told()[-1]) == ("canceled", "purchase_given_up")
    assert list(running.books.invoices.values())[-1].status == "uncollectible"


def test_what_is_sold_on_terms_cannot_be_paused_while_an_invoice_is_open() -> None:
    product = team().model_copy(update={"pause": PausePolicy(mode=PauseMode.KEEP_ANCHOR)})
    with pytest.raises(Conflict, match="being collected"):
        sold(product=product).pause("2026-06-20")


def test_a_decrease_and_a_cancellation_wait_for_the_periods_end_as_ever() -> None:
    running = sold(interval=MONTH)
    running.until("2026-06-10")
    running.change("free")
    running.until("2026-07-01")
    assert (running.state.terms.price_id, running.status) == ("free", "past_due")
    running = sold(interval=MONTH)
    running.command(commands.cancel_at_period_end)
    running.until("2026-07-01")
    assert (running.status, len(running.state.open_invoices)) == ("canceled", 1)
    running.collect(running.state.open_invoices[0].invoice_id, None)
    assert running.state.is_closed


plans = st.builds(
    lambda days, more: Reminders(days=tuple(sorted(days)), grace_days=max([0, *days]) + more),
    st.sets(st.integers(-40, 40), max_size=4),
    st.integers(0, 30),
)
acts = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from(["wait", "outage", "pay", "decline", "bank"])),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(plan=plans, net_days=st.integers(1, 60), acts=acts)
def test_nothing_is_tried_by_itself_and_each_reminder_comes_once_and_in_time(
    plan: Reminders, net_days: int, acts: list[tuple[int, str]]
) -> None:
    running = sold(net_days=net_days, product=team(reminders=plan), interval=MONTH)
    asked = 0
    for days, act in acts:
        later = running.now + timedelta(days=days)
        if act == "outage":
            running.now = later
        running.until(later)
        may = [i for i in running.state.open_invoices if not i.in_processing]
        if act in {"pay", "decline", "bank"} and may:
            first = may[0].invoice_id
            running.command(
                lambda s, now, first=first: settlement.pay_now(  # type: ignore[misc]
                    s, now, customer_present=True, invoice_id=first
                )
            )
            asked += 1
            outcome = {"pay": None, "decline": SOFT, "bank": PROCESSING}[act]
            running.until(running.now, outcome)
        check_state(running)
        check_books(running)
        assert len(running.attempts) == asked
        for invoice in running.state.open_invoices:
            late = invoice.due_at <= running.now and not invoice.in_processing
            assert invoice.is_overdue or not late
    keys = [message.key for message in running.messages]
    assert len(set(keys)) == len(keys)
    for message in running.messages:
        if message.kind is REMINDED:
            booked = running.books.invoices[message.invoice_id or ""]
            assert message.at > booked.draft.finalized_at
            day = int(message.key.rpartition(":")[2])
            assert message.at >= booked.draft.due_at + timedelta(days=day)
    is_late = any(i.is_overdue and not i.in_processing for i in running.state.open_invoices)
    assert (running.status in {"past_due", "unpaid"}) or not is_late
