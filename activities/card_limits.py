"""What keeps a card from being asked again: the networks' limit, or its own definite no (P19).

Owns which earlier declines count. Does not own what is done with the refusal
(`activities.collection`), nor how many are allowed (`billing.dunning`).
"""

from datetime import datetime, timedelta

from billing.decline import RETRY_LIMIT_REACHED, DeclineKind
from billing.payment import Declined
from billing.ports.books import EarlierAttempts, PaymentAttempt
from billing.ports.gateway import PaymentMethod
from billing.subscription import OpenInvoice, SubscriptionState, SubscriptionStatus
from billing.value import Value


class UnknownCard(Value):
    """Which card the method is has to be asked at the gateway, outside of the transaction."""

    payment_method_id: str


def counted_since(state: SubscriptionState, now: datetime) -> datetime:
    """From when on declines count for the networks' limit."""
    return now - timedelta(days=state.terms.dunning.retry_limit.days)


def refusal(
    state: SubscriptionState,
    open_invoice: OpenInvoice,
    payment_method_id: str,
    earlier: EarlierAttempts,
    *,
    looked_at: PaymentMethod | None,
) -> Declined | UnknownCard | None:
    """Why the card is not even asked, where something is known against it.

    The networks' limit holds for everybody and for the card, however often it is saved anew: where
    the customer's declines would fill it and `looked_at` is not the method, the answer is to look.
    A hard decline is asked again by a person alone. No first attempt is exempt: a new invoice asks
    the same card, be it a renewal or something that is charged once.
    """
    limit = state.terms.dunning.retry_limit
    declined = earlier.declined
    if len(declined) >= limit.attempts:
        card = _card_of(declined, payment_method_id, looked_at)
        if isinstance(card, UnknownCard):
            return card
        counted = [each for each in declined if _is_same(each, payment_method_id, card)]
        if len(counted) >= limit.attempts:
            return Declined(decline=RETRY_LIMIT_REACHED)
    by_a_person = (
        open_invoice.is_extra_attempt
        or open_invoice.for_change is not None
        or state.status is SubscriptionStatus.INCOMPLETE
    )
    return None if by_a_person else _definite_no(earlier.last_of_method)


def _definite_no(last: PaymentAttempt | None) -> Declined | None:
    if last is None or not isinstance(last.outcome, Declined):
        return None
    return last.outcome if last.outcome.decline.kind is DeclineKind.HARD else None


def _card_of(
    declined: tuple[PaymentAttempt, ...], payment_method_id: str, looked_at: PaymentMethod | None
) -> str | UnknownCard | None:
    """Its fingerprint; None where the gateway has none for it."""
    for each in declined:
        if each.payment_method_id == payment_method_id and (card := _refused_card(each)):
            return card
    if looked_at is not None and looked_at.id == payment_method_id:
        return looked_at.fingerprint
    return UnknownCard(payment_method_id=payment_method_id)


def _is_same(attempt: PaymentAttempt, payment_method_id: str, card: str | None) -> bool:
    by_card = card is not None and _refused_card(attempt) == card
    return by_card or attempt.payment_method_id == payment_method_id


def _refused_card(attempt: PaymentAttempt) -> str | None:
    return attempt.outcome.decline.card if isinstance(attempt.outcome, Declined) else None
