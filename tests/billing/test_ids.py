from hypothesis import given
from hypothesis import strategies as st

from billing.ids import derived_id, effect_key

words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(st.lists(words, min_size=1, max_size=4), st.lists(words, min_size=1, max_size=4))
def test_an_id_follows_from_its_parts_and_from_nothing_else(
    parts: list[str], others: list[str]
) -> None:
    first = derived_id("in", *parts)
    assert first == derived_id("in", *parts)
    assert (first == derived_id("in", *others)) is (parts == others)


def test_keys_are_readable() -> None:
    assert effect_key("payment.create", "in_1", 2) == "payment.create:in_1:2"
