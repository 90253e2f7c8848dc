"""Strict reading of JSON bodies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.json_request import parse_json
from billing.errors import PerennialError

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json_malformed"),
        (b"{", "json_malformed"),
        (b"\xff\xfe", "json_malformed"),
        (b'{"a": NaN}', "number_not_finite"),
        (b'{"a": -Infinity}', "number_not_finite"),
        (b'{"a": 1, "a": 2}', "json_duplicate_key"),
        (b'{"a": "\\u0000"}', "unstorable_text"),
        (b'{"a": "\\ud800"}', "unstorable_text"),
        (b'{"\\udfff": 1}', "unstorable_text"),
        (b'["' + b"x" * 10 + b'\\u0000"]', "unstorable_text"),
        (b"1" * 5_000, "number_out_of_range"),
        (b"[" * 40 + b"]" * 40, "json_too_deep"),
        (b"[" * 200_000 + b"]" * 200_000, "json_too_deep"),
        (b'{"a":' * 100_000, "json_too_deep"),
    ],
)
def test_unreadable_or_unstorable_json_is_refused_by_code(body: bytes, code: str) -> None:
    with pytest.raises(PerennialError) as refusal:
        parse_json(body)
    assert refusal.value.code == code


@given(_JSON)
def test_what_can_be_stored_is_read_as_it_was_written(value: object) -> None:
    text = json.dumps(value)
    if "\\u0000" in text or "\\ud" in text:
        return
    assert parse_json(text.encode()) == value
