"""What one catalog changes of another, and the digest that tells contents apart."""

import random
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.catalog import Catalog, Product, Trial
from billing.catalog_change import ChangeAction, Published, changes, refusals
from billing.catalog_version import content_digest, plan_digest
from billing.price import Price
from billing.price_model import Graduated, PerUnit, Tier, Volume
from tests.billing.strategies import price

_TEAM = Product(id="team", name="Team", family="plan")


def _catalog(*prices: Price, product: Product = _TEAM, **replacements: str) -> Catalog:
    return Catalog(products=(product,), prices=prices, replacements=replacements)


def _named(id_: str, amount: int | str = 1600, version: int = 1) -> Price:
    return price(amount).model_copy(update={"id": id_, "version": version})


_ids = st.sampled_from(["a1", "b2", "c3", "d4"])
_catalogs = st.dictionaries(_ids, st.tuples(st.integers(100, 103), st.integers(1, 3))).map(
    lambda sold: _catalog(*(_named(id_, amount, v) for id_, (amount, v) in sold.items()))
)


@given(before=_catalogs, after=_catalogs)
def test_the_changes_account_for_every_price(before: Catalog, after: Catalog) -> None:
    old, new = ({each.id: each for each in of.prices} for of in (before, after))
    told = {change.id: change.action for change in changes(before, after)}
    assert {id_ for id_, action in told.items() if action is ChangeAction.ADDED} == (
        new.keys() - old.keys()
    )
    assert {id_ for id_, action in told.items() if action is ChangeAction.RETIRED} == (
        old.keys() - new.keys()
    )
    assert {id_ for id_, action in told.items() if action is ChangeAction.CHANGED} == {
        id_ for id_ in old.keys() & new.keys() if old[id_] != new[id_]
    }
    assert (not told) == (content_digest(before) == content_digest(after))


@given(catalog=_catalogs, seed=st.randoms(use_true_random=False))
def test_the_order_of_what_is_written_makes_no_difference(
    catalog: Catalog, seed: random.Random
) -> None:
    prices = list(catalog.prices)
    seed.shuffle(prices)
    shuffled = catalog.model_copy(update={"prices": tuple(prices)})
    assert changes(catalog, shuffled) == ()
    assert content_digest(shuffled) == content_digest(catalog)


def test_equal_amounts_are_equal_however_they_are_written() -> None:
    written = [
        _catalog(
            _named("a1").model_copy(update={"model": PerUnit(unit_amount_minor=Decimal(amount))})
        )
        for amount in ("1600", "1600.00", "1.6E3")
    ]
    assert len({content_digest(each) for each in written}) == 1
    assert all(changes(written[0], each) == () for each in written)


def test_models_with_the_same_tiers_are_not_the_same() -> None:
    tiers = (Tier(up_to=None, unit_amount_minor=Decimal(100)),)
    graduated, volume = (
        _catalog(_named("a1").model_copy(update={"model": model}))
        for model in (Graduated(tiers=tiers), Volume(tiers=tiers))
    )
    assert content_digest(graduated) != content_digest(volume)
    assert changes(graduated, volume)


def test_a_change_says_which_fields_and_what_they_were() -> None:
    after = _catalog(
        _named("a1", "1800.5", 2), product=_TEAM.model_copy(update={"trial": Trial(days=7)})
    )
    product, of_price = changes(_catalog(_named("a1")), after)
    assert [(d.field, d.before, d.after) for d in product.differences] == [
        ("trial.days", None, "7"),
        ("trial.without_payment_method", None, "cancel"),
    ]
    found = [(d.field, d.before, d.after) for d in of_price.differences]
    assert ("version", "1", "2") in found
    assert ("model.unit_amount_minor", "1600", "1800.5") in found


def test_a_price_that_is_replaced_is_retired_once() -> None:
    prices = _named("a1"), _named("b2")
    before, after = _catalog(*prices), _catalog(*prices, a1="b2")
    [change] = changes(before, after)
    assert (change.action, change.id, change.replaced_by) == (ChangeAction.RETIRED, "a1", "b2")
    assert changes(after, after) == ()
    assert content_digest(before) != content_digest(after)


def test_what_was_published_is_not_changed() -> None:
    published = Published(
        prices=(_named("a1"), _named("a1", 1700, 2)), families={"team": "plan", "old": "x"}
    )
    assert refusals(_catalog(_named("a1", 1700, 2), _named("b2")), published) == ()
    moved = _catalog(_named("a1", 1800), product=_TEAM.model_copy(update={"family": "other"}))
    assert [(r.code, r.kind, r.id) for r in refusals(moved, published)] == [
        ("price_version_immutable", "price", "a1"),
        ("product_family_immutable", "product", "team"),
    ]
    assert "write version: 3" in refusals(moved, published)[0].message


def test_a_plan_is_another_one_on_top_of_another_version_or_from_another_instant() -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    digests = {
        plan_digest(based_on=based_on, content=content, effective_at=effective_at)
        for based_on in (None, 1)
        for content in ("a", "b")
        for effective_at in (None, at)
    }
    assert len(digests) == 8
