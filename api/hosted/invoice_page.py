"""The page of an invoice: what is owed, for what, and how to pay it.

Owns the page that messages lead to, and the portal. Whoever has its signed link may pay the
invoice, with the card on file or another one. Does not own collecting (`workflows`) nor what is
known about the invoice (`payable`).
"""

import re
import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from adapters.db.engine import reading
from adapters.db.queries import checkout_sessions
from adapters.documents.archive import invoice_pdf
from adapters.hosted_link import HostedLinks, HostedPage
from api.dependencies import Dependencies, Deps
from api.hosted import notices
from api.hosted.asking import ask
from api.hosted.card_update import (
    PAGE_ID_HERE,
    card_is_replaced,
    lead_to_card_page,
    open_card_page,
)
from api.hosted.invoice_facts import facts_of
from api.hosted.page import ShownInstead, document, page, redirect, with_parameter
from api.hosted.page_route import PageRoute
from api.hosted.payable import Payable, Stage, read_payable
from api.hosted.portal.session import portal_of
from api.hosted.subscription_talk import SubscriptionTalk
from api.pdf import PdfResponse
from billing.actor import Actor, ActorKind
from billing.ids import derived_id
from workflows.messages import PayNow

router = APIRouter(prefix="/hosted/invoices", include_in_schema=False, route_class=PageRoute)

Signature = Annotated[str | None, Query()]
Text = Annotated[str, Query()]
Field = Annotated[str, Form()]

_REASON: Final = "on the invoice's page"
_FORM_ID_BYTES: Final = 16
_FORM_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


@router.get("/{invoice_id}")
async def show_invoice(
    invoice_id: str,
    request: Request,
    deps: Deps,
    *,
    signature: Signature = None,
    onwards: Text = "",
    refused: Text = "",
    tried: Text = "",
) -> Response:
    """The invoice as it is now; `onwards` goes on to the bank, if that is who is waited for.

    `refused` is why what the customer asked for was not done, `tried` that it just was.
    """
    payable = await _payable(deps, invoice_id, signature)
    if payable.is_first_payment:
        return await _at_checkout(deps, payable)
    links = HostedLinks.of(deps.settings)
    opened = payable.opened
    if onwards and payable.stage is Stage.CONFIRM and opened is not None and opened.action_url:
        return page(notices.to_the_bank(url=opened.action_url))
    facts = facts_of(
        payable,
        url=links.invoice(invoice_id),
        pdf_url=links.invoice_pdf(invoice_id),
        portal_url=portal_of(request, links, payable.customer.id),
        form_id=secrets.token_hex(_FORM_ID_BYTES),
        refused=refused,
        just_tried=bool(tried),
    )
    return document("invoice.html", {"invoice": facts})


@router.get("/{invoice_id}/pdf")
async def download_invoice(invoice_id: str, deps: Deps, signature: Signature = None) -> Response:
    """The invoice as PDF."""
    await _payable(deps, invoice_id, signature)
    return PdfResponse.of(await invoice_pdf(deps.engine, invoice_id))


@router.post("/{invoice_id}/pay")
async def pay_invoice(
    invoice_id: str,
    deps: Deps,
    signature: Signature = None,
    attempt: Field = "",
    form_id: Field = "",
) -> Response:
    """Charges the card on file: sending the same form again is the same try.

    A form that was made before the last try is too old for another one.
    """
    payable = await _payable(deps, invoice_id, signature)
    url = HostedLinks.of(deps.settings).invoice(invoice_id)
    opened = payable.opened
    is_fresh = opened is not None and attempt == str(opened.attempts_made)
    if not is_fresh or not payable.may_be_paid_now or not _FORM_ID.fullmatch(form_id):
        return redirect(url)
    command = PayNow(
        command_id=derived_id("cmd", "pay_now", invoice_id, form_id),
        actor=Actor(kind=ActorKind.CUSTOMER, id=payable.customer.id),
        reason=_REASON,
        customer_present=True,
        invoice_id=invoice_id if opened is not None and opened.is_sent else None,
    )
    refused = await ask(deps, payable.customer, payable.state.subscription_id, command)
    if refused is not None:
        return redirect(with_parameter(url, "refused", refused))
    return await _what_came_of_it(deps, invoice_id)


@router.post("/{invoice_id}/card")
async def use_another_card(
    invoice_id: str, deps: Deps, signature: Signature = None, form_id: Field = ""
) -> Response:
    """A page at the gateway for another card; what is owed is tried with it at once (P19)."""
    payable = await _payable(deps, invoice_id, signature)
    url = HostedLinks.of(deps.settings).invoice(invoice_id)
    if payable.stage not in (Stage.OWED, Stage.CONFIRM) or not _FORM_ID.fullmatch(form_id):
        return redirect(url)
    page_id = await open_card_page(
        deps,
        payable.customer,
        currency=payable.invoice.record.total.currency,
        form_id=form_id,
        success_url=f"{_below(url, 'card/return')}&page={PAGE_ID_HERE}",
        cancel_url=url,
    )
    return redirect(with_parameter(_below(url, "card"), "page", page_id))


@router.get("/{invoice_id}/card")
async def go_to_card_page(
    invoice_id: str, deps: Deps, signature: Signature = None, page: Text = ""
) -> Response:
    """On to the gateway's page."""
    payable = await _payable(deps, invoice_id, signature)
    url = HostedLinks.of(deps.settings).invoice(invoice_id)
    return await lead_to_card_page(deps, payable.customer.id, page, back=url)


@router.get("/{invoice_id}/card/return")
async def return_from_card_page(
    invoice_id: str, deps: Deps, signature: Signature = None, page: Text = ""
) -> Response:
    """The card is saved; waits a little for what comes of trying it.

    What was sent is not tried by itself (policy P22): who left a challenge for another card pays
    with that, and whoever has not begun to pay presses the button.
    """
    payable = await _payable(deps, invoice_id, signature)
    url = HostedLinks.of(deps.settings).invoice(invoice_id)
    if not await card_is_replaced(deps, payable.customer.id, page):
        return redirect(url)
    if payable.opened is not None and payable.opened.is_sent and payable.stage is Stage.CONFIRM:
        refused = await ask(
            *(deps, payable.customer, payable.state.subscription_id),
            PayNow(
                command_id=derived_id("cmd", "pay_with_another", invoice_id, page),
                actor=Actor(kind=ActorKind.CUSTOMER, id=payable.customer.id),
                reason=_REASON,
                customer_present=True,
                invoice_id=invoice_id,
                with_another_method=True,
            ),
        )
        if refused is not None:
            return redirect(with_parameter(url, "refused", refused))
        return await _what_came_of_it(deps, invoice_id)
    if payable.opened is not None and payable.opened.is_sent:
        return redirect(url)
    talk = SubscriptionTalk(deps, payable.state.subscription_id)
    await talk.settled(lambda report: report.is_idle)
    return await _what_came_of_it(deps, invoice_id)


async def _payable(deps: Dependencies, invoice_id: str, signature: str | None) -> Payable:
    """What the link is for; raises `ShownInstead` where it is none of ours."""
    links = HostedLinks.of(deps.settings)
    if not links.is_signed(HostedPage.INVOICE, invoice_id, signature):
        raise ShownInstead(notices.UNKNOWN)
    payable = await read_payable(deps, invoice_id)
    if payable is None:
        raise ShownInstead(notices.UNKNOWN)
    return payable


async def _what_came_of_it(deps: Dependencies, invoice_id: str) -> Response:
    """The invoice's page, by way of the bank where that asks for the customer."""
    url = HostedLinks.of(deps.settings).invoice(invoice_id)
    payable = await read_payable(deps, invoice_id)
    waits = payable is not None and payable.stage is Stage.CONFIRM
    return redirect(with_parameter(url, "onwards" if waits else "tried", "1"))


async def _at_checkout(deps: Dependencies, payable: Payable) -> Response:
    """The first payment is made where the subscription was begun."""
    async with reading(deps.engine) as connection:
        session = await checkout_sessions.of_subscription(connection, payable.state.subscription_id)
    if session is None:
        return page(notices.not_begun(noun=payable.state.noun))
    return redirect(HostedLinks.of(deps.settings).checkout_return(session.id))


def _below(url: str, path: str) -> str:
    """An address below the invoice's page, with its signature."""
    return url.replace("?", f"/{path}?", 1)
