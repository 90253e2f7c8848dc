"""Waiting until a subscription has done everything that is due.

Owns the pauses between the steps of a life, and the card that is never charged successfully.
"""

import asyncio
from typing import Final

from tests.workflows.company import Subscription

BROKE: Final = "pm_card_chargeCustomerFail"


async def started(subscription: Subscription) -> None:
    """Asks only when all is done: an answer in between would stand elsewhere each time."""
    await settled(subscription)
    await subscription.activated()


async def settled(subscription: Subscription) -> None:
    """Waits until nothing is under way."""
    async with asyncio.timeout(60):
        while not (await subscription.report()).is_idle:  # noqa: ASYNC110 - a worker's work
            await asyncio.sleep(0.02)
