"""What makes a command the same command: what it asks for, not who asks nor why (policy P32)."""

from datetime import UTC, datetime

import pytest

from billing.actor import Actor, ActorKind
from billing.change import ChangeRequest
from billing.credit_note import UnusedPart
from workflows.messages import (
    AnyCommand,
    Cancel,
    CancelMode,
    ChangeSubscription,
    ExtendGrace,
    UndoCancel,
    UndoChange,
    WaiveInvoice,
)

ADA = Actor(kind=ActorKind.OPERATOR, id="ada")
BOB = Actor(kind=ActorKind.OPERATOR, id="bob")
UNTIL = datetime(2026, 6, 20, tzinfo=UTC)


def test_a_repetition_may_be_worded_anew_and_come_from_somebody_else() -> None:
    first = ExtendGrace(command_id="op-1", actor=ADA, reason="they asked", until=UNTIL)
    again = ExtendGrace(command_id="op-1", actor=BOB, expected_version=3, until=UNTIL)
    assert first.content == again.content
    assert ExtendGrace.model_validate_json(first.model_dump_json()).content == first.content


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            ExtendGrace(command_id="op-1", actor=ADA, until=UNTIL),
            ExtendGrace(command_id="op-1", actor=ADA, until=UNTIL.replace(day=27)),
        ),
        (
            WaiveInvoice(command_id="op-1", actor=ADA, invoice_id="in_1"),
            WaiveInvoice(command_id="op-1", actor=ADA, invoice_id="in_2"),
        ),
        (
            Cancel(command_id="op-1", actor=ADA, mode=CancelMode.NOW),
            Cancel(command_id="op-1", actor=ADA, mode=CancelMode.NOW, unused=UnusedPart.REFUND),
        ),
        (
            ChangeSubscription(command_id="op-1", actor=ADA, request=ChangeRequest(quantity=2)),
            ChangeSubscription(command_id="op-1", actor=ADA, request=ChangeRequest(quantity=3)),
        ),
        (
            UndoCancel(command_id="op-1", actor=ADA),
            UndoChange(command_id="op-1", actor=ADA),
        ),
    ],
)
def test_another_wish_or_another_command_is_other_content(
    one: AnyCommand, other: AnyCommand
) -> None:
    assert one.content != other.content
