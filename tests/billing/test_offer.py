"""From what is on sale to the terms of one subscription."""

import pytest

from billing.catalog import (
    DisputeLost,
    PauseMode,
    PausePolicy,
    Product,
    ProrationMode,
    Trial,
)
from billing.dunning import DunningLadder, DunningPolicy, FinalAction, RetryLimit
from billing.money import Money
from billing.offer import Offer, terms_of
from billing.subscription import Terms
from tests.billing.strategies import price

_TEAM = Product(
    id="team",
    name="Team",
    family="plan",
    trial=Trial(days=14),
    proration=ProrationMode.DAY_INCLUSIVE,
    pause=PausePolicy(mode=PauseMode.EXTEND, max_days=30),
    shorter_interval=True,
    free_fallback="personal_free",
    dispute_lost=DisputeLost.KEEP,
    dunning=DunningPolicy(
        segments={
            "enterprise": DunningLadder(
                retry_days=(30,),
                final_action=FinalAction.UNPAID,
                retry_limit=RetryLimit(attempts=5, days=30),
            )
        }
    ),
)


def _terms(product: Product = _TEAM, *, segment: str | None = None) -> Terms:
    offer = Offer(product=product, price=price())
    return terms_of(offer, quantity=5, trial=None, segment=segment)


def test_the_terms_say_what_was_sold_and_by_which_rules() -> None:
    monthly = price()
    assert _terms() == Terms(
        product_id="team",
        product_name="Team",
        family="plan",
        price_id=monthly.id,
        price_version=1,
        currency="USD",
        interval=monthly.interval,
        quantity=5,
        period_amount=Money(amount_minor=8000, currency="USD"),
        trial=None,
        dunning=DunningLadder(final_action=FinalAction.DOWNGRADE_TO_FREE),
        proration=ProrationMode.DAY_INCLUSIVE,
        pause=PausePolicy(mode=PauseMode.EXTEND, max_days=30),
        shorter_interval=True,
        free_fallback_price_id="personal_free",
        dispute_lost=DisputeLost.KEEP,
    )


def test_the_trial_is_the_one_that_the_customer_gets() -> None:
    offer = Offer(product=_TEAM, price=price())
    granted = terms_of(offer, quantity=5, trial=_TEAM.trial, segment=None)
    assert granted.trial == Trial(days=14)
    assert _terms().trial is None


@pytest.mark.parametrize("segment", [None, "students", "enterprise"])
def test_dunning_follows_the_customers_segment(segment: str | None) -> None:
    assert _terms(segment=segment).dunning == _TEAM.dunning.ladder_for(segment)
    assert (_terms(segment=segment).dunning == DunningPolicy().ladder) is (segment != "enterprise")


def test_without_anything_free_to_fall_back_to_dunning_ends_in_a_cancellation() -> None:
    ladder = DunningLadder(retry_days=(5,), final_action=FinalAction.DOWNGRADE_TO_FREE)
    product = _TEAM.model_copy(
        update={"free_fallback": None, "dunning": DunningPolicy(ladder=ladder)}
    )
    assert _terms(product).dunning == DunningLadder(
        retry_days=(5,), final_action=FinalAction.CANCEL
    )
