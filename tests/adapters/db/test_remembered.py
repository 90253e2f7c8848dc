"""What is remembered belongs to one database, and there is an end to it."""

from adapters.db.engine import create_engine
from adapters.db.remembered import Remembered

_URL = "postgresql://nobody@127.0.0.1:1/nothing"


def test_another_database_knows_nothing_of_it() -> None:
    one, other = create_engine(_URL).sync_engine, create_engine(_URL).sync_engine
    known = Remembered[str, int]()
    known.put(one, "seats", 5)
    assert known.get(one, "seats") == 5
    assert known.get(other, "seats") is None


def test_everything_is_forgotten_before_it_is_too_much() -> None:
    engine, known = create_engine(_URL).sync_engine, Remembered[int, int](most=3)
    for key in range(4):
        known.put(engine, key, key)
    assert [known.get(engine, key) for key in range(4)] == [None, None, None, 3]
