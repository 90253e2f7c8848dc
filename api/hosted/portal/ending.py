"""Canceling a subscription in the portal, and undoing what was planned.

Owns the page that says until when service runs, and the forms. Does not own what a cancellation
does (`billing.commands`).
"""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api.dependencies import Dependencies, Deps
from api.hosted.asking import ask
from api.hosted.page import document, redirect, with_parameter
from api.hosted.page_route import PageRoute
from api.hosted.portal.account import Holding, read_holding
from api.hosted.portal.addon_ends import addon_ends
from api.hosted.portal.home import frame
from api.hosted.portal.plan_words import titled
from api.hosted.portal.session import Visitor, VisitorOf
from api.hosted.portal.subscription_facts import facts_of
from api.hosted.refusals import in_words
from billing.subscription import (
    CommandName,
    SubscriptionState,
    SubscriptionStatus,
)
from workflows.messages import AnyCommand, Cancel, UndoCancel, UndoChange

router = APIRouter(
    prefix="/hosted/portal/subscriptions/{subscription_id}",
    include_in_schema=False,
    route_class=PageRoute,
)

_VERSION: Final = re.compile(r"[0-9]{1,9}", re.ASCII)

REASON: Final = "in the portal"
"""Why a customer's commands were given, as the audit log says it."""

Field = Annotated[str, Form()]


@router.get("/cancel")
async def ask_about_cancellation(
    subscription_id: str, visitor: VisitorOf, deps: Deps, refused: Annotated[str, Query()] = ""
) -> Response:
    """What canceling means, before it is done."""
    holding = await read_holding(deps, visitor.customer, subscription_id)
    facts = facts_of(holding, visitor.links)
    if not facts.may_cancel:
        return redirect(visitor.links.portal)
    state = holding.state
    at = state.running_period.end if _goes_on_to_the_end(state) else holding.now
    return document(
        "portal_cancel.html",
        frame(visitor)
        | {
            "subscription": facts,
            "plan": titled(holding.written, holding.state.terms, holding.price),
            "statements": [*_statements(holding), *await addon_ends(deps, holding, at=at)],
            "token": visitor.token("cancel", subscription_id),
            "refused": in_words(refused) if refused else None,
        },
    )


@router.post("/cancel")
async def cancel(
    subscription_id: str, visitor: VisitorOf, deps: Deps, token: Field = "", version: Field = ""
) -> Response:
    """At the period's end, or at once where nothing runs that was paid for."""
    holding = await read_holding(deps, visitor.customer, subscription_id)
    command = Cancel(
        command_id=visitor.named_by(token, "cmd", "cancel", subscription_id),
        actor=visitor.actor,
        reason=REASON,
        expected_version=_number(version),
    )
    done = "canceled" if _goes_on_to_the_end(holding.state) else "ended"
    return await _done(deps, visitor, subscription_id, command, done)


@router.post("/undo_cancel")
async def undo_cancel(
    subscription_id: str, visitor: VisitorOf, deps: Deps, token: Field = "", version: Field = ""
) -> Response:
    """The subscription goes on."""
    await read_holding(deps, visitor.customer, subscription_id)
    command = UndoCancel(
        command_id=visitor.named_by(token, "cmd", "undo_cancel", subscription_id),
        actor=visitor.actor,
        reason=REASON,
        expected_version=_number(version),
    )
    return await _done(deps, visitor, subscription_id, command, "kept")


@router.post("/undo_change")
async def undo_change(
    subscription_id: str, visitor: VisitorOf, deps: Deps, token: Field = "", version: Field = ""
) -> Response:
    """The planned decrease is forgotten."""
    await read_holding(deps, visitor.customer, subscription_id)
    command = UndoChange(
        command_id=visitor.named_by(token, "cmd", "undo_change", subscription_id),
        actor=visitor.actor,
        reason=REASON,
        expected_version=_number(version),
    )
    return await _done(deps, visitor, subscription_id, command, "change_undone")


async def _done(
    deps: Dependencies, visitor: Visitor, subscription_id: str, command: AnyCommand, done: str
) -> Response:
    """The portal, which says that it is done, or why not."""
    refused = await ask(deps, visitor.customer, subscription_id, command)
    said = ("done", done) if refused is None else ("refused", refused)
    return redirect(with_parameter(visitor.links.portal, *said))


def _number(version: str) -> int | None:
    """The version that the form was based on; a form without one is based on none (P16)."""
    return int(version) if _VERSION.fullmatch(version) else None


def _goes_on_to_the_end(state: SubscriptionState) -> bool:
    return CommandName.CANCEL_AT_PERIOD_END in state.legal_commands


def _statements(holding: Holding) -> list[str]:
    """Until when service runs, and what is charged."""
    state = holding.state
    if not _goes_on_to_the_end(state):
        ends = ["It ends at once.", _what_is_charged(state)]
        if state.status is SubscriptionStatus.PAUSED:
            ends.append("What you have paid and not used becomes credit for your other invoices.")
        return ends
    ends_on = holding.written.day(state.running_period.end)
    if state.status is SubscriptionStatus.TRIALING:
        return [
            f"Your free trial runs until {ends_on}, and you can use it until then.",
            "Nothing is charged.",
        ]
    statements = [
        f"It runs until {ends_on}, and you can use it as before until then.",
        "What you have until then is charged then."
        if state.terms.is_in_arrears
        else "You will not be charged again. What is paid already is not given back.",
    ]
    if state.pending_change is not None:
        statements.append("The change that was planned for then is dropped.")
    return [*statements, f"You can change your mind until {ends_on}."]


def _what_is_charged(state: SubscriptionState) -> str:
    """Of one that ends at once."""
    if state.terms.is_in_arrears:
        return "What you have had and not paid yet is still charged."
    if any(invoice.is_sent for invoice in state.open_invoices):
        return "The invoices that you were sent stay owed. Nothing new is invoiced."
    owes = "What is not paid is no longer owed, and you" if state.open_invoices else "You"
    return f"{owes} will not be charged again."
