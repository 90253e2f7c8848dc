"""A worker killed in a short story, for every run of the tests; `year.py` kills years."""

from cli.demo.company import STORIES
from tests.faults.installation import Document, Installation, playing


def test_a_worker_killed_while_the_bank_is_asked_changes_the_plan_once(
    installation: Installation,
) -> None:
    assert_changed_once_without(installation, "worker")


def assert_changed_once_without(installation: Installation, part: str) -> None:
    """The demo dies as well, and a second one goes on in the middle of the authentication."""
    with playing(installation, f"bank{part}", ["Ray"]) as demo:
        demo.await_text("2026-04-16  Ray")
        installation.kill_process(part)
    installation.await_answers()
    with playing(installation, f"bank{part}", ["Ray"]) as again:
        again.await_end()

    assert_billed_as_told(installation, f"bank{part}", "Ray")


def assert_billed_as_told(installation: Installation, run_id: str, name: str) -> None:
    story = next(story for story in STORIES if story.name == name)
    assert installation.documents(run_id, [name]) == [
        Document(
            customer=name,
            at=f"{invoice.due_at:%Y-%m-%dT%H:%M:%SZ}",
            total=str(invoice.total),
            result=" ".join([invoice.status, *invoice.outcomes]),
        )
        for invoice in story.invoices
    ]
    assert installation.books_balance()
