"""The words of the hosted pages: plain, without amounts, names or card data.

Owns what each outcome is called and what the customer can do next. Does not own when which is
shown (`checkout_return`, `payment_return`, `invoice_page`, `portal`).
"""

from http import HTTPStatus
from typing import Final

from api.hosted.page import REFRESH_SECONDS, Destination, Notice

UNKNOWN: Final = Notice(
    title="This page does not exist",
    text=("The link is incomplete or too old. Please go back to where you came from.",),
    status=HTTPStatus.NOT_FOUND,
)

UNAVAILABLE: Final = Notice(
    title="We cannot answer right now",
    text=(
        "Nothing is lost: whatever you completed counts.",
        "This page tries again by itself in a few seconds.",
    ),
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    refresh_seconds=REFRESH_SECONDS,
)


UNANSWERED: Final = Notice(
    title="We cannot do that right now",
    text=(
        "A part of our system is out of reach. It may still have been done.",
        "Please go back and look before you try again.",
    ),
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    is_problem=True,
)
"""For forms: this page must not ask again by itself."""


def another_card_unavailable(*, url: str) -> Notice:
    """No page for another card can be made now; asking again is the customer's to do."""
    return Notice(
        title="We cannot open the payment page right now",
        text=("Nothing was charged. Please try again in a moment.",),
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        is_problem=True,
        link=Destination(label="Try again", url=url),
    )


def working(*, url: str, noun: str) -> Notice:
    """Something is still being done; the page asks again by itself."""
    return Notice(
        title="One moment, please",
        text=(
            f"We are setting up your {noun}.",
            "This page goes on by itself; there is no need to pay again.",
        ),
        refresh_seconds=REFRESH_SECONDS,
        link=Destination(label="Check now", url=url),
    )


def checking_payment(*, url: str) -> Notice:
    """The payment is looked at; the page asks again by itself."""
    return Notice(
        title="One moment, please",
        text=("We are checking your payment.", "This page goes on by itself."),
        refresh_seconds=REFRESH_SECONDS,
        link=Destination(label="Check now", url=url),
    )


def processing() -> Notice:
    """A slow payment method: hours or days (policy P21)."""
    return Notice(
        title="Your payment is on its way",
        text=(
            "Your bank has accepted the order and may take a few days to carry it out.",
            "You do not have to do anything; you can close this page.",
        ),
    )


def declined(*, retry_url: str, leads_to: str | None, cancel_url: str) -> Notice:
    """The first payment of a checkout was refused; another card may do."""
    return Notice(
        title="Your card was declined",
        text=(
            "Your bank refused the payment: nothing was charged, and nothing has begun.",
            "You can try again with another card, or ask your bank why it refused.",
        ),
        is_problem=True,
        button=Destination(label="Use another card", url=retry_url),
        button_leads_to=leads_to,
        link=Destination(label="Cancel and go back", url=cancel_url),
    )


def authentication_required(*, action_url: str) -> Notice:
    """The bank wants to hear from the customer (3D Secure)."""
    return Notice(
        title="Your bank asks you to confirm",
        text=("Nothing was charged yet. Confirm the payment with your bank to complete it.",),
        link=Destination(label="Continue to your bank", url=action_url),
    )


def payment_refused(*, pay_url: str) -> Notice:
    """A payment of a running subscription did not go through."""
    return Notice(
        title="Your payment did not go through",
        text=(
            "Your bank refused the payment, or it was not confirmed. Nothing was charged.",
            "You can try again, or use another card.",
        ),
        is_problem=True,
        link=Destination(label="Continue to the invoice", url=pay_url),
    )


def payment_received(*, portal: str | None) -> Notice:
    """The money is in."""
    closing = "; you can close this page" if portal is None else ""
    return Notice(
        title="Thank you, your payment is complete",
        text=(f"You do not have to do anything else{closing}.",),
        link=_back_to(portal),
    )


def payment_not_needed(*, portal: str | None) -> Notice:
    """The invoice was voided: nothing is owed."""
    return Notice(
        title="There is nothing to pay",
        text=("This payment is no longer needed, and nothing was charged for it.",),
        link=_back_to(portal),
    )


def change_not_paid(*, portal: str | None) -> Notice:
    """The payment of a change was refused, or came too late (policy P11)."""
    return Notice(
        title="Your plan was not changed",
        text=(
            "The payment did not go through, or was not confirmed in time.",
            "Everything is as it was, and you owe nothing for the change.",
        ),
        is_problem=True,
        link=_back_to(portal),
    )


def _back_to(portal: str | None) -> Destination | None:
    return None if portal is None else Destination(label="Back to your subscriptions", url=portal)


def family_taken(*, success_url: str) -> Notice:
    """The customer has such a subscription already (policy P16)."""
    return Notice(
        title="You are subscribed already",
        text=(
            "You have a running subscription of this kind already.",
            "No second one was started, and nothing was charged for it.",
        ),
        link=Destination(label="Continue", url=success_url),
    )


def trial_used(*, cancel_url: str) -> Notice:
    """One trial per customer and product family, ever (policy P10)."""
    return Notice(
        title="The free trial was used before",
        text=("A free trial can be used once. Nothing was charged; please choose a paid plan.",),
        is_problem=True,
        link=Destination(label="Go back", url=cancel_url),
    )


def ended(*, cancel_url: str, noun: str) -> Notice:
    """The checkout expired, or the subscription ended."""
    return Notice(
        title="This checkout is closed",
        text=(
            f"It was not completed in time, or the {noun} has ended since.",
            "Please go back and start again.",
        ),
        link=Destination(label="Go back", url=cancel_url),
    )


def not_begun(*, noun: str) -> Notice:
    """The first payment of a subscription is made where it was begun."""
    return Notice(
        title=f"Your {noun} has not begun yet",
        text=("Nothing is owed. Please go back to where you began, and start there.",),
    )


def to_the_bank(*, url: str) -> Notice:
    """On the way to the bank (3D Secure)."""
    return Notice(
        title="Taking you to your bank",
        text=("Your bank asks you to confirm the payment. Nothing was charged yet.",),
        leads_on_to=url,
        link=Destination(label="Continue to your bank", url=url),
    )


def to_the_card_page(*, url: str) -> Notice:
    """On the way to the gateway's page for a card."""
    return Notice(
        title="Taking you to the secure card page",
        text=("Your card is entered at our payment provider, and never passes through us.",),
        leads_on_to=url,
        link=Destination(label="Continue to the card page", url=url),
    )


def portal_closed(*, return_url: str | None) -> Notice:
    """Nobody's browser, or no longer: the portal is opened by a fresh link alone."""
    return Notice(
        title="Please open this page again",
        text=(
            "For your safety, this page stays open for an hour only.",
            _ANOTHER_LINK if return_url is None else _WHERE_YOU_CAME_FROM,
        ),
        status=HTTPStatus.FORBIDDEN,
        link=_to_get_a_link(return_url),
    )


def link_expired(*, return_url: str | None) -> Notice:
    """A link to the portal that was good once."""
    return Notice(
        title="This link has expired",
        text=(
            "For your safety, a link to your subscriptions works for a short time only.",
            _ANOTHER_LINK if return_url is None else _WHERE_YOU_CAME_FROM,
        ),
        status=HTTPStatus.GONE,
        link=_to_get_a_link(return_url),
    )


def portal_left(*, return_url: str | None) -> Notice:
    """The customer closed the portal."""
    return Notice(
        title="You have closed your subscriptions",
        text=("Nobody can open them from this browser without a fresh link.",),
        link=_to_get_a_link(return_url),
    )


def stale_form(*, url: str) -> Notice:
    """A form of another visit, or none of ours at all."""
    return Notice(
        title="Please try that again",
        text=("The page that you sent was too old, or not yours. Nothing was done.",),
        status=HTTPStatus.FORBIDDEN,
        is_problem=True,
        link=Destination(label="Back to your subscriptions", url=url),
    )


_WHERE_YOU_CAME_FROM: Final = "You get a fresh one where you came from."
_ANOTHER_LINK: Final = (
    "You get a fresh one where you subscribed: sign in there and open your billing,"
    " or ask for a link."
)


def _to_get_a_link(return_url: str | None) -> Destination | None:
    return None if return_url is None else Destination(label="Go back", url=return_url)
