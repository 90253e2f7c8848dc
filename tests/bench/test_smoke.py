"""The benchmark in small: that it runs, what it counts, and that what it measures happened.

Nothing here is about time: on a machine that has other things to do, no figure of it would mean
anything. Each part itself refuses to answer where a renewal is missing or the books do not balance.
"""

import pytest

from bench import parts
from bench.figures import Figure
from bench.parts import Sizes
from bench.sleeping import Standing
from bench.stage import Stage
from local import temporal as local_temporal

SMALL = Sizes(
    renewals=5,
    workers=1,
    cycles=1,
    warm_up=0,
    years=1,
    sleeping=(100, 200),
    requests=50,
    documents=10,
    priced=2_000,
    rehearsed=500,
)


@pytest.fixture
def stage(database_url: str, temporal_server: local_temporal.Server) -> Stage:
    """The run's servers, and a database of the test's own."""
    return Stage(database_url, temporal_server.address)


async def test_renewals_with_either_gateway_are_held_against_the_bare_workflow(
    stage: Stage,
) -> None:
    figures = await parts.measure_renewals(stage, SMALL)
    rates = [figure for figure in figures if figure.unit == "per second"]
    assert [figure.at_least for figure in rates] == [0.7, 0.5]
    assert all(figure.baseline and figure.ratio and figure.ours.lowest > 0 for figure in rates)
    [in_memory, _] = [figure.ours for figure in figures if figure.unit == "events"]
    assert in_memory.lowest == in_memory.highest


async def test_a_year_leaves_in_the_history_what_it_may(stage: Stage) -> None:
    counted = {figure.name: figure for figure in await parts.measure_year(stage, SMALL)}
    targets = [figure for figure in counted.values() if figure.is_reached is not None]
    assert len(targets) == 3
    assert all(figure.is_reached for figure in targets), counted
    paid, bare = _counts(counted["history of a paid renewal"])
    # A machine that is busy with something else gives a task out twice.
    assert min(bare) == 17
    assert max(paid) <= 20
    assert counted["activities of a paid renewal"].ours.highest == 2
    assert counted["activities of a renewal with nothing to collect"].ours.highest == 1


async def test_sleepers_are_counted_and_the_worker_is_looked_at(stage: Stage) -> None:
    figures = await parts.measure_sleeping(stage, SMALL)
    assert [figure.name for figure in figures] == [
        "subscriptions asleep within 420 s",
        "worker's memory, 100 sleeping",
        "worker's memory, 200 sleeping",
    ]
    assert figures[0].is_reached
    assert all(figure.ours.lowest > 10 for figure in figures)


def test_sleepers_that_time_was_too_short_for_are_no_target_reached() -> None:
    standings = [Standing(sleeping=100, memory_bytes=300), Standing(sleeping=150, memory_bytes=300)]
    [asleep, *memory] = parts.sleeping_figures(standings, SMALL)
    assert asleep.is_reached is False
    assert [figure.is_reached for figure in memory] == [True, True]


async def test_reads_and_a_preview_are_held_against_a_bare_route_on_one_stage(stage: Stage) -> None:
    figures = await parts.measure_api(stage, SMALL)
    assert [figure.name for figure in figures] == [
        "read of a subscription",
        "preview of a change",
        "read of a customer's entitlements",
    ]
    assert all(figure.baseline and figure.ratio and figure.at_most == 3 for figure in figures)


async def test_a_rehearsal_counts_everybody_and_is_held_against_the_databases_own_sum(
    stage: Stage,
) -> None:
    [figure] = await parts.measure_rehearsal(stage, SMALL)
    assert figure.name == "rehearsal of a price on 500 subscriptions"
    assert figure.at_most == 60
    assert figure.baseline


async def test_pdfs_are_set_and_held_against_an_empty_page(stage: Stage) -> None:
    [time, size] = await parts.measure_pdf(stage, SMALL)
    assert (time.name, time.unit, time.at_most) == ("PDF of an invoice", "ms", 20)
    assert time.baseline is not None
    assert size.ours.middle > 10_000


async def test_lines_are_priced_like_bare_integers_over_the_same_tiers(stage: Stage) -> None:
    [figure] = await parts.measure_pricing(stage, SMALL)
    assert figure.name == "pricing of 2,000 lines in three tiers"
    assert figure.baseline
    assert figure.ratio


def _counts(figure: Figure) -> tuple[set[float], set[float]]:
    """Whatever was counted, on our side and the baseline's."""
    spreads = [figure.ours, figure.baseline or figure.ours]
    ours, baseline = ({each.lowest, each.middle, each.highest} for each in spreads)
    return ours, baseline
