"""Where a customer's browser comes back to from the gateway's checkout page.

Owns the way from there to the merchant: onwards when the subscription has begun, to another card
when the first was declined, to the bank when it wants to be asked. Does not wait for webhooks, and
does not own what completes a checkout (`adapters.temporal.checkout_completion`).
"""

from typing import Annotated, assert_never

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.db.engine import reading
from adapters.db.queries import checkout_sessions, subscriptions
from adapters.db.queries.checkout_sessions import CheckoutSession
from adapters.hosted_link import HostedLinks, HostedPage
from adapters.temporal.checkout_completion import CheckoutCompletion, CheckoutProgress
from adapters.temporal.subscription_signals import SubscriptionSignals
from api.dependencies import Dependencies, Deps
from api.hosted import notices
from api.hosted.fresh_page import fresh_page
from api.hosted.outage import OUTAGES, told
from api.hosted.outcome import Outcome, OutcomeKind, checkout_outcome
from api.hosted.page import Notice, page, redirect, with_parameter
from api.hosted.subscription_talk import SubscriptionTalk
from billing.purchase import noun_of
from billing.subscription import SubscriptionState

router = APIRouter(prefix="/hosted/checkout", include_in_schema=False)

Signature = Annotated[str | None, Query()]


@router.get("/{checkout_session_id}/return")
async def return_from_checkout(
    checkout_session_id: str, deps: Deps, signature: Signature = None
) -> Response:
    """Completes the checkout, whether its webhook came or not, and leads the customer on."""
    if not _is_signed(deps, checkout_session_id, signature):
        return page(notices.UNKNOWN)
    try:
        session = await _session(deps, checkout_session_id)
        if session is None or session.stripe_session_id is None:
            return page(notices.UNKNOWN)
        return await _onwards(deps, session, session.stripe_session_id)
    except OUTAGES as error:
        return told(error, notices.UNAVAILABLE)


@router.post("/{checkout_session_id}/another_card")
async def try_another_card(
    checkout_session_id: str, deps: Deps, signature: Signature = None
) -> Response:
    """A fresh page at the gateway for the same subscription; clicking twice leads to the same."""
    if not _is_signed(deps, checkout_session_id, signature):
        return page(notices.UNKNOWN)
    link = HostedLinks.of(deps.settings).checkout_return(checkout_session_id)
    try:
        session = await _session(deps, checkout_session_id)
        if session is None or session.stripe_session_id is None:
            return page(notices.UNKNOWN)
        state = await _state(deps, session.subscription_id)
        if state is None or checkout_outcome(state).kind is not OutcomeKind.REFUSED:
            return redirect(link)
        return redirect(await fresh_page(deps, session, state))
    except OUTAGES as error:
        return told(error, notices.another_card_unavailable(url=link))


async def _onwards(deps: Dependencies, session: CheckoutSession, page_id: str) -> Response:
    completion = CheckoutCompletion(
        engine=deps.engine, gateway=deps.gateway, signals=SubscriptionSignals(deps.temporal)
    )
    progress = await completion.follow(page_id)
    match progress:
        case CheckoutProgress.COMPLETE:
            return await _after_completion(deps, session, page_id)
        case CheckoutProgress.OPEN if session.url is not None:
            return redirect(session.url)
        case CheckoutProgress.OPEN | CheckoutProgress.SUPERSEDED:
            return page(notices.UNAVAILABLE)
        case CheckoutProgress.EXPIRED:
            noun = noun_of(session.subscription_id)
            return page(notices.ended(cancel_url=session.cancel_url, noun=noun))
        case CheckoutProgress.FOREIGN:
            return page(notices.UNKNOWN)
        case _:
            assert_never(progress)


async def _after_completion(deps: Dependencies, session: CheckoutSession, page_id: str) -> Response:
    """Waits a little for the first payment or the trial's start, and says what came of it."""
    await SubscriptionTalk(deps, session.subscription_id).wait_for_activation(fact=page_id)
    try:
        state = await _state(deps, session.subscription_id)
    except TimeoutError:
        state = None
    outcome = Outcome(kind=OutcomeKind.WORKING) if state is None else checkout_outcome(state)
    if outcome.kind is OutcomeKind.LIVE:
        return redirect(_success_url(session))
    return page(_notice(deps, session, outcome))


def _notice(deps: Dependencies, session: CheckoutSession, outcome: Outcome) -> Notice:
    link = HostedLinks.of(deps.settings).checkout_return(session.id)
    noun = noun_of(session.subscription_id)
    match outcome.kind:
        case OutcomeKind.LIVE | OutcomeKind.WORKING:
            notice = notices.working(url=link, noun=noun)
        case OutcomeKind.PROCESSING:
            notice = notices.processing()
        case OutcomeKind.ACTION_REQUIRED:
            notice = notices.authentication_required(action_url=outcome.action_url or link)
        case OutcomeKind.REFUSED:
            notice = notices.declined(
                retry_url=link.replace("/return?", "/another_card?"),
                leads_to=session.url,
                cancel_url=session.cancel_url,
            )
        case OutcomeKind.FAMILY_TAKEN:
            notice = notices.family_taken(success_url=_success_url(session))
        case OutcomeKind.TRIAL_USED:
            notice = notices.trial_used(cancel_url=session.cancel_url)
        case OutcomeKind.ENDED:
            notice = notices.ended(cancel_url=session.cancel_url, noun=noun)
        case _:
            assert_never(outcome.kind)
    return notice


def _success_url(session: CheckoutSession) -> str:
    return with_parameter(session.success_url, "checkout_session_id", session.id)


def _is_signed(deps: Dependencies, checkout_session_id: str, signature: str | None) -> bool:
    links = HostedLinks.of(deps.settings)
    return links.is_signed(HostedPage.CHECKOUT_RETURN, checkout_session_id, signature)


async def _session(deps: Dependencies, checkout_session_id: str) -> CheckoutSession | None:
    async with reading(deps.engine) as connection:
        return await checkout_sessions.get(connection, checkout_session_id)


async def _state(deps: Dependencies, subscription_id: str) -> SubscriptionState | None:
    """As its workflow says; as recorded where no workflow is kept any more."""
    report = await SubscriptionTalk(deps, subscription_id).report()
    if report is not None:
        return report.state
    async with reading(deps.engine) as connection:
        return await subscriptions.state_of(connection, subscription_id)
