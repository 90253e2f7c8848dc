"""Disputes only move forward, and what a bank decided stays decided."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.dispute import Dispute, DisputeState, events_between, state_of
from billing.money import Money
from billing.ports.gateway import DisputeStatus

INQUIRY, OPEN, WON, LOST = DisputeState
OPENED_AT = datetime(2026, 4, 1, tzinfo=UTC)
CLOSED_AT = OPENED_AT + timedelta(days=60)


@pytest.mark.parametrize("before", DisputeState)
@pytest.mark.parametrize("after", DisputeState)
def test_a_dispute_only_moves_forward(before: DisputeState, after: DisputeState) -> None:
    forward = {(INQUIRY, OPEN), (INQUIRY, WON), (INQUIRY, LOST), (OPEN, WON), (OPEN, LOST)}
    assert before.may_become(after) == ((before, after) in forward)


def test_every_status_of_the_gateway_means_something_for_the_money() -> None:
    meanings = {status: state_of(status) for status in DisputeStatus}
    assert [status for status, state in meanings.items() if state is INQUIRY] == [
        DisputeStatus.WARNING_NEEDS_RESPONSE,
        DisputeStatus.WARNING_UNDER_REVIEW,
        DisputeStatus.WARNING_CLOSED,
    ]
    assert [status for status, state in meanings.items() if state is WON] == [DisputeStatus.WON]
    assert [status for status, state in meanings.items() if state is LOST] == [
        DisputeStatus.LOST,
        DisputeStatus.PREVENTED,
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, INQUIRY, ["dispute.inquiry_opened"]),
        (None, OPEN, ["dispute.opened"]),
        (INQUIRY, OPEN, ["dispute.opened"]),
        (OPEN, WON, ["dispute.won"]),
        (OPEN, LOST, ["dispute.lost"]),
        (None, LOST, ["dispute.opened", "dispute.lost"]),
        (INQUIRY, WON, ["dispute.opened", "dispute.won"]),
    ],
)
def test_what_was_skipped_is_told_as_well(
    before: DisputeState | None, after: DisputeState, told: list[str]
) -> None:
    dispute = Dispute(
        id="du_1",
        payment_id="pi_1",
        invoice_id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        amount=Money(amount_minor=8000, currency="USD"),
        state=after,
        reason="fraudulent",
        opened_at=OPENED_AT,
    )
    events = list(events_between(before, dispute, at=CLOSED_AT))
    assert [event.type for event in events] == told
    assert [event.at for event in events if event.type == "dispute.opened"] == [
        OPENED_AT for kind in told if kind == "dispute.opened"
    ]
    assert len({event.key for event in events}) == len(told)
