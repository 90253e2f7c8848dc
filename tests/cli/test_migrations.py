"""Price migrations from a terminal."""

import uuid

from tests.cli.terminal import Terminal
from tests.workflows.company import Company

MOVE = ("--from", "team_m", "--to", "business_m@1", "--date", "2026-02-01T00:00Z")
WHY = ("--reason", "the costs")


async def test_a_migration_is_rehearsed_started_and_shown(
    company: Company, terminal: Terminal
) -> None:
    for _ in range(2):
        await (await company.subscribe(await company.customer())).activated()
    leaving = await company.subscribe(await company.customer())
    await leaving.activated()
    await leaving.cancel()

    said = await terminal.perennial("migrations", "rehearse", *MOVE)
    assert said.code == 0, said.err
    assert "team_m@1 becomes business_m@1: 2 move, 1 stay" in said.out
    assert "cancel_pending" in said.out
    assert "USD 80.00" in said.out  # two subscriptions, each USD 40.00 more a month
    rehearsal = (await terminal.perennial("migrations", "rehearse", *MOVE, "--json")).json

    wrong = await terminal.perennial("migrations", "start", *MOVE, "--rehearsal", "0" * 32, *WHY)
    assert (wrong.code, "rehearse it again" in wrong.err) == (1, True)
    digest = ("--rehearsal", rehearsal["digest"])
    started = await terminal.perennial("migrations", "start", *MOVE, *digest, *WHY, "--json")
    migration_id = started.json["id"]

    shown = await terminal.perennial("migrations", "show", migration_id)
    assert "team_m@1 becomes business_m@1" in shown.out
    assert "moved" in shown.out
    skipped = (await terminal.perennial("migrations", "skipped", migration_id, "--json")).json
    assert [(row["subscription"], row["reason"]) for row in skipped] == [
        (leaving.id, "cancel_pending")
    ]
    assert migration_id in (await terminal.perennial("migrations", "list")).out


async def test_what_does_not_exist_is_said_in_a_sentence(terminal: Terminal) -> None:
    missing = f"mig_{uuid.uuid4().hex}"
    for words in (("show", missing), ("skipped", missing), ("pause", missing, *WHY)):
        ended = await terminal.perennial("migrations", *words)
        assert (ended.code, ended.err) == (1, f"no migration {missing} (migration_not_found)\n")
    unread = await terminal.perennial("migrations", "rehearse", *MOVE[:3], "Team!", *MOVE[4:])
    assert "write team_monthly@2" in unread.err
