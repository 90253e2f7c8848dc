"""What happens by itself when its time has come.

Owns ending sessions and settling slow payments and refunds at their due time. Does not own their
rules.
"""

import asyncio

from simulator import (
    checkout_progress,
    checkout_sessions,
    payment_confirmation,
    payment_intents,
    refunds,
)
from simulator.account import Account
from simulator.operation import Operation
from simulator.parameters import Parameters

_SECONDS_BETWEEN_LOOKS = 0.5


async def run_timers(account: Account) -> None:
    """Look for what is due, for ever; several looks a second are precise enough."""
    while True:
        run_due(account)
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


def run_due(account: Account) -> None:
    """Do everything that is due now."""
    for subject in account.store.due_timers(account.clock()):
        with account.work(account.config.public_url or "") as operation:
            operation.store.clear_timer(subject)
            _run(operation, subject)


def _run(operation: Operation, subject: str) -> None:
    if subject.startswith("cs_"):
        session = operation.get(checkout_sessions.Session, subject)
        if session.status == "open":
            checkout_progress.expire(operation, subject, Parameters())
        return
    if subject.startswith("re_"):
        refunds.settle_by_itself(operation, subject)
        return
    intent = operation.get(payment_intents.PaymentIntent, subject)
    if intent.status == "processing":
        payment_confirmation.settle_by_itself(operation, subject)
