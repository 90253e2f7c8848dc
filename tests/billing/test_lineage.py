"""A run that was reset is told from the one that went on."""

import pytest

from billing.lineage import Lineage, is_overtaken, is_unheard_of


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


@pytest.mark.parametrize(
    ("heard", "recorded_revision", "expected"),
    [
        (4, 5, True),
        (4, 7, True),
        # It knows that one.
        (5, 5, False),
        # Of an effect that began after what is to be recorded.
        (4, 8, False),
        # An answer is on its way.
        (None, 5, False),
    ],
)
def test_what_a_run_has_recorded_and_never_heard_of_is_told_from_what_it_knows(
    heard: int | None, recorded_revision: int, *, expected: bool
) -> None:
    mine = lineage("first").model_copy(update={"heard_revision": heard})
    for recorded, is_it in [(lineage("first"), expected), (lineage("other"), False), (None, False)]:
        found = is_unheard_of(
            mine, recorded=recorded, recorded_revision=recorded_revision, revision=7
        )
        assert found is is_it
    assert not is_unheard_of(None, recorded=lineage("first"), recorded_revision=5, revision=7)


def test_what_the_second_of_two_lost_effects_has_recorded_is_told_too() -> None:
    mine = lineage("first").model_copy(update={"heard_revision": 4})
    second = lineage("first", 5).model_copy(update={"heard_revision": 5})
    assert is_unheard_of(mine, recorded=second, recorded_revision=6, revision=5)
    assert not is_unheard_of(mine, recorded=lineage("first", 5), recorded_revision=6, revision=5)
