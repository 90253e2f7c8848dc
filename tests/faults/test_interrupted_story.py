"""One kill of each kind in a short story, for every run of the tests; `year.py` kills years."""

from cli.demo.stories import STORIES
from tests.faults.installation import Installation, playing

_FAY = next(story for story in STORIES if story.name == "Fay")


def test_a_worker_killed_while_a_clock_moves_bills_every_period_once(
    installation: Installation,
) -> None:
    with playing(installation, "worker", ["Fay"]) as demo:
        demo.await_text("2026-02-01  Fay")
        installation.kill_process("worker")
        shown = demo.await_end()

    assert "The books balance" in shown
    assert_billed_as_told(installation, "worker")


def test_a_killed_demo_goes_on_where_it_was(installation: Installation) -> None:
    with playing(installation, "demo", ["Fay"]) as demo:
        demo.await_text("2026-03-01  Fay")
    with playing(installation, "demo", ["Fay"]) as again:
        again.await_end()

    assert_billed_as_told(installation, "demo")


def assert_billed_as_told(installation: Installation, run_id: str) -> None:
    billed = installation.billed(run_id, ["Fay"])
    assert [(invoice.total, invoice.status, invoice.outcomes) for invoice in billed] == [
        ("JPY 1,650", "paid", ("paid",))
    ] * len(_FAY.invoices)
    assert [invoice.start for invoice in billed] == [
        f"{expected.start:%Y-%m-%dT%H:%M:%SZ}" for expected in _FAY.invoices
    ]
    assert installation.books_balance()
