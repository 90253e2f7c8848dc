"""Why something that a customer asked for was not done, in their words.

Owns the sentence for each code. The codes are those of the rules, which name them where they are
raised; one that is not listed here is told as nothing more than that it did not work.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_OTHERWISE: Final = "This is not possible right now. Nothing was changed."
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amount_not_chargeable": "This quantity cannot be charged in your currency."
        " Please choose another one.",
        "amount_too_large": "This is more than one payment can take. Please choose less.",
        "billing_differs": "This plan is paid for at another time than yours. Cancel yours,"
        " and choose this one when it has ended.",
        "cancellation_pending": "Your subscription is canceled already.",
        "change_in_progress": "Another change is being paid for. Please wait until that is done.",
        "command_not_allowed": "This is not possible in the present state of your subscription.",
        "currency_not_sold": "This plan is not sold in your currency. Please choose another one.",
        "interval_downgrade_not_allowed": "This plan cannot be changed to a shorter period.",
        "no_pending_cancellation": "There is no cancellation to undo any more.",
        "no_pending_change": "There is no planned change to undo any more.",
        "nothing_changes": "This is what you have already. Choose another plan or quantity.",
        "nothing_to_pay": "There is nothing left to pay.",
        "period_ending": "Your next period is just beginning. Please try again in a moment.",
        "parent_ends": "What this belongs to is canceled. Undo that first.",
        "payment_method_required": "Please add a card first: this plan is charged at the end of"
        " each period.",
        "past_due": "Please pay the open invoice first; then you can change your plan.",
        "payment_pending": "A payment is being collected. Please try again when it is done.",
        "payment_processing": "A payment is on its way already.",
        "pending_change_exists": "Something is planned for the end of your period already."
        " Undo that first.",
        "price_not_found": "This plan is not sold any more. Please choose another one.",
        "price_retired": "This plan is not sold any more. Please choose another one.",
        "quantity_out_of_range": "This plan is not sold in that quantity.",
        "quote_expired": "The price was shown too long ago, or something has changed since."
        " Please look at it again.",
        "quote_invalid": "Please look at the price again.",
        "retry_limit_reached": "This card was tried too often. Please use another card.",
        "stale_version": "Your subscription has changed since you opened the page."
        " Please look at it again.",
        "subscription_ended": "Your subscription has ended.",
        "purchase_ended": "Your purchase is closed.",
        "subscription_over": "Your subscription has ended.",
        "temporarily_unavailable": "This takes longer than usual, and may still be done."
        " Look again in a moment; asking again does no harm.",
        "test_clock_advancing": "Time is being moved. Please try again in a moment.",
    }
)


def in_words(code: str) -> str:
    """A sentence or two."""
    return _WORDS.get(code, _OTHERWISE)
