"""The demo's whole year with everything killed in the middle: `make faults`.

Not collected with the others: it takes minutes.
"""

from collections.abc import Callable

import pytest

from cli.demo.company import STORIES
from tests.faults.installation import Document, Installation, playing
from tests.faults.test_interrupted_story import (
    assert_billed_as_told,
    assert_changed_once_without,
)

_NAMES = [story.name for story in STORIES]
_CHECKOUTS = "2026-01-17  Cleo"
_RESCUE = "2026-05-02  Gus"
_UPGRADE = "2026-04-16  Ivy"
_REFUNDS = "2026-07-10  Vic"


@pytest.fixture(scope="module")
def undisturbed(installation: Installation) -> list[Document]:
    """What the year comes to when nothing is killed."""
    with playing(installation, "undisturbed") as demo:
        demo.await_end()
    documents = installation.documents("undisturbed", _NAMES)
    told = [(*story.invoices, *story.given_back) for story in STORIES]
    assert len(documents) == sum(map(len, told))
    return documents


def kill_worker(installation: Installation) -> None:
    installation.kill_process("worker")


def kill_api(installation: Installation) -> None:
    installation.kill_process("api")


def kill_simulator(installation: Installation) -> None:
    installation.kill_process("simulator")


def kill_everything(installation: Installation) -> None:
    installation.kill_everything()
    installation.start()


@pytest.mark.parametrize("moment", [_CHECKOUTS, _UPGRADE, _REFUNDS])
@pytest.mark.parametrize("kill", [kill_worker, kill_api, kill_simulator, kill_everything])
def test_a_year_interrupted_by_a_kill_ends_with_the_same_documents(
    installation: Installation,
    undisturbed: list[Document],
    kill: Callable[[Installation], None],
    moment: str,
) -> None:
    run_id = run_id_of(kill.__name__, moment)
    with playing(installation, run_id) as demo:
        demo.await_text(moment)
        kill(installation)
        demo.await_end()

    assert installation.documents(run_id, _NAMES) == undisturbed
    assert installation.books_balance()


@pytest.mark.parametrize("moment", [_CHECKOUTS, _RESCUE, _UPGRADE, _REFUNDS])
def test_a_killed_demo_goes_on_where_it_was(
    installation: Installation, undisturbed: list[Document], moment: str
) -> None:
    run_id = run_id_of("resumed", moment)
    with playing(installation, run_id) as demo:
        demo.await_text(moment)
    with playing(installation, run_id) as again:
        again.await_end()

    assert installation.documents(run_id, _NAMES) == undisturbed
    assert installation.books_balance()


def run_id_of(event: str, moment: str) -> str:
    """Of letters and digits alone, as runs are named."""
    return "".join(filter(str.isalnum, f"{event}{moment[5:10]}"))


def test_an_api_killed_while_the_bank_is_asked_changes_the_plan_once(
    installation: Installation,
) -> None:
    assert_changed_once_without(installation, "api")


def test_a_worker_killed_while_a_clock_moves_bills_every_period_once(
    installation: Installation,
) -> None:
    with playing(installation, "worker", ["Fay"]) as demo:
        demo.await_text("2026-02-01  Fay")
        installation.kill_process("worker")
        shown = demo.await_end()

    assert "The books balance" in shown
    assert_billed_as_told(installation, "worker", "Fay")
