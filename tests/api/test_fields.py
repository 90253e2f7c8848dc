"""Bounds of the fields that requests are made of."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from api.fields import Currency, Email, Flag, Metadata, Name, Quantity, Timestamp, WebAddress

_TIMESTAMP: TypeAdapter[datetime] = TypeAdapter(Timestamp)


_FIRST = datetime(1970, 1, 2, tzinfo=UTC)
_SECONDS = int((datetime(8999, 12, 30, tzinfo=UTC) - _FIRST).total_seconds())


@given(
    st.builds(
        lambda seconds, micros: _FIRST + timedelta(seconds=seconds, microseconds=micros),
        st.integers(0, _SECONDS),
        st.integers(0, 999_999),
    )
)
def test_every_supported_instant_is_read_as_it_was_written(instant: datetime) -> None:
    assert _TIMESTAMP.validate_python(instant.isoformat()) == instant


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-01-17", "timestamp_malformed"),
        ("2026-01-17T09:30:00", "timestamp_malformed"),
        ("2026-02-30T09:30:00Z", "timestamp_malformed"),
        ("2026-01-17T09:30:60Z", "timestamp_malformed"),
        ("2026-01-17T09:30:00+25:00", "timestamp_malformed"),
        ("٢٠٢٦-01-17T09:30:00Z", "timestamp_malformed"),
        ("0001-01-01T00:00:00+01:00", "timestamp_malformed"),
        ("1969-12-31T23:59:59Z", "date_out_of_range"),
        ("9999-12-31T23:59:59Z", "date_out_of_range"),
        (1_768_642_200, "wrong_type"),
        (True, "wrong_type"),
        (None, "wrong_type"),
    ],
)
def test_an_instant_that_would_have_to_be_guessed_is_refused(text: object, code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        _TIMESTAMP.validate_python(text)
    assert [error["type"] for error in refusal.value.errors()] == [code]


@pytest.mark.parametrize("value", [0, -1, 1_000_001, 10**40, 1.0, "5", "5e0", True, None])
def test_a_quantity_is_a_whole_number_within_bounds(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Quantity).validate_python(value)


@pytest.mark.parametrize("value", [0, 1, "true", "yes", None])
def test_a_flag_is_true_or_false(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Flag).validate_python(value)


@pytest.mark.parametrize(
    "value",
    ["", "a", "a@", "@b", "a b@c", "a@b\r\nBcc: x@y", "a@b,c@d", "<a@b>", "a@b\u2028", "a" * 300],
)
def test_an_address_that_could_break_a_mail_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Email).validate_python(value)


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "//evil.example",
        "https://",
        "https://example.com/\r\nSet-Cookie: a=b",
        "https://exa mple.com",
        "https://example.com:99999/",
        "http://[::1",
        "ftp://example.com/a",
        "https://user:password@example.com",
        "https://example.com@evil.example",
        "https://evil.example\\@example.com",
        'https://example.com/"><script>',
        "https://example.com/<b>",
        "https://.",
        "https://-/",
        "https://example.com/" + "a" * 2_000,
    ],
)
def test_only_absolute_web_addresses_are_redirected_to(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(WebAddress).validate_python(value)


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com",
        "HTTPS://EXAMPLE.COM/A",
        "http://localhost:3000/a?b=c&d=%22#e",
        "http://127.0.0.1:8000/",
        "http://[::1]:8000/",
        "https://example.com/?id={CHECKOUT_SESSION_ID}&at=a@b",
    ],
)
def test_a_web_address_stays_as_it_was_written(value: str) -> None:
    assert TypeAdapter(WebAddress).validate_python(value) == value


@pytest.mark.parametrize("value", ["XXX", "usd", "US", "", "USDX"])
def test_an_unknown_currency_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Currency).validate_python(value)


@pytest.mark.parametrize("value", ["", "   ", "a\nb", "a\x07b", "a" * 201])
def test_a_name_is_printable_and_bounded(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(value)


@pytest.mark.parametrize(
    "value", [{"a b": "c"}, {"": "c"}, {"a": 1}, {"a": "b" * 501}, {str(n): "" for n in range(51)}]
)
def test_metadata_is_bounded_text(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Metadata).validate_python(value)
