"""A process's collector: off while it loads, rare while it works."""

import gc
from collections.abc import Iterator

import pytest

from adapters import garbage_collection


@pytest.fixture(autouse=True)
def collector_of_the_tests() -> Iterator[None]:
    was_enabled, threshold = gc.isenabled(), gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)
    (gc.enable if was_enabled else gc.disable)()


def test_nothing_is_looked_for_while_a_process_loads() -> None:
    gc.enable()
    garbage_collection.put_off()
    assert not gc.isenabled()


def test_what_was_loaded_is_not_looked_through_again_and_what_comes_is() -> None:
    garbage_collection.put_off()
    frozen = gc.get_freeze_count()
    garbage_collection.begin()
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
    assert gc.get_threshold()[0] > 0
