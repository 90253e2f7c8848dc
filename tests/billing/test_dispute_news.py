"""What a dispute means for a subscription while it is open and once it is decided."""

import pytest

from billing import changing, settlement
from billing.catalog import DisputeLost
from billing.dispute import DisputeState
from billing.subscription import EndReason, SubscriptionState
from tests.billing.owing import FREE, owing, statuses, team
from tests.billing.running import (
    CHALLENGE,
    Running,
    at,
    offer,
)


def heard(running: Running, dispute_id: str, news: DisputeState) -> SubscriptionState:
    running.hear(lambda s, now: settlement.dispute_news(s, dispute_id, news, now))
    return running.state


def test_a_dispute_is_shown_while_it_is_open_and_a_lost_one_is_the_end() -> None:
    running = owing()
    assert heard(running, "du_1", DisputeState.INQUIRY).open_disputes == ()
    assert heard(running, "du_1", DisputeState.OPEN).open_disputes == ("du_1",)
    revision = running.state.revision
    assert heard(running, "du_1", DisputeState.OPEN).revision == revision
    assert heard(running, "du_2", DisputeState.OPEN).open_disputes == ("du_1", "du_2")
    assert heard(running, "du_2", DisputeState.WON).open_disputes == ("du_1",)
    assert running.status == "active"
    lost = heard(running, "du_1", DisputeState.LOST)
    assert (lost.status, lost.end_reason) == ("canceled", EndReason.DISPUTE_LOST)
    assert running.told() == ["subscription_canceled"]
    assert heard(running, "du_1", DisputeState.LOST) == lost


def test_a_lost_dispute_ends_nothing_where_the_product_says_so() -> None:
    sold = team().model_copy(update={"dispute_lost": DisputeLost.KEEP})
    running = Running(offer("team", 1600, product=sold), FREE, start=at("2026-05-01"))
    running.until("2026-05-02")
    heard(running, "du_1", DisputeState.OPEN)
    assert heard(running, "du_1", DisputeState.LOST).open_disputes == ()
    assert running.status == "active"


@pytest.mark.parametrize(
    ("news", "of_another", "waits"),
    [
        (DisputeState.OPEN, False, False),
        (DisputeState.LOST, False, False),
        (DisputeState.WON, False, True),
        (DisputeState.INQUIRY, False, True),
        (DisputeState.OPEN, True, True),
    ],
)
def test_a_change_at_a_challenge_gives_nothing_back_of_what_is_disputed_meanwhile(
    news: DisputeState, *, of_another: bool, waits: bool
) -> None:
    sold = team().model_copy(update={"dispute_lost": DisputeLost.KEEP})
    catalog = (offer("team", 1600, product=sold), offer("business", 2400, product=sold))
    running = Running(*catalog, FREE, start=at("2026-05-01"))
    running.until("2026-05-11")
    disputed = "in_another" if of_another else running.state.last_invoice_id
    running.change("business")
    running.until("2026-05-11", CHALLENGE)
    assert changing.waits_for_customer(running.state)
    running.hear(lambda s, now: settlement.dispute_news(s, "du_1", news, now, invoice_id=disputed))
    assert (running.state.change is not None) == waits
    running.until("2026-05-11")
    assert (statuses(running) == ["paid", "void"]) != waits
