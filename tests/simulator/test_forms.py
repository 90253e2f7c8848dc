"""The bracket notation, read exactly as the SDK writes it."""

import contextlib
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from simulator.errors import InvalidRequest
from simulator.forms import FormTree, parse_form

_NAMES = st.text(alphabet="abcdefgh_", min_size=1, max_size=8)
_VALUES = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20
)
_TREES = st.recursive(
    _VALUES, lambda inner: st.dictionaries(_NAMES, inner, min_size=1, max_size=4), max_leaves=10
)


@given(st.dictionaries(_NAMES, _TREES, max_size=4))
def test_what_the_sdk_encodes_is_read_back_unchanged(parameters: FormTree) -> None:
    encoded = urllib.parse.urlencode(list(_api_encode(parameters)))
    assert parse_form(encoded) == parameters


@given(st.lists(_VALUES, min_size=1, max_size=12))
def test_lists_become_positions_in_their_order(values: list[str]) -> None:
    encoded = urllib.parse.urlencode(list(_api_encode({"expand": values})))
    expected = {str(index): value for index, value in enumerate(values)}
    assert parse_form(encoded) == {"expand": expected}


@given(st.text(alphabet="ab[]=&%x0", max_size=30))
def test_malformed_input_is_refused_and_never_breaks(encoded: str) -> None:
    with contextlib.suppress(InvalidRequest):
        assert isinstance(parse_form(encoded), dict)


@pytest.mark.parametrize("encoded", ["a%00=1&b=%00", "a=1&a[b]=2", "a[b]=1&a=2", "a=%ff", "a[=1"])
def test_contradictions_and_unreadable_bytes_are_refused(encoded: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_form(encoded)


def test_a_list_without_positions_is_counted() -> None:
    assert parse_form("expand[]=a&expand[]=b") == {"expand": {"0": "a", "1": "b"}}
