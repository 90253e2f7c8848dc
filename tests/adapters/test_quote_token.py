"""Quotes as text: what we wrote is read, and nothing else is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.quote_token import QuoteTokens
from billing.errors import InvalidInput
from billing.money import Money
from billing.quote import Quote

_TOKENS = QuoteTokens(secret="secret of the tests")
_QUOTES = st.builds(
    Quote,
    subscription_id=st.text("sub_0123456789", min_size=1, max_size=64),
    version=st.integers(0, 10**9),
    at=st.datetimes(timezones=st.just(UTC)),
    price_id=st.just("team_monthly"),
    price_version=st.integers(1, 1000),
    quantity=st.integers(1, 1_000_000),
    total=st.builds(Money, amount_minor=st.integers(-(10**9), 10**9), currency=st.just("USD")),
)
_QUOTE = Quote(
    subscription_id="sub_1",
    version=3,
    at=datetime(2026, 4, 16, 13, 37, 11, 123_456, tzinfo=UTC),
    price_id="business_monthly",
    price_version=1,
    quantity=10,
    total=Money(amount_minor=3849, currency="USD"),
)


def _refused(tokens: QuoteTokens, token: str) -> bool:
    try:
        tokens.read(token)
    except InvalidInput as error:
        return error.code == "quote_invalid"
    return False


@given(_QUOTES)
def test_a_quote_is_read_as_it_was_written_by_whoever_has_the_secret(quote: Quote) -> None:
    token = _TOKENS.write(quote)
    assert QuoteTokens(secret="secret of the tests").read(token) == quote
    assert token.replace(".", "").replace("-", "").replace("_", "").isalnum()


@given(st.data())
def test_a_token_with_any_letter_changed_is_refused(data: st.DataObject) -> None:
    token = _TOKENS.write(_QUOTE)
    position = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda c: c != token[position]))
    assert _refused(_TOKENS, token[:position] + letter + token[position + 1 :])


@given(st.text(max_size=300))
def test_nothing_else_is_a_quote(token: str) -> None:
    assert _refused(_TOKENS, token)


def test_a_quote_of_another_secret_or_cut_short_is_refused() -> None:
    token = _TOKENS.write(_QUOTE)
    assert _refused(QuoteTokens(secret="another secret"), token)
    assert _refused(_TOKENS, token[:-1])
    assert _refused(_TOKENS, token.partition(".")[0])


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_a_quote_of_another_form_is_refused_though_it_is_ours() -> None:
    older = _QUOTE.model_copy(update={"version": None})
    assert _refused(_TOKENS, _TOKENS.write(older))
