"""`perennial demo`: a year of a small company on the running system.

Owns the run: its id, its customers side by side, its verdict. Does not own what happens to them
(`cli.demo.stories`).
"""

import asyncio
import os
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console

from cli.demo import report
from cli.demo.answers import Ready
from cli.demo.audit import examine
from cli.demo.browser import Browser
from cli.demo.client import connected
from cli.demo.company import STORIES
from cli.demo.customer import DemoCustomer
from cli.demo.errors import DemoFailed, NothingToPlayOn, OutOfReach
from cli.demo.finding import Finding
from cli.demo.life import Life, World
from cli.demo.patience import Patience
from cli.demo.played import Played, played
from cli.demo.progress import Progress
from cli.demo.story import Story
from cli.demo.target import Target, find_target

_RUN_ID: Final = re.compile(r"[a-z0-9]{1,20}")
_START_SECONDS: Final = 10.0
_BROWSER_TIMEOUT_SECONDS: Final = 40.0
_PLAIN_WIDTH: Final = 160
_STORIES_AT_ONCE: Final = 6
"""Enough to keep a small machine busy; more would only ask more often whether they are done."""
_TRUSTED: Final = ssl.create_default_context()
"""Read once: each browser would read the machine's certificates again."""


def run(root: Path, *, run_id: str | None = None, names: Sequence[str] = ()) -> int:
    """Plays the year, or goes on with the run `run_id`; 0 only when everything balances.

    `names` chooses some of the customers.
    """
    console = _console()
    try:
        target, stories = find_target(root, os.environ), _chosen(names)
        return asyncio.run(_run(console, target, _checked(run_id), stories))
    except DemoFailed as error:
        console.print(str(error), style="red", markup=False)
    except KeyboardInterrupt:
        console.print("interrupted")
    return 1


def _console() -> Console:
    """Wide enough for every row where no terminal says how wide it is."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PLAIN_WIDTH)


def _checked(run_id: str | None) -> str:
    if run_id is None:
        return secrets.token_hex(4)
    if _RUN_ID.fullmatch(run_id) is None:
        raise NothingToPlayOn("a run's id is of 1 to 20 lower-case letters and digits")
    return run_id


def _chosen(names: Sequence[str]) -> tuple[Story, ...]:
    known = {story.name.lower(): story for story in STORIES}
    unknown = [name for name in names if name.lower() not in known]
    if unknown:
        listed = ", ".join(story.name for story in STORIES)
        raise NothingToPlayOn(f"no customer is called {', '.join(unknown)}; there are {listed}")
    return tuple(known[name.lower()] for name in names) or STORIES


async def _run(console: Console, target: Target, run_id: str, stories: tuple[Story, ...]) -> int:
    began = time.monotonic()
    progress = Progress(console, stories)
    await _await_system(target, progress)
    console.print(
        f"run {run_id}; if it is interrupted, go on with: perennial demo --run {run_id}\n"
    )
    patience = Patience(progress.notice)
    async with (
        connected(target.api_url, target.api_key, patience) as api,
        connected(target.stripe_url, target.stripe_key, patience) as stripe,
    ):
        world = World(run_id=run_id, api=api, stripe=stripe, patience=patience)
        with progress:
            year = await _play(stories, world, progress)
        findings = await examine(year, api=api, stripe=stripe)
    report.show(console, year, findings, target)
    return _verdict(console, findings, seconds=time.monotonic() - began)


async def _await_system(target: Target, progress: Progress) -> None:
    """A system that was just started gets a moment; one that was not is soon said to be missing."""
    patience = Patience(progress.notice, seconds=_START_SECONDS)
    async with connected(target.api_url, target.api_key, patience) as api:
        try:
            await api.read(Ready, "/readyz")
        except OutOfReach:
            raise NothingToPlayOn(
                f"nothing answers at {target.api_url}; start it in another terminal: make dev"
            ) from None


async def _play(stories: tuple[Story, ...], world: World, progress: Progress) -> list[Played]:
    """Some stories at the same time: the customers' clocks know nothing of one another."""
    lanes = asyncio.Semaphore(_STORIES_AT_ONCE)

    async def tell(story: Story) -> Played:
        async with lanes:
            return await _tell(story, world, progress)

    try:
        async with asyncio.TaskGroup() as group:
            plays = [group.create_task(tell(story)) for story in stories]
    except* DemoFailed as failures:
        raise failures.exceptions[0] from None
    return [play.result() for play in plays]


async def _tell(story: Story, world: World, progress: Progress) -> Played:
    life = Life(world, story.name, story.begins_at)
    async with _own_browser(world.patience) as browser:
        customer = DemoCustomer(life, browser, progress.watch)
        try:
            await customer.introduced(segment=story.segment)
            await story.play(customer)
        except DemoFailed as error:
            raise type(error)(f"{story.name}: {error}") from error
    return await played(story, customer)


@asynccontextmanager
async def _own_browser(patience: Patience) -> AsyncIterator[Browser]:
    """With cookies of its own: whoever has a customer's cookies acts as that customer."""
    async with httpx.AsyncClient(
        timeout=_BROWSER_TIMEOUT_SECONDS, verify=_TRUSTED, trust_env=False
    ) as http:
        yield Browser(http, patience)


def _verdict(console: Console, findings: tuple[Finding, ...], *, seconds: float) -> int:
    failed = [finding for finding in findings if not finding.is_well]
    if failed:
        console.print(f"\n{len(failed)} of {len(findings)} checks failed", style="bold red")
        return 1
    console.print(f"\nThe books balance: a year in {seconds:.1f} s")
    return 0
