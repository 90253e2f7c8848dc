"""Which run of a workflow made a state, and which recorded one it follows (ADR 0008).

Owns how a run before a reset is told from this one. A run that was reset lives through the past
again and does not know what was recorded since. Does not own what is done about it
(`workflows.state_keeper`).
"""

from billing.value import Value


class Lineage(Value):
    """The run that made a state, and the revision that it knew to be recorded then."""

    run_id: str
    recorded_revision: int
    heard_revision: int | None = None
    """The highest that it has heard storage to have; None while answers are on their way."""


def is_overtaken(mine: Lineage | None, *, recorded: Lineage | None, recorded_revision: int) -> bool:
    """Whether what is recorded was made by another run and is not what this one goes on from.

    Storage's revisions only rise: where it has the one that this run knows, nothing happened since.
    What a run has recorded itself, in an effect whose answer is still on its way, is no news.
    """
    if mine is None:
        return False
    is_own = recorded is not None and recorded.run_id == mine.run_id
    return not is_own and recorded_revision != mine.recorded_revision


def is_unheard_of(
    mine: Lineage | None, *, recorded: Lineage | None, recorded_revision: int, revision: int
) -> bool:
    """Whether the run itself has recorded what it does not know, and goes on without: `revision`.

    So it is where a worker died after effects, before the server heard of them (ADR 0033, 0035).
    What an effect records that began while `revision` was being recorded is higher, and it had not
    heard of everything.
    """
    if mine is None or mine.heard_revision is None or recorded is None:
        return False
    is_own = recorded.run_id == mine.run_id
    is_before = recorded_revision <= revision or recorded.heard_revision is not None
    return is_own and is_before and mine.heard_revision < recorded_revision
