"""The parts of the benchmark, each from the start of its programs to its figures.

Owns which programs a part needs, what is checked of what they did, and the targets. Does not own
how anything is measured (`bench.renewals`, `bench.year`, `bench.sleeping`, `bench.latency`,
`bench.rehearsal`, `bench.documents`).
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading, snapshot, transactions
from adapters.db.queries import books, subscriptions
from api.authentication import SCOPES
from bench import customers, documents, latency, pricing, rehearsal, renewals, sleeping, year
from bench.arms import BareArm, SystemArm
from bench.figures import Figure, Spread
from bench.stage import Running, Stage, started
from bench.stripe_sandbox import process_variables, running_api, running_sandbox
from local import ports
from workflows.messages import SUBSCRIPTION_TASK_QUEUE

_SECONDS: Final = 60
_LOOK_AGAIN_SECONDS: Final = 0.1
_MEBIBYTE: Final = 1 << 20
_PDF_MILLISECONDS: Final = 20
_FLAT: Final = 1.1
"""Flat is within a tenth of what it was when the cache was full."""


class BooksDoNotBalance(Exception):
    """What was measured is worth nothing: the system did something wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything."""

    renewals: int = 200
    """In each round."""
    workers: int = 2
    """Of each arm: a process of Python keeps one processor busy."""
    cycles: int = 3
    warm_up: int = 50
    years: int = 3
    """Subscriptions whose year is lived through."""
    sleeping: tuple[int, ...] = (1_000, 2_000, 5_000, 10_000)
    """Rising; the second is where the cache is full and has let go of as many again."""
    sleeping_seconds: float = 420
    requests: int = 2_000
    documents: int = 200
    rehearsed: int = 79_000
    """Subscriptions that a change of a price is rehearsed on."""
    priced: int = 100_000
    """Lines that are priced."""


async def measure_renewals(stage: Stage, sizes: Sizes) -> list[Figure]:
    """Renewals per second through the whole system, against the bare workflow."""
    memory = ("bench.memory_worker", "renewals", str(sizes.renewals))
    async with (
        stage.engine() as engine,
        _all_started(stage, [("bench.bare_worker",)] * sizes.workers) as bare,
        _all_started(stage, [memory, *[(*memory, "SECOND")] * (sizes.workers - 1)]),
        running_sandbox(stage, workers=sizes.workers) as sandbox,
    ):
        await customers.enrol(transactions(engine), sandbox.gateway, "stripe", sizes.renewals)
        client = await stage.connect()
        in_memory = SystemArm(client, engine, "gateway in memory", "renewals", "renewals")
        with_stripe = SystemArm(
            client,
            engine,
            "simulator and API beside it",
            "stripe",
            SUBSCRIPTION_TASK_QUEUE,
            control=sandbox.control,
        )
        compared = await renewals.compare(
            client,
            BareArm(client, bare),
            (in_memory, with_stripe),
            count=sizes.renewals,
            cycles=sizes.cycles,
            warm_up=sizes.warm_up,
        )
        await _require_balance(engine)
    return [
        *_renewal_figures(compared[in_memory.name], in_memory.name, at_least=0.7),
        *_renewal_figures(compared[with_stripe.name], with_stripe.name, at_least=0.5),
    ]


async def measure_year(stage: Stage, sizes: Sizes) -> list[Figure]:
    """What twelve renewals leave in the history; counted, not timed."""
    async with (
        stage.engine() as engine,
        started(stage, "bench.bare_worker"),
        started(stage, "bench.memory_worker", "year", str(sizes.years)),
    ):
        client = await stage.connect()
        bare = await year.live_through_bare(client)
        live = partial(
            year.live_through, client, engine, group="year", task_queue="year", count=sizes.years
        )
        paid, free = await live(price=customers.PAID), await live(price=customers.FREE)
        await _require_balance(engine)
    return _year_figures(bare, paid, free)


async def measure_sleeping(stage: Stage, sizes: Sizes) -> list[Figure]:
    """The worker's memory while ever more subscriptions sleep."""
    async with started(stage, "bench.memory_worker", "sleeping", "1") as worker:
        standings = await sleeping.fall_asleep(
            await stage.connect(),
            task_queue="sleeping",
            counts=sizes.sleeping,
            worker_pid=int(worker.said["ready"]),
            seconds=sizes.sleeping_seconds,
        )
    return sleeping_figures(standings, sizes)


async def measure_api(stage: Stage, sizes: Sizes) -> list[Figure]:
    """Latency of three operations against a bare route with one query.

    The last is what the seller's product asks at every step.
    """
    api_port, bare_port = ports.find_free_port(), ports.find_free_port()
    async with (
        stage.engine() as engine,
        running_api(stage, process_variables(), port=api_port),
        started(stage, "bench.bare_api", str(bare_port)),
    ):
        subscription_id = await _renewed_subscription(stage, engine)
        customer_id = (await customers.entitle(transactions(engine))).customer_id
        api_key = await _api_key(engine)
        path = f"/v1/subscriptions/{subscription_id}"
        bare = latency.Call(port=bare_port, path=f"/subscriptions/{subscription_id}")
        read = latency.Call(port=api_port, path=path, api_key=api_key)
        preview = latency.Call(
            port=api_port,
            method="POST",
            path=f"{path}/change/preview",
            api_key=api_key,
            body=f'{{"price": "{customers.DEARER.id}"}}',
        )
        entitled = latency.Call(
            port=api_port, path=f"/v1/customers/{customer_id}/entitlements", api_key=api_key
        )
        operations = {
            "read of a subscription": read,
            "preview of a change": preview,
            "read of a customer's entitlements": entitled,
        }
        return [
            _latency_figure(name, latency.compare(call, bare, requests=sizes.requests))
            for name, call in operations.items()
        ]


async def measure_rehearsal(stage: Stage, sizes: Sizes) -> list[Figure]:
    """How long it takes to say what another price would do to everybody."""
    async with stage.engine() as engine:
        sold = await rehearsal.fill(engine, sizes.rehearsed)
        measured = [await rehearsal.rehearse(engine) for _ in range(sizes.cycles)]
    counted = {each.total.subscriptions for each in measured}
    if counted != {sold}:
        raise BooksDoNotBalance(f"{sold} subscriptions were counted as {counted}")
    return [
        Figure(
            name=f"rehearsal of a price on {sizes.rehearsed:,} subscriptions",
            unit="s",
            ours=Spread.of([each.seconds for each in measured]),
            baseline=Spread.of([each.bare_seconds for each in measured]),
            at_most=60,
        )
    ]


async def measure_pdf(_: Stage, sizes: Sizes) -> list[Figure]:
    """The PDF of an invoice; the target is one of time, whatever an empty page takes."""
    setting = await asyncio.to_thread(
        documents.set_invoices, count=sizes.documents, warm_up=sizes.documents // 10
    )
    return [
        Figure(
            name="PDF of an invoice",
            unit="ms",
            ours=setting.ours,
            baseline=setting.empty,
            at_most=_PDF_MILLISECONDS,
        ),
        Figure(
            name="size of the PDF of an invoice",
            unit="bytes",
            ours=Spread.of([setting.bytes_each]),
        ),
    ]


async def measure_pricing(_: Stage, sizes: Sizes) -> list[Figure]:
    """Lines priced per second, with what explains them, against bare integers."""
    measured = [pricing.price_lines(sizes.priced) for _ in range(sizes.cycles)]
    if not all(each.agrees for each in measured):
        raise BooksDoNotBalance("the model and bare arithmetic come to different amounts")
    return [
        Figure(
            name=f"pricing of {sizes.priced:,} lines in three tiers",
            unit="lines per second",
            ours=Spread.of([sizes.priced / each.seconds for each in measured]),
            baseline=Spread.of([sizes.priced / each.bare_seconds for each in measured]),
            ratio=Spread.of([each.bare_seconds / each.seconds for each in measured]),
        )
    ]


Measure = Callable[[Stage, Sizes], Coroutine[None, None, list[Figure]]]

PARTS: Final[Mapping[str, Measure]] = {
    "renewals": measure_renewals,
    "year": measure_year,
    "sleeping": measure_sleeping,
    "api": measure_api,
    "pdf": measure_pdf,
    "rehearsal": measure_rehearsal,
    "pricing": measure_pricing,
}
"""In the order in which they are measured."""


@asynccontextmanager
async def _all_started(
    stage: Stage, commands: Sequence[Sequence[str]]
) -> AsyncIterator[tuple[Running, ...]]:
    async with AsyncExitStack() as running:
        yield tuple(
            [await running.enter_async_context(started(stage, *command)) for command in commands]
        )


def sleeping_figures(standings: Sequence[sleeping.Standing], sizes: Sizes) -> list[Figure]:
    """How many sleep, which time may have cut short, and the memory at each of the counts."""
    full = standings[min(1, len(standings) - 1)].memory_bytes
    asleep = Figure(
        name=f"subscriptions asleep within {sizes.sleeping_seconds:g} s",
        unit="subscriptions",
        ours=Spread.of([standings[-1].sleeping]),
        at_least=sizes.sleeping[-1],
    )
    memory = (
        Figure(
            name=f"worker's memory, {standing.sleeping:,} sleeping",
            unit="MiB",
            ours=Spread.of([standing.memory_bytes / _MEBIBYTE]),
            baseline=Spread.of([full / _MEBIBYTE]),
            ratio=Spread.of([standing.memory_bytes / full]),
            at_most=_FLAT,
        )
        for standing in standings
    )
    return [asleep, *memory]


def _renewal_figures(compared: renewals.Comparison, name: str, *, at_least: float) -> list[Figure]:
    return [
        Figure(
            name=f"renewals, {name}",
            unit="per second",
            ours=compared.ours,
            baseline=compared.baseline,
            ratio=compared.ratio,
            at_least=at_least,
        ),
        Figure(
            name=f"history of a paid renewal, {name}",
            unit="events",
            ours=Spread.of([renewal.events for renewal in compared.renewals]),
            at_most=20,
        ),
    ]


def _year_figures(
    bare: year.Year, paid: Sequence[year.Year], free: Sequence[year.Year]
) -> list[Figure]:
    paid_renewals = [renewal for lived in paid for renewal in lived.renewals]
    free_renewals = [renewal for lived in free for renewal in lived.renewals]
    return [
        Figure(
            name="history of a paid renewal",
            unit="events",
            ours=Spread.of([renewal.events for renewal in paid_renewals]),
            baseline=Spread.of([renewal.events for renewal in bare.renewals]),
            at_most=20,
        ),
        Figure(
            name="activities of a paid renewal",
            unit="activities",
            ours=Spread.of([renewal.activities for renewal in paid_renewals]),
            at_most=2,
        ),
        Figure(
            name="activities of a renewal with nothing to collect",
            unit="activities",
            ours=Spread.of([renewal.activities for renewal in free_renewals]),
            at_most=1,
        ),
        Figure(
            name="history of a renewal with nothing to collect",
            unit="events",
            ours=Spread.of([renewal.events for renewal in free_renewals]),
        ),
        Figure(
            name="upserts of search attributes in a paid renewal",
            unit="upserts",
            ours=Spread.of([renewal.upserts for renewal in paid_renewals]),
        ),
        Figure(
            name="history of a subscription and year, twelve paid renewals",
            unit="bytes",
            ours=Spread.of([lived.history_bytes for lived in paid]),
            baseline=Spread.of([bare.history_bytes]),
            ratio=Spread.of([lived.history_bytes / bare.history_bytes for lived in paid]),
        ),
    ]


def _latency_figure(name: str, compared: latency.Latency) -> Figure:
    return Figure(
        name=name,
        unit="ms",
        ours=compared.ours,
        baseline=compared.baseline,
        ratio=compared.ratio,
        at_most=3,
    )


async def _renewed_subscription(stage: Stage, engine: AsyncEngine) -> str:
    """One that the worker has billed and collected a moment ago."""
    state = customers.active(customers.customer_id("api", 0), renews_at=datetime.now(UTC))
    async with started(stage, "bench.memory_worker", "api", "1"), asyncio.timeout(_SECONDS):
        await customers.record(transactions(engine), [state])
        await customers.start(await stage.connect(), state, task_queue="api")
        while True:
            async with reading(engine) as connection:
                found = await subscriptions.state_of(connection, state.subscription_id)
            if found is not None and found.last_invoice_id and not found.open_invoices:
                return state.subscription_id
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _api_key(engine: AsyncEngine) -> str:
    secret = f"pk_{secrets.token_hex(16)}"
    async with transactions(engine)() as tx:
        await tx.api_keys.put(
            secret,
            key_id=f"key_{secrets.token_hex(8)}",
            name="benchmark",
            scopes=SCOPES,
            created_at=datetime.now(UTC),
        )
    return secret


async def _require_balance(engine: AsyncEngine) -> None:
    async with snapshot(engine) as connection:
        found = await books.read(connection)
    if not found.balance:
        raise BooksDoNotBalance(str(found))
