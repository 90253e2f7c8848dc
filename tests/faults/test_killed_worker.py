"""One kill in a short story, for every run of the tests; `year.py` kills whole years."""

from cli.demo.stories import STORIES
from tests.faults.installation import Installation, playing

_FAY = next(story for story in STORIES if story.name == "Fay")


def test_a_worker_killed_while_a_clock_moves_bills_every_period_once(
    installation: Installation,
) -> None:
    with playing(installation, "smoke", ["Fay"]) as demo:
        demo.await_text("2026-02-01  Fay")
        installation.kill_process("worker")
        shown = demo.await_end()

    assert "The books balance" in shown
    billed = installation.billed("smoke", ["Fay"])
    assert [(invoice.total, invoice.status, invoice.outcomes) for invoice in billed] == [
        ("JPY 1,650", "paid", ("paid",))
    ] * len(_FAY.invoices)
    assert [invoice.start for invoice in billed] == [
        f"{expected.start:%Y-%m-%dT%H:%M:%SZ}" for expected in _FAY.invoices
    ]
    assert installation.books_balance()
