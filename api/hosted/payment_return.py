"""Where a customer's browser comes back to after authenticating a payment with the bank.

Owns the nudge that makes the workflow look at the payment at once, and the words for what came of
it. A first payment leads back into its checkout, any other to where it can be paid, and to the
portal in a browser that has it open. Shows no amounts, names or card data.
"""

from typing import Annotated, assert_never

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.db.engine import reading
from adapters.db.queries import checkout_sessions, invoices
from adapters.db.queries.invoices import Invoice
from adapters.hosted_link import HostedLinks, HostedPage
from adapters.temporal.payment_news import PaymentNewsDesk
from adapters.temporal.subscription_signals import SubscriptionSignals
from api.dependencies import Dependencies, Deps
from api.hosted import notices
from api.hosted.outage import OUTAGES, told
from api.hosted.outcome import OutcomeKind, payment_outcome
from api.hosted.page import Notice, page, redirect
from api.hosted.portal.session import portal_of
from api.hosted.subscription_talk import SubscriptionTalk
from billing.collecting import is_final
from billing.invoice import InvoiceRecord, InvoiceStatus
from billing.invoice import invoice_id as invoice_id_of
from billing.subscription import SubscriptionState

router = APIRouter(prefix="/hosted/payments", include_in_schema=False)

Signature = Annotated[str | None, Query()]


@router.get("/{invoice_id}/return")
async def return_from_payment(
    invoice_id: str, request: Request, deps: Deps, signature: Signature = None
) -> Response:
    """Has the payment looked at, waits a little for what comes of it, and says so."""
    links = HostedLinks.of(deps.settings)
    if not links.is_signed(HostedPage.PAYMENT_RETURN, invoice_id, signature):
        return page(notices.UNKNOWN)
    try:
        return await _outcome(deps, invoice_id, request)
    except OUTAGES as error:
        return told(error, notices.UNAVAILABLE)


async def _outcome(deps: Dependencies, invoice_id: str, request: Request) -> Response:
    links = HostedLinks.of(deps.settings)
    before = await _invoice(deps, invoice_id)
    if before is None:
        return page(notices.UNKNOWN)
    await _nudge(deps, before)
    talk = SubscriptionTalk(deps, before.record.subscription_id)
    report = await talk.settled(lambda report: report.is_idle)
    state = None if report is None else report.state
    checkout_session_id = await _checkout(deps, before.record, state)
    if checkout_session_id is not None:
        return redirect(links.checkout_return(checkout_session_id))
    after = await _invoice(deps, invoice_id) or before
    portal = portal_of(request, links, after.record.customer_id)
    return page(_notice(links, after.record, state, portal))


async def _invoice(deps: Dependencies, invoice_id: str) -> Invoice | None:
    async with reading(deps.engine) as connection:
        return await invoices.get(connection, invoice_id)


async def _nudge(deps: Dependencies, invoice: Invoice) -> None:
    """Once per state of a payment: reloading the page adds nothing to the workflow's history."""
    desk = PaymentNewsDesk(
        engine=deps.engine, gateway=deps.gateway, signals=SubscriptionSignals(deps.temporal)
    )
    for attempt in invoice.attempts:
        is_over = attempt.outcome is not None and is_final(attempt.outcome)
        if attempt.payment_id is not None and not is_over:
            await desk.follow(attempt.payment_id)


async def _checkout(
    deps: Dependencies, invoice: InvoiceRecord, state: SubscriptionState | None
) -> str | None:
    """The checkout that the payment belongs to: the first payment of a subscription's first day."""
    if state is None or state.trial is not None:
        return None
    if invoice.id != invoice_id_of(invoice.subscription_id, 0):
        return None
    async with reading(deps.engine) as connection:
        session = await checkout_sessions.of_subscription(connection, invoice.subscription_id)
    return None if session is None else session.id


def _notice(
    links: HostedLinks, invoice: InvoiceRecord, state: SubscriptionState | None, portal: str | None
) -> Notice:
    match invoice.status:
        case InvoiceStatus.PAID:
            return notices.payment_received(portal=portal)
        case InvoiceStatus.VOID if invoice.change_id is not None:
            return notices.change_not_paid(portal=portal)
        case InvoiceStatus.VOID | InvoiceStatus.UNCOLLECTIBLE:
            return notices.payment_not_needed(portal=portal)
        case InvoiceStatus.OPEN:
            return _open_notice(links, invoice.id, state)
        case _:
            assert_never(invoice.status)


def _open_notice(links: HostedLinks, invoice_id: str, state: SubscriptionState | None) -> Notice:
    link = links.payment_return(invoice_id)
    outcome = None if state is None else payment_outcome(state, invoice_id)
    if outcome is None:
        return notices.checking_payment(url=link)
    match outcome.kind:
        case OutcomeKind.PROCESSING:
            return notices.processing()
        case OutcomeKind.ACTION_REQUIRED:
            return notices.authentication_required(action_url=outcome.action_url or link)
        case OutcomeKind.REFUSED:
            return notices.payment_refused(pay_url=links.invoice(invoice_id))
        case _:
            return notices.checking_payment(url=link)
