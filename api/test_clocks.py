"""Test clocks: time travel for customers in sandbox mode.

Owns the operations on clocks. Does not own how time is moved (`workflows.test_clock`).
"""

from datetime import datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.db.engine import reading, transactions
from adapters.db.queries import subscriptions, test_clocks
from adapters.db.queries.test_clocks import TestClock
from adapters.db.repositories.test_clocks import unknown_test_clock
from adapters.db.tables.test_clock import TestClockStatus
from api.authentication import CallerOf
from api.dependencies import Dependencies, Deps, dependencies_of
from api.fields import LAST_YEAR, Body, Name, Seconds, TestClockId, Timestamp, example
from api.idempotency import Ids
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.present import machine_now
from api.problems import Forbidden
from api.route import ApiRoute, problem_responses
from api.workflow_calls import NotRunning, SubscriptionWorkflows
from billing.actor import Actor
from billing.errors import Conflict, InvalidInput
from billing.ids import derived_id
from workflows.messages import Cancel, CancelMode, TestClockMove


def sandbox_only(deps: Annotated[Dependencies, Depends(dependencies_of)]) -> None:
    """Raises `Forbidden` (`not_in_sandbox`) where real money can move."""
    if not deps.settings.is_sandbox:
        raise Forbidden("not_in_sandbox", "test clocks exist in sandbox mode only")


router = APIRouter(
    prefix="/v1/test_clocks",
    tags=["test_clocks"],
    route_class=ApiRoute,
    dependencies=[Depends(sandbox_only)],
)


class TestClockInput(Body):
    """A clock to make, at any instant of past or future."""

    __test__ = False
    model_config = example({"frozen_at": "2026-01-17T09:30:00Z", "name": "A year of Ada"})

    frozen_at: Timestamp
    name: Name | None = None


class AdvanceInput(Body):
    """How far the clock moves: to an instant, or by a duration."""

    model_config = example({"by_seconds": 1_209_600})

    frozen_at: Timestamp | None = None
    by_seconds: Seconds | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.frozen_at is None) == (self.by_seconds is None):
            raise PydanticCustomError(
                "exactly_one_field", "write either frozen_at or by_seconds, not both"
            )
        return self


class TestClockView(BaseModel):
    """A clock, and where it is going."""

    __test__ = False

    id: str = Field(examples=["clock_4a1b9c0d2e3f4a1b9c0d2e3f"])
    name: str | None
    status: TestClockStatus
    frozen_at: datetime
    target_at: datetime | None
    created_at: datetime = Field(description="Real time")

    @classmethod
    def of(cls, clock: TestClock) -> Self:
        """The clock."""
        return cls(
            id=clock.id,
            name=clock.name,
            status=clock.status,
            frozen_at=clock.frozen_at,
            target_at=clock.target_at,
            created_at=clock.created_at,
        )


@router.post("", status_code=201, operation_id="create_test_clock", summary="Make a test clock")
async def create_test_clock(body: TestClockInput, deps: Deps, ids: Ids) -> TestClockView:
    """Customers created on it live by it; nothing happens to them until it is advanced."""
    async with transactions(deps.engine)() as tx:
        clock = await tx.test_clocks.create(
            test_clock_id=ids.new("clock"),
            name=body.name,
            frozen_at=body.frozen_at,
            created_at=machine_now(),
        )
    return TestClockView.of(clock)


@router.get("", operation_id="list_test_clocks", summary="List test clocks")
async def list_test_clocks(
    deps: Deps, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[TestClockView]:
    """Newest first, without the deleted ones."""
    async with reading(deps.engine) as connection:
        page = await test_clocks.page_of(connection, cursor=cursor, limit=limit)
    return Page[TestClockView].of(page, TestClockView.of)


@router.get("/{test_clock_id}", operation_id="read_test_clock", summary="Read a test clock")
async def read_test_clock(test_clock_id: TestClockId, deps: Deps) -> TestClockView:
    """`ready` once everything that fell due on the way has happened."""
    return TestClockView.of(await _require(deps, test_clock_id))


@router.post(
    "/{test_clock_id}/advance", operation_id="advance_test_clock", summary="Advance a test clock"
)
async def advance_test_clock(
    test_clock_id: TestClockId, body: AdvanceInput, deps: Deps
) -> TestClockView:
    """Begins the move and answers at once: read the clock until it is `ready`.

    Moving it to the very instant where it stands is answered as done: so a caller whose answer
    was lost can ask for the same `frozen_at` again.
    """
    clock = await _require(deps, test_clock_id)
    target_at = _target(clock, body)
    if clock.target_at is None and clock.frozen_at == target_at:
        return TestClockView.of(clock)
    if clock.target_at != target_at:
        async with transactions(deps.engine)() as tx:
            clock = await tx.test_clocks.begin_advance(test_clock_id, to=target_at)
    workflows = SubscriptionWorkflows.of(deps)
    await workflows.move_clock(TestClockMove(test_clock_id=test_clock_id, target_at=target_at))
    return TestClockView.of(clock)


@router.delete(
    "/{test_clock_id}",
    operation_id="delete_test_clock",
    summary="Delete a test clock",
    responses=problem_responses(409),
)
async def delete_test_clock(
    test_clock_id: TestClockId, deps: Deps, caller: CallerOf
) -> TestClockView:
    """Cancels its customers' subscriptions; the customers are gone, their documents stay."""
    ended: set[str] = set()
    while True:
        async with transactions(deps.engine)() as tx:
            clock = await tx.test_clocks.claim_for_deletion(test_clock_id)
            unfinished = await subscriptions.unfinished_on_clock(tx.connection, test_clock_id)
            begun_meanwhile = [each for each in unfinished if each not in ended]
            if not begun_meanwhile:
                await tx.test_clocks.delete(test_clock_id, deleted_at=machine_now())
                return TestClockView.of(
                    clock.model_copy(update={"status": TestClockStatus.DELETED})
                )
        for subscription_id in begun_meanwhile:
            await _end(deps, test_clock_id, subscription_id, caller.actor)
            ended.add(subscription_id)


async def _end(deps: Dependencies, test_clock_id: str, subscription_id: str, actor: Actor) -> None:
    command = Cancel(
        command_id=derived_id("cmd", "test_clock.delete", test_clock_id, subscription_id),
        actor=actor,
        reason="the test clock was deleted",
        mode=CancelMode.NOW,
    )
    try:
        workflows = SubscriptionWorkflows.of(deps)
        await workflows.command(subscription_id, command)
    except NotRunning:
        return
    except Conflict as error:
        if error.code not in {"subscription_ended", "purchase_ended"}:
            raise


async def _require(deps: Dependencies, test_clock_id: str) -> TestClock:
    async with reading(deps.engine) as connection:
        clock = await test_clocks.get(connection, test_clock_id)
    if clock is None:
        raise unknown_test_clock(test_clock_id)
    return clock


def _target(clock: TestClock, body: AdvanceInput) -> datetime:
    if body.frozen_at is not None:
        return body.frozen_at
    try:
        target_at = clock.frozen_at + timedelta(seconds=body.by_seconds or 0)
    except OverflowError:
        target_at = None
    if target_at is None or target_at.year > LAST_YEAR:
        raise InvalidInput(
            "date_out_of_range", f"the years up to {LAST_YEAR} are supported"
        ) from None
    return target_at
