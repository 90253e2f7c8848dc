"""Quotes hold for ten minutes, and for the subscription as it was previewed (policy P14)."""

from datetime import timedelta

import pytest

from billing.errors import Conflict
from billing.quote import CLOCK_SKEW, Quote, check_quote
from billing.subscription import SubscriptionState
from tests.billing.subscriptions import CREATED, EIGHTY_DOLLARS, incomplete

_AT = CREATED + timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


def _quote(state: SubscriptionState) -> Quote:
    return Quote(
        subscription_id=state.subscription_id,
        version=state.version,
        at=_AT,
        price_id=state.terms.price_id,
        price_version=state.terms.price_version,
        quantity=7,
        total=EIGHTY_DOLLARS,
    )


@pytest.mark.parametrize("after", [timedelta(0), timedelta(minutes=10) - _MICROSECOND, -CLOCK_SKEW])
def test_a_quote_holds_for_ten_minutes_whoever_clock_is_ahead(after: timedelta) -> None:
    state = incomplete()
    check_quote(_quote(state), state, _AT + after)


@pytest.mark.parametrize("after", [timedelta(minutes=10), -CLOCK_SKEW - _MICROSECOND])
def test_a_quote_of_another_time_is_refused(after: timedelta) -> None:
    state = incomplete()
    with pytest.raises(Conflict) as refusal:
        check_quote(_quote(state), state, _AT + after)
    assert refusal.value.code == "quote_expired"


@pytest.mark.parametrize("other", [{"version": 8}, {"subscription_id": "sub_2"}])
def test_a_quote_for_what_is_no_longer_so_is_refused(other: dict[str, object]) -> None:
    state = incomplete()
    with pytest.raises(Conflict) as refusal:
        check_quote(_quote(state), state.model_copy(update=other), _AT)
    assert refusal.value.code == "quote_expired"
