"""Moving running subscriptions to another price, as a durable workflow (policy P33).

Owns the order of things: the first ones, a wait, then everybody at a bounded rate; then the waiting
for their renewals; pause, resume and rollback. What was told to whom is read from the database each
time, so that a reset tells nobody twice. Does not own who is fit (`billing.migrating`) nor what one
step does (`activities.catalog_migration`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.catalog_migration import (
        CatalogMigration,
        EnterPhase,
        LookAt,
        Outlook,
        TellSome,
        ToldSome,
    )
    from activities.records import AuditEntry
    from billing.migration import FINISHED_PHASES, MigrationCounts, MigrationPhase
    from workflows import timeouts
    from workflows.messages import (
        CATALOG_MIGRATION_WORKFLOW,
        MIGRATION_UPDATES,
        AnyMigrationCommand,
        ContinueMigration,
        MigrationReport,
        MigrationStart,
        PauseMigration,
        ResumeMigration,
        RollBackMigration,
    )
    from workflows.migration_page import migration_page
    from workflows.search_attributes import NEEDS_OPERATOR

MOST_AT_ONCE: Final = 200
"""How many are told in one step, at most: a step is repeated as a whole."""
LOOK_AGAIN: Final = timedelta(days=1)
ASK_AGAIN: Final = timedelta(minutes=10)
"""Who changed while being told, or had no workflow, is told then."""
SOON: Final = timedelta(minutes=1)


@workflow.defn(name=CATALOG_MIGRATION_WORKFLOW)
class CatalogMigrationWorkflow:
    """From the first notice until the last subscription has renewed."""

    @workflow.init
    def __init__(self, start: MigrationStart) -> None:
        self._plan = start.plan
        self._migrates = start.migrates
        self._canary = start.plan.canary
        self._noted = start.phase
        self._is_paused = start.phase is MigrationPhase.PAUSED
        self._rolls_back = start.phase is MigrationPhase.ROLLING_BACK
        self._is_watched = start.is_watched
        self._watched_since = start.watched_since
        self._after = start.after
        self._outlook = Outlook(counts=MigrationCounts(pending=start.migrates), next_move_at=None)
        self._problem: str | None = None
        self._needs_operator = False
        self._wakes = 0
        self._noting = asyncio.Lock()

    @workflow.run
    async def run(self, start: MigrationStart) -> MigrationReport:  # noqa: ARG002 - in init
        """Returns once nothing is left to happen."""
        await self._attempt(self._look)
        while self._phase not in FINISHED_PHASES:
            if self._may_continue_as_new():
                workflow.continue_as_new(self._going_on())
            await self._attempt(self._turn)
        await self._note()
        self._describe()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.progress()

    @workflow.update
    async def pause(self, command: PauseMigration) -> MigrationReport:
        """Nobody else is told; who was told moves all the same."""
        self._is_paused = True
        return await self._obeyed(command)

    @pause.validator
    def _check_pause(self, command: PauseMigration) -> None:  # noqa: ARG002 - of the update
        self._refuse_finished()

    @workflow.update
    async def resume(self, command: ResumeMigration) -> MigrationReport:
        """Goes on where it was paused."""
        self._is_paused = False
        return await self._obeyed(command)

    @resume.validator
    def _check_resume(self, command: ResumeMigration) -> None:  # noqa: ARG002 - of the update
        self._refuse_finished()

    @workflow.update(name="continue")
    async def go_on(self, command: ContinueMigration) -> MigrationReport:
        """The first ones were watched long enough."""
        self._is_watched = True
        return await self._obeyed(command)

    @go_on.validator
    def _check_go_on(self, command: ContinueMigration) -> None:  # noqa: ARG002 - of the update
        self._refuse_finished()

    @workflow.update
    async def rollback(self, command: RollBackMigration) -> MigrationReport:
        """Whoever has not renewed at the new price stays at the old one, and is told so."""
        self._rolls_back, self._after = True, ""
        return await self._obeyed(command)

    @rollback.validator
    def _check_rollback(self, command: RollBackMigration) -> None:  # noqa: ARG002 - of the update
        if self._phase in FINISHED_PHASES:
            self._refuse_finished()

    @workflow.query
    def progress(self) -> MigrationReport:
        """How far it is, as last looked at."""
        return MigrationReport(
            migration_id=self._plan.migration_id,
            phase=self._phase,
            counts=self._outlook.counts,
            next_move_at=self._outlook.next_move_at,
            problem=self._problem,
        )

    @property
    def _phase(self) -> MigrationPhase:
        counts = self._outlook.counts
        if self._rolls_back:
            return MigrationPhase.ROLLED_BACK if counts.is_over else MigrationPhase.ROLLING_BACK
        if counts.is_over:
            return MigrationPhase.COMPLETED
        if self._is_paused:
            return MigrationPhase.PAUSED
        if counts.pending == 0:
            return MigrationPhase.RENEWING
        return MigrationPhase.WATCHING if self._left_of_canary == 0 else MigrationPhase.TELLING

    @property
    def _left_of_canary(self) -> int | None:
        """How many of the first ones are still to be told; None where everybody is."""
        if self._canary is None or self._is_watched:
            return None
        told = self._migrates - self._outlook.counts.pending
        return max(self._canary.of(self._migrates) - told, 0)

    def _refuse_finished(self) -> None:
        if self._rolls_back or self._phase in FINISHED_PHASES:
            raise ApplicationError(
                f"the migration is {self._phase}", "Conflict", type="migration_finished"
            )

    async def _obeyed(self, command: AnyMigrationCommand) -> MigrationReport:
        self._wakes += 1
        await self._note(
            AuditEntry(
                command_id=command.command_id,
                command=f"{MIGRATION_UPDATES[type(command)]}_migration",
                actor=command.actor,
                reason=command.reason,
                at=workflow.now(),
            )
        )
        return self.progress()

    async def _turn(self) -> None:
        await self._note()
        match self._phase:
            case MigrationPhase.ROLLING_BACK:
                await self._roll_back()
            case MigrationPhase.TELLING:
                await self._tell()
            case MigrationPhase.WATCHING:
                await self._watch()
            case _:
                await self._wait(self._until_next_move(), "look how far it is")
                await self._look()

    async def _tell(self) -> None:
        """As many as the rate allows, and then the rest of the time that they take up."""
        began_at, most = workflow.now(), min(MOST_AT_ONCE, self._plan.per_minute)
        left = self._left_of_canary
        limit = most if left is None else min(most, left)
        told = await workflow.execute_activity_method(
            CatalogMigration.tell_some,
            self._some(limit),
            summary=f"announce the price to {limit}",
            **timeouts.TELLING,
        )
        self._took(told)
        if told.seen < limit and self._outlook.counts.pending > 0:
            await self._ask_again()
            return
        takes = timedelta(minutes=1) * limit / self._plan.per_minute
        rest = began_at + takes - workflow.now()
        if self._phase is MigrationPhase.TELLING and rest > timedelta(0):
            await self._wait(rest, f"at most {self._plan.per_minute} a minute")

    async def _watch(self) -> None:
        """The others wait until their time, or until somebody says so."""
        self._watched_since = self._watched_since or workflow.now()
        patience = None if self._canary is None else self._canary.wait
        if patience is None:
            await self._wait(LOOK_AGAIN, "the first ones are watched until somebody says continue")
        else:
            left = self._watched_since + patience - workflow.now()
            if left <= timedelta(0):
                self._is_watched = True
                return
            await self._wait(min(left, LOOK_AGAIN), "the first ones are watched")
        await self._look()

    async def _roll_back(self) -> None:
        if self._outlook.counts.pending > 0:
            await self._enter(MigrationPhase.ROLLING_BACK, None, tells_nobody_else=True)
            await self._look()
            return
        told = await workflow.execute_activity_method(
            CatalogMigration.withdraw_some,
            self._some(MOST_AT_ONCE),
            summary="tell who was told that the price stays",
            **timeouts.TELLING,
        )
        self._took(told)
        if told.seen < MOST_AT_ONCE and not self._outlook.counts.is_over:
            await self._ask_again()

    def _some(self, limit: int) -> TellSome:
        return TellSome(
            migration_id=self._plan.migration_id,
            after=self._after,
            limit=limit,
            now=workflow.now(),
        )

    def _took(self, told: ToldSome) -> None:
        self._after, self._outlook = told.after, told.outlook
        self._describe()

    async def _ask_again(self) -> None:
        self._after = ""
        await self._wait(ASK_AGAIN, "tell those again that could not be told")

    async def _look(self) -> None:
        self._outlook = await workflow.execute_activity_method(
            CatalogMigration.look_at,
            LookAt(migration_id=self._plan.migration_id),
            summary="count who stands where",
            **timeouts.DATABASE,
        )
        self._describe()

    def _until_next_move(self) -> timedelta:
        """Shortly after the next renewal; test clocks may bring it at any time."""
        next_at = self._outlook.next_move_at
        if next_at is None:
            return LOOK_AGAIN
        return min(max(next_at - workflow.now() + 2 * SOON, SOON), LOOK_AGAIN)

    async def _note(self, audit: AuditEntry | None = None) -> None:
        """What is listed says where it stands."""
        async with self._noting:
            if audit is not None or self._noted is not self._phase:
                await self._enter(self._phase, audit)
        self._describe()

    async def _enter(
        self, phase: MigrationPhase, audit: AuditEntry | None, *, tells_nobody_else: bool = False
    ) -> None:
        await workflow.execute_activity_method(
            CatalogMigration.enter_phase,
            EnterPhase(
                migration_id=self._plan.migration_id,
                phase=phase,
                now=workflow.now(),
                audit=audit,
                tells_nobody_else=tells_nobody_else,
            ),
            summary=f"it is {phase} now",
            **timeouts.DATABASE,
        )
        self._noted = phase

    async def _wait(self, patience: timedelta, why: str) -> None:
        seen = self._wakes
        try:
            await workflow.wait_condition(
                lambda: self._wakes != seen, timeout=patience, timeout_summary=why
            )
        except TimeoutError:
            return

    async def _attempt(self, step: Callable[[], Awaitable[None]]) -> None:
        """What can never succeed as things are is shown to an operator, and tried again."""
        try:
            await step()
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._problem = str(error.cause or error)
            workflow.logger.error("migration.needs_operator", extra={"problem": self._problem})
            self._describe()
            await self._wait(ASK_AGAIN, "try again without an operator")
        else:
            self._problem = None

    def _may_continue_as_new(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and workflow.all_handlers_finished()

    def _going_on(self) -> MigrationStart:
        return MigrationStart(
            plan=self._plan,
            migrates=self._migrates,
            phase=self._phase,
            is_watched=self._is_watched,
            watched_since=self._watched_since,
            after=self._after,
        )

    def _describe(self) -> None:
        """What operators see, brought up to date after every step."""
        workflow.set_current_details(migration_page(self._plan, self.progress()))
        needs_operator = self._problem is not None
        if needs_operator is not self._needs_operator:
            workflow.upsert_search_attributes([NEEDS_OPERATOR.value_set(needs_operator)])
            self._needs_operator = needs_operator
