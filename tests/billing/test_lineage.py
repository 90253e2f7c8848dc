"""A run that was reset is told from the one that went on."""

import pytest

from billing.lineage import Lineage, is_overtaken


def lineage(run_id: str, recorded_revision: int = 4) -> Lineage:
    return Lineage(run_id=run_id, recorded_revision=recorded_revision)


@pytest.mark.parametrize(
    ("mine", "recorded", "recorded_revision", "expected"),
    [
        (lineage("again", 4), lineage("first", 6), 7, True),
        # Continued as new, or brought back: it goes on from what is recorded.
        (lineage("next", 7), lineage("first", 6), 7, False),
        # An effect of its own, whose answer is still on its way or was lost.
        (lineage("first", 6), lineage("first", 6), 9, False),
        # Recorded before lineages were.
        (lineage("first", 7), None, 7, False),
        (lineage("first", 4), None, 7, True),
        (None, lineage("first", 6), 7, False),
    ],
)
def test_a_run_is_overtaken_by_another_whose_record_it_does_not_know(
    mine: Lineage | None, recorded: Lineage | None, recorded_revision: int, *, expected: bool
) -> None:
    found = is_overtaken(mine, recorded=recorded, recorded_revision=recorded_revision)
    assert found is expected
