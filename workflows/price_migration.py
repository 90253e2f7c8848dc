"""What a running subscription does when it is told of another price, or that it stays (P33).

Owns the step from the commands to the rules. Does not own the rules (`billing.migrating`) nor who
is told when (`workflows.catalog_migration`).
"""

from datetime import datetime, timedelta

from billing import migrating
from billing.commands import check_command
from billing.subscription import CommandName, SubscriptionState
from workflows.messages import PlanMigration, UndoMigration
from workflows.state_keeper import Change


def planning(command: PlanMigration) -> Change:
    """It is told, and moves at a renewal; refused with the reason where it is not fit."""

    def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
        return migrating.planned(
            state,
            migration_id=command.migration_id,
            target=command.target,
            migrates_at=command.migrates_at,
            notice=timedelta(days=command.notice_days),
            now=now,
        )

    return change


def undoing(command: UndoMigration) -> Change:
    """It stays at its price."""

    def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
        check_command(state, CommandName.UNDO_MIGRATION)
        return migrating.undone(state, command.migration_id, now)

    return change
