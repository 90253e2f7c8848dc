"""What operators can search subscriptions by, in each status and without a needless write."""

from typing import Any

import pytest
from temporalio.common import SearchAttributeKey, TypedSearchAttributes

from billing.subscription import SubscriptionStatus
from tests.histories.settling import BROKE
from tests.workflows.company import Company, Subscription, at
from tests.workflows.situations import SITUATIONS
from workflows.messages import CancelMode
from workflows.search_attributes import (
    BILLING_STATUS,
    CUSTOMER_ID,
    DUNNING_ATTEMPT,
    NEEDS_OPERATOR,
    NEXT_BILLING_AT,
    PLAN,
    SEARCH_ATTRIBUTES,
    changes,
    search_attributes,
)


async def attributes(subscription: Subscription) -> TypedSearchAttributes:
    return (await subscription.handle.describe()).typed_search_attributes


@pytest.mark.parametrize(
    "key", [BILLING_STATUS, CUSTOMER_ID, PLAN, NEXT_BILLING_AT, DUNNING_ATTEMPT, NEEDS_OPERATOR]
)
def test_every_attribute_is_registered_with_its_type(key: SearchAttributeKey[Any]) -> None:
    kinds = {"KEYWORD": "Keyword", "DATETIME": "Datetime", "INT": "Int", "BOOL": "Bool"}
    assert SEARCH_ATTRIBUTES[key.name] == kinds[key.indexed_value_type.name]


def test_nothing_is_written_where_nothing_changed() -> None:
    known = TypedSearchAttributes([])
    assert changes(known, known) == []


@pytest.mark.parametrize(
    "situation",
    ["incomplete", "trial to be canceled", "to be canceled", "unpaid", "paused", "canceled"],
)
def test_what_is_not_billed_has_no_next_billing(situation: str) -> None:
    found = search_attributes(SITUATIONS[situation]())
    assert found.get(NEXT_BILLING_AT) is None


def test_an_invoice_of_a_change_is_not_dunned() -> None:
    paying = search_attributes(SITUATIONS["paying a change"]())
    assert (paying[BILLING_STATUS], paying[DUNNING_ATTEMPT]) == ("active", 0)


async def test_a_trial_shows_its_conversion_as_the_next_billing(company: Company) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer, trial_days=14)
        await subscription.activated()
        found = await attributes(subscription)

    assert found[BILLING_STATUS] == SubscriptionStatus.TRIALING
    assert found[NEXT_BILLING_AT] == at("2026-01-31T09:30")
    assert (found[CUSTOMER_ID], found[PLAN]) == (customer, "team_m")


async def test_a_past_due_subscription_shows_how_far_dunning_has_come(company: Company) -> None:
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, BROKE)
        await company.advance("2026-02-20T12:00")
        found = await attributes(subscription)
        assert (found[BILLING_STATUS], found[DUNNING_ATTEMPT]) == ("past_due", 2)

        await company.save_card(customer, "pm_card_visa")
        await subscription.handle.signal("payment_method_changed")
        await company.settle()

        recovered = await attributes(subscription)
    assert (recovered[BILLING_STATUS], recovered[DUNNING_ATTEMPT]) == ("active", 0)


async def test_a_canceled_subscription_bills_no_more(company: Company) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        assert (await attributes(subscription))[NEXT_BILLING_AT] == at("2026-02-17T09:30")
        await subscription.cancel(CancelMode.NOW)
        await subscription.handle.result()
        found = await attributes(subscription)

    assert found[BILLING_STATUS] == "canceled"
    assert found.get(NEXT_BILLING_AT) is None
