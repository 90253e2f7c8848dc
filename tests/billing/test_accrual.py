"""What accrues, and what of it is left to bill; whole lives in arrears are in `test_arrears`."""

import pytest

from billing import accrual, commands, giving_up, lifecycle
from billing.catalog import Product, ProrationMode
from billing.dunning import FinalAction
from billing.errors import Conflict
from billing.subscription import ChangeResult, CommandName, EndReason, SubscriptionStatus
from billing.upcoming import is_free, upcoming_period
from tests.billing.running import SOFT, Running, at, offer
from tests.billing.test_arrears import ARREARS, april, bills, cloud, lines

NOON = "2026-04-16T12:00"


@pytest.mark.parametrize("begins", sorted(ProrationMode))
@pytest.mark.parametrize("goes_on", sorted(ProrationMode))
def test_the_parts_of_a_period_are_all_of_it_however_either_product_divides_time(
    begins: ProrationMode, goes_on: ProrationMode
) -> None:
    cloud = Product(id="cloud", name="Cloud", family="plan", proration=begins)
    school = Product(id="school", name="School", family="plan", proration=goes_on)
    running = Running(
        offer("cloud", 1600, product=cloud, billing=ARREARS),
        offer("school", 1600, product=school, billing=ARREARS),
        start=at("2026-04-01"),
        quantity=5,
    )
    running.until(NOON)
    running.change("school")
    running.until("2026-05-01")
    assert [total for _, total, _ in bills(running)] == [8000]


def test_what_ends_in_the_past_owes_what_was_had_until_then() -> None:
    running = april()
    running.until("2026-04-12")
    running.change(more=1)
    running.until("2026-04-16")
    running.change(more=1)
    parent_ended = at("2026-04-11")
    running.hear(lambda state, _: lifecycle.ended(state, EndReason.PARENT_ENDED, parent_ended))
    running.until("2026-04-17")
    assert lines(running) == [("04-01", "04-11", 2667)]


def test_nobody_asks_for_the_tax_of_what_was_had_for_nothing() -> None:
    running = Running(offer("cloud", 0, billing=ARREARS), start=at("2026-04-01"))
    running.until(NOON)
    following = lifecycle.next_billing(running.state, at("2026-05-01"))
    assert following.accrued
    assert is_free(running.state, following)
    costly = april()
    assert not is_free(costly.state, lifecycle.next_billing(costly.state, at("2026-05-01")))


def test_what_an_outage_kept_from_being_suspended_accrues_no_longer_than_its_period() -> None:
    running = april(cloud(final_action=FinalAction.UNPAID))
    running.until("2026-05-15", SOFT)
    running.now = at("2026-06-10")
    running.until("2026-06-10", SOFT)
    [part] = running.state.accrued
    assert (running.status, part.used) == ("unpaid", part.whole)


@pytest.mark.parametrize("wanted", ["annual", "business"])
def test_who_has_not_paid_for_the_past_gets_no_more_of_it_later_either(wanted: str) -> None:
    running = april()
    running.until("2026-05-02", SOFT)
    with pytest.raises(Conflict) as refused:
        running.plan(wanted)
    assert refused.value.code == "past_due"
    assert running.change(quantity=2) is ChangeResult.SCHEDULED


def test_what_was_had_before_it_was_suspended_is_foreseen_where_that_ends() -> None:
    running = april(cloud(final_action=FinalAction.UNPAID))
    running.until("2026-05-01")
    running.command(commands.cancel_at_period_end)
    suspended = running.state.model_copy(
        update={
            "status": SubscriptionStatus.UNPAID,
            **accrual.ended_at(running.state, at("2026-05-16")),
        }
    )
    foreseen = upcoming_period(suspended, has_method=True)
    assert foreseen is not None
    assert [part.used.end for part in foreseen.accrued] == [at("2026-05-16")]
    assert upcoming_period(running.state, has_method=True) is not None


def test_the_time_that_an_operator_has_given_is_not_taken_back_by_the_end() -> None:
    running = april()
    running.until("2026-05-12", SOFT)
    week = at("2026-05-23")
    running.command(lambda state, now: giving_up.grace_extended(state, week, now))
    running.until("2026-05-17", SOFT)
    assert running.status == "past_due"
    running.cancel_now()
    running.until("2026-05-22", SOFT)
    assert [invoice.given_up for invoice in running.state.open_invoices] == [False, False]
    running.until("2026-05-26")
    assert (running.state.open_invoices, running.state.is_finished) == ((), True)
    assert [status for _, _, status in bills(running)] == ["paid", "paid"]


def test_an_operator_gives_time_for_the_last_invoice_once_it_was_refused() -> None:
    running = april()
    running.until("2026-05-10")
    running.cancel_now()
    assert CommandName.EXTEND_GRACE not in running.state.legal_commands
    running.until("2026-05-24", SOFT)
    assert CommandName.EXTEND_GRACE in running.state.legal_commands
    running.command(lambda state, now: giving_up.grace_extended(state, at("2026-06-01"), now))
    running.until("2026-05-31", SOFT)
    assert bills(running)[-1][2] == "open"
    running.until("2026-06-01")
    assert bills(running)[-1][2] == "paid"
    assert CommandName.EXTEND_GRACE not in running.state.legal_commands
