"""Refunds only move forward, and a canceled one gave nothing back."""

import pytest

from billing.ports.gateway import RefundStatus
from billing.refund import RefundState, refund_id, state_of

PENDING, SUCCEEDED, FAILED = RefundState


@pytest.mark.parametrize("before", RefundState)
@pytest.mark.parametrize("after", RefundState)
def test_a_refund_only_moves_forward_and_a_success_may_fail(
    before: RefundState, after: RefundState
) -> None:
    forward = {(PENDING, SUCCEEDED), (PENDING, FAILED), (SUCCEEDED, FAILED)}
    assert before.may_become(after) == ((before, after) in forward)


def test_every_status_of_the_gateway_has_a_meaning() -> None:
    assert {status: state_of(status) for status in RefundStatus} == {
        RefundStatus.PENDING: PENDING,
        RefundStatus.REQUIRES_ACTION: PENDING,
        RefundStatus.SUCCEEDED: SUCCEEDED,
        RefundStatus.FAILED: FAILED,
        RefundStatus.CANCELED: FAILED,
    }


def test_a_note_has_one_refund() -> None:
    assert refund_id("cn_1") == refund_id("cn_1") != refund_id("cn_2")
