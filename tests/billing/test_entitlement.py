"""Entitlements: what one source gives, and what several give together."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog import Catalog, Product
from billing.entitlement import (
    Combine,
    Entitlement,
    Limit,
    changes,
    combined,
    granted,
)
from billing.errors import InvalidInput
from billing.subscription import ENTITLED_STATUSES, SubscriptionStatus
from tests.billing.subscriptions import incomplete

FEATURES = ("registry_storage", "scanned_repositories", "users")
limits = st.builds(
    Limit,
    amount=st.none() | st.integers(0, 10**12),
    unit=st.just("piece"),
    per_unit=st.booleans(),
    combine=st.sampled_from(Combine),
)
entitlements = st.builds(Entitlement, feature=st.sampled_from(FEATURES), limit=limits)


def _limit(
    amount: int | None, *, combine: Combine = Combine.HIGHEST, per_unit: bool = False
) -> Entitlement:
    limit = Limit(amount=amount, unit="user", combine=combine, per_unit=per_unit)
    return Entitlement(feature="users", limit=limit)


def _together(*given: Entitlement) -> int | str:
    (found,) = combined(given)
    return found.extent


def test_of_two_plans_the_higher_limit_holds_and_add_ons_come_on_top() -> None:
    pack = _limit(25, combine=Combine.SUM)
    assert _together(_limit(2), _limit(5)) == 5
    assert _together(_limit(2), pack, _limit(5), pack) == 55
    assert _together(pack) == 25
    assert _together(_limit(5), _limit(None), pack) == "unlimited"
    assert _together(_limit(0)) == 0


def test_a_limit_per_unit_grows_with_the_quantity() -> None:
    assert _limit(3, per_unit=True).times(5).extent == 15
    assert _limit(3).times(5).extent == 3
    assert _limit(None, per_unit=True).times(5).extent == "unlimited"
    switch = Entitlement(feature="single_sign_on")
    assert switch.times(5) == switch


@given(st.lists(entitlements, max_size=8), st.randoms())
def test_the_order_of_sources_does_not_matter(given: list[Entitlement], random: Random) -> None:
    shuffled = random.sample(given, len(given))
    assert combined(shuffled) == combined(given)


@given(st.lists(entitlements, max_size=8), entitlements)
def test_one_source_more_never_takes_anything_away(
    given: list[Entitlement], more: Entitlement
) -> None:
    before = {each.feature: each.limit for each in combined(given)}
    after = {each.feature: each.limit for each in combined([*given, more])}
    for feature, limit in before.items():
        later = after[feature]
        assert limit is not None
        assert later is not None
        assert later.amount is None or (limit.amount is not None and limit.amount <= later.amount)


@given(st.lists(entitlements, max_size=8))
def test_what_nothing_changes_is_not_told(given: list[Entitlement]) -> None:
    together = combined(given)
    assert changes(together, together) == {}
    told = changes((), together)
    assert {name for name in told if told[name] is not None} == {
        f"{each.feature}.after" for each in together
    }


def test_changes_name_what_was_and_what_is() -> None:
    switch = Entitlement(feature="single_sign_on")
    assert changes([_limit(2)], [_limit(None), switch]) == {
        "single_sign_on.before": None,
        "single_sign_on.after": "included",
        "users.before": 2,
        "users.after": "unlimited",
    }


@pytest.mark.parametrize("status", SubscriptionStatus)
def test_a_subscription_gives_what_was_sold_while_it_runs(status: SubscriptionStatus) -> None:
    sold = incomplete()
    terms = sold.terms.model_copy(
        update={"quantity": 4, "entitlements": (_limit(2, per_unit=True),)}
    )
    state = sold.model_copy(update={"status": status, "terms": terms})
    gives = [each.extent for each in state.entitlements]
    assert gives == ([8] if status in ENTITLED_STATUSES else [])


def test_dunning_leaves_what_was_sold_and_its_end_does_not() -> None:
    assert SubscriptionStatus.PAST_DUE in ENTITLED_STATUSES
    assert SubscriptionStatus.UNPAID not in ENTITLED_STATUSES
    assert SubscriptionStatus.INCOMPLETE not in ENTITLED_STATUSES


def test_a_feature_means_the_same_in_all_of_a_catalog() -> None:
    def product(name: str, *given: Entitlement) -> Product:
        return Product(id=name, name=name, family=name, entitlements=given)

    plan = product("plan", _limit(2))
    Catalog(products=(plan, product("addon", _limit(3))), prices=())
    for other in (
        Entitlement(feature="users"),
        Entitlement(feature="users", limit=Limit(amount=1, unit="seat")),
    ):
        with pytest.raises(ValueError, match="is a limit in 'user' elsewhere"):
            Catalog(products=(plan, product("addon", other)), prices=())


def test_a_grant_has_the_form_of_its_feature() -> None:
    def grant(unit: str | None, amount: int | None, *, unlimited: bool = False) -> Entitlement:
        return granted("users", unit=unit, amount=amount, unlimited=unlimited, combine=Combine.SUM)

    assert grant(None, None) == Entitlement(feature="users")
    assert grant("user", 3).extent == 3
    assert grant("user", None, unlimited=True).extent == "unlimited"
    for unit, amount, unlimited, code in (
        (None, 3, False, "limit_not_expected"),
        (None, None, True, "limit_not_expected"),
        ("user", None, False, "limit_missing"),
        ("user", 3, True, "limit_missing"),
    ):
        with pytest.raises(InvalidInput) as refused:
            grant(unit, amount, unlimited=unlimited)
        assert refused.value.code == code
