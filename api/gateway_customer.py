"""Customers at the payment gateway: made when first needed, once.

Owns the making of the gateway's customer and the keys of calls that may be repeated without
harm. Does not own the gateway (`adapters/stripe`).
"""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final, TypeVar

from adapters.db.engine import transactions
from adapters.db.queries.customers import Customer
from api.dependencies import Dependencies
from billing.errors import Conflict, GatewayFailed
from billing.ids import effect_key

_MOST_KEYS: Final = 3
"""The gateway answers a key for a day as it did first, failures included. What moves no money may
be asked again under another key."""

_HASH_DIGITS: Final = 16

AnswerT = TypeVar("AnswerT")


async def with_fresh_keys(
    call: Callable[[str], Awaitable[AnswerT]], operation: str, subject: str, *details: str
) -> AnswerT:
    """What `call` answers under the first key that the gateway does not fail at."""
    for number in range(_MOST_KEYS - 1):
        later = (number,) if number else ()
        try:
            return await call(effect_key(operation, subject, *details, *later))
        except GatewayFailed:
            continue
    return await call(effect_key(operation, subject, *details, _MOST_KEYS - 1))


async def ensure_gateway_customer(deps: Dependencies, customer: Customer) -> str:
    """The gateway's id of the customer; made now if it was not needed before.

    What is said of the customer is part of the key: a try after an e-mail address was changed is
    another request. Of two that were made, the one recorded first counts.
    """
    if customer.stripe_customer_id is not None:
        return customer.stripe_customer_id

    async def create(key: str) -> str:
        return await deps.gateway.create_customer(
            customer.id, email=customer.email, name=customer.name, key=key
        )

    said = sha256(json.dumps([customer.email, customer.name]).encode()).hexdigest()[:_HASH_DIGITS]
    made = await with_fresh_keys(create, "customer.create", customer.id, said)
    async with transactions(deps.engine)() as tx:
        try:
            await tx.customers.set_gateway_customer(customer.id, made)
        except Conflict:
            recorded = (await tx.customers.get(customer.id)).gateway_customer_id
            return recorded or made
    return made
