"""Declined payments: what kind of no it was (policy P19).

Owns the classification by Stripe's advice code first and its decline codes second
(https://docs.stripe.com/declines/codes). Does not own when to try again (`billing.dunning`).
"""

from enum import StrEnum
from typing import Final

from billing.value import Value


class DeclineKind(StrEnum):
    """What a decline allows next."""

    SOFT = "soft"
    """The same method may succeed later."""
    HARD = "hard"
    """The method will not succeed: the customer is asked for another."""
    AUTHENTICATION = "authentication"
    """The customer must authenticate; never retried blindly."""


_NEVER_RETRY: Final = frozenset(
    {
        "highest_risk_level",
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "revocation_of_all_authorizations",
        "retry_limit_reached",
        "revocation_of_authorization",
        "stolen_card",
        "transaction_not_allowed",
    }
)
_NEVER_RETRY_ADVICE: Final = frozenset({"do_not_try_again", "confirm_card_data"})


class Decline(Value):
    """The gateway's words for a refused payment, as far as they are safe to store and show."""

    code: str
    """Stripe's error code, for instance `card_declined` or `expired_card`."""
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    message: str = ""
    card: str | None = None
    """The fingerprint of what was refused, the same for every method that is made of it."""

    @property
    def kind(self) -> DeclineKind:
        """Advice first, then the decline codes that Stripe says never to retry, else soft."""
        if "authentication_required" in (self.code, self.decline_code):
            return DeclineKind.AUTHENTICATION
        if self.advice_code is not None:
            hard = self.advice_code in _NEVER_RETRY_ADVICE
        else:
            hard = bool({self.code, self.decline_code} & _NEVER_RETRY)
        return DeclineKind.HARD if hard else DeclineKind.SOFT

    @property
    def reason(self) -> str:
        """The most specific code known, for operators and messages."""
        return self.decline_code or self.code


RETRY_LIMIT_REACHED: Final = Decline(
    code="retry_limit_reached",
    message="the card networks allow no further attempt on this card over this amount for now",
)
"""Ours: the gateway was not asked (policy P19)."""
