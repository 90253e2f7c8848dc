"""What operators read about a migration in the Temporal UI.

Owns the Markdown page of a migration's current details. Does not own what it says of one
subscription (`workflows.description`).
"""

from collections.abc import Iterator
from typing import Final

from billing.migration import MigrationPhase, MigrationPlan
from workflows.messages import MigrationReport
from workflows.wording import instant, quoted

_WIDTH: Final = 30
_PHASES: Final = {
    MigrationPhase.TELLING: "**Customers are being told**, at a bounded rate.",
    MigrationPhase.WATCHING: (
        "**The first ones are told; the others wait.** Look at what they say and at their invoices,"
        " then send the update `continue`, or `rollback`."
    ),
    MigrationPhase.PAUSED: (
        "**Paused:** nobody else is told. Who was told moves all the same. `resume` goes on."
    ),
    MigrationPhase.RENEWING: "**Everybody is told;** their renewals move them one by one.",
    MigrationPhase.ROLLING_BACK: "**Being rolled back:** who was told is told that it stays.",
    MigrationPhase.ROLLED_BACK: "**Rolled back.** Who had renewed before keeps the new price.",
    MigrationPhase.COMPLETED: "**Completed.** Nothing is left to do.",
}


def migration_name(plan: MigrationPlan) -> str:
    """`team_monthly@1 becomes team_monthly@2`: the static summary and the memo's name."""
    sources = ", ".join(str(source) for source in plan.sources)
    return f"{sources} becomes {plan.target}"


def migration_page(plan: MigrationPlan, report: MigrationReport) -> str:
    """What it is, how far it is, and what can be done."""
    lines = [f"# {migration_name(plan)}", "", _PHASES[report.phase], ""]
    if report.problem is not None:
        lines += [
            f"> **Needs an operator:** {quoted(report.problem)}.",
            "> It is tried again every ten minutes. Runbook: `price-migration.md`.",
            "",
        ]
    lines += [f"`{_bar(report)}`", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {text} |" for name, text in _facts(plan, report)]
    lines += ["", "Who stays and why: `perennial migrations skipped " + plan.migration_id + "`."]
    lines += ["Updates: `pause`, `resume`, `continue`, `rollback`, each with actor and reason."]
    return "\n".join(lines)


def _bar(report: MigrationReport) -> str:
    """How many of those that move have renewed."""
    counts = report.counts
    moving = counts.total - counts.skipped
    done = counts.migrated + counts.rolled_back
    filled = _WIDTH if moving == 0 else _WIDTH * done // moving
    return f"{'█' * filled}{'░' * (_WIDTH - filled)} {done} of {moving}"


def _facts(plan: MigrationPlan, report: MigrationReport) -> Iterator[tuple[str, str]]:
    counts = report.counts
    yield "Moved", str(counts.migrated)
    yield "Told, and waiting for the renewal", str(counts.scheduled)
    yield "To be told", str(counts.pending)
    yield "Skipped", str(counts.skipped)
    yield "Rolled back", str(counts.rolled_back)
    yield "Not before", instant(plan.migrates_at)
    yield "Notice", f"{plan.notice_days} days"
    yield "Rate", f"{plan.per_minute} a minute"
    if report.next_move_at is not None:
        yield "Next renewal", instant(report.next_move_at)
