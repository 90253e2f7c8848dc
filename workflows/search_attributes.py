"""What operators can search subscriptions by in the Temporal UI.

Owns the attributes' names, types and how they follow from a subscription's state.
"""

from datetime import datetime
from typing import Any, Final

from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    SearchAttributeUpdate,
    TypedSearchAttributes,
)

from billing import sending
from billing.agenda import ActionKind, agenda
from billing.subscription import SubscriptionState

BILLING_STATUS: Final = SearchAttributeKey.for_keyword("BillingStatus")
CUSTOMER_ID: Final = SearchAttributeKey.for_keyword("CustomerId")
PLAN: Final = SearchAttributeKey.for_keyword("Plan")
CURRENCY: Final = SearchAttributeKey.for_keyword("Currency")
NEXT_BILLING_AT: Final = SearchAttributeKey.for_datetime("NextBillingAt")
PAYMENT_DUE_AT: Final = SearchAttributeKey.for_datetime("PaymentDueAt")
DUNNING_ATTEMPT: Final = SearchAttributeKey.for_int("DunningAttempt")
NEEDS_OPERATOR: Final = SearchAttributeKey.for_bool("NeedsOperator")

SEARCH_ATTRIBUTES: Final[dict[str, str]] = {
    "BillingStatus": "Keyword",
    "CustomerId": "Keyword",
    "Plan": "Keyword",
    "Currency": "Keyword",
    "NextBillingAt": "Datetime",
    "PaymentDueAt": "Datetime",
    "DunningAttempt": "Int",
    "NeedsOperator": "Bool",
}
"""Names and Temporal types, as they must be registered with a server."""

_BILLING = {ActionKind.CONVERT_TRIAL, ActionKind.RENEW, ActionKind.BILL_LAST}


def search_attributes(
    state: SubscriptionState, *, needs_operator: bool = False
) -> TypedSearchAttributes:
    """All attributes of a subscription, for its start and to compare with."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(BILLING_STATUS, state.status.value),
        SearchAttributePair(CUSTOMER_ID, state.customer_id),
        SearchAttributePair(PLAN, state.terms.price_id),
        SearchAttributePair(CURRENCY, state.terms.currency),
        SearchAttributePair(DUNNING_ATTEMPT, dunning_attempt(state)),
        SearchAttributePair(NEEDS_OPERATOR, needs_operator),
    ]
    billing_at = next_billing_at(state)
    if billing_at is not None:
        pairs.append(SearchAttributePair(NEXT_BILLING_AT, billing_at))
    due_at = payment_due_at(state)
    if due_at is not None:
        pairs.append(SearchAttributePair(PAYMENT_DUE_AT, due_at))
    return TypedSearchAttributes(pairs)


def next_billing_at(state: SubscriptionState) -> datetime | None:
    """When the next period will be invoiced; None where none will."""
    return next((action.at for action in agenda(state) if action.kind in _BILLING), None)


def payment_due_at(state: SubscriptionState) -> datetime | None:
    """By when the oldest invoice that was sent is to be paid; None where none was (policy P22)."""
    return min((invoice.due_at for invoice in sending.waiting(state)), default=None)


def dunning_attempt(state: SubscriptionState) -> int:
    """How many attempts of the ladder are used up on the invoice that has used most."""
    return max((invoice.rungs_used for invoice in state.open_invoices), default=0)


def changes(
    before: TypedSearchAttributes, after: TypedSearchAttributes
) -> list[SearchAttributeUpdate[Any]]:
    """What to upsert, all at once: one event in the history, or none where nothing changed."""
    known = {pair.key: pair.value for pair in before}
    wanted = {pair.key: pair.value for pair in after}
    updates: list[SearchAttributeUpdate[Any]] = [
        key.value_set(value) for key, value in wanted.items() if known.get(key) != value
    ]
    updates += [key.value_unset() for key in known if key not in wanted]
    return updates
