"""Asking how a customer is taxed while somebody waits for what follows from it.

Owns what becomes of no answer: nobody is kept waiting for an outage, nor with the subscription's
lock held. Does not own the answer (`billing.ports.tax`). A renewal, for which nobody waits, asks
until it is told.
"""

from datetime import datetime
from typing import Final, NamedTuple

from temporalio import activity

from billing.errors import (
    Conflict,
    GatewayRefused,
    GatewayUnavailable,
    InvalidInput,
    PerennialError,
)
from billing.ports.tax import TaxRates
from billing.tax import UNTAXED, Taxation

_MOST_TRIES: Final = 3
"""Seconds apart: an outage of moments is nobody's business."""


class TaxAnswer(NamedTuple):
    """How the customer is taxed, or why that is not known."""

    taxation: Taxation
    """`UNTAXED` where it is not known."""
    refusal: Conflict | InvalidInput | None = None
    """What is answered to whoever asked for something that is taxed."""
    cause: GatewayUnavailable | None = None
    """What was in the way; raised by an effect that was carried out before and cannot be refused:
    it is tried again until the tax is known."""


async def asked(taxes: TaxRates, customer_id: str, at: datetime) -> TaxAnswer:
    """The answer to one question.

    Raises `GatewayUnavailable` for the first tries of an activity.
    """
    try:
        return TaxAnswer(await taxes.taxation(customer_id, at))
    except InvalidInput as incomplete:
        return TaxAnswer(UNTAXED, refusal=incomplete, cause=_unknown(incomplete))
    except GatewayRefused as refused:
        said = Conflict("tax_refused", f"the tax cannot be worked out ({refused.code})")
        return TaxAnswer(UNTAXED, refusal=said, cause=_unknown(refused))
    except GatewayUnavailable as outage:
        if activity.in_activity() and activity.info().attempt < _MOST_TRIES:
            raise
        said = Conflict(
            "tax_unavailable", "the tax cannot be worked out now: nothing was done, ask again later"
        )
        return TaxAnswer(UNTAXED, refusal=said, cause=outage)


def _unknown(error: PerennialError) -> GatewayUnavailable:
    """What somebody has to mend: for who waits for the answer, an outage."""
    return GatewayUnavailable(error.code, error.message)
