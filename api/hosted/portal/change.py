"""Changing a subscription in the portal: choose, look at the price, confirm, see what came of it.

Owns those pages. The price is the API's own preview, and what is confirmed is its quote, so that
nobody pays another amount than the one shown (policy P14). Does not own what a change costs
(`billing.change`) nor its words (`change_facts`).
"""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from adapters.quote_token import QuoteTokens
from api.dependencies import Dependencies, Deps
from api.hosted import notices
from api.hosted.asking import ask
from api.hosted.page import ShownInstead, document, page, redirect
from api.hosted.page_route import PageRoute
from api.hosted.portal.account import Holding, read_holding
from api.hosted.portal.change_facts import PreviewFacts, preview_facts, result_facts
from api.hosted.portal.choice import Choice, is_a_choice, read_on_sale
from api.hosted.portal.ending import REASON
from api.hosted.portal.home import frame
from api.hosted.portal.session import Visitor, VisitorOf
from api.hosted.portal.subscription_facts import facts_of
from api.hosted.refusals import in_words
from api.hosted.script import script_of
from api.subscription_changes import ChangePreviewInput, preview_change
from billing.errors import Conflict, InvalidInput
from billing.quote import Quote
from workflows.messages import ChangeSubscription

router = APIRouter(
    prefix="/hosted/portal/subscriptions/{subscription_id}",
    include_in_schema=False,
    route_class=PageRoute,
)

Text = Annotated[str, Query()]
Field = Annotated[str, Form()]


@router.get("/change")
async def choose(
    subscription_id: str,
    request: Request,
    visitor: VisitorOf,
    deps: Deps,
    *,
    price: Text = "",
    quantity: Annotated[str | None, Query()] = None,
    refused: Text = "",
) -> Response:
    """The plans and a quantity; what the choice costs, once there is one."""
    holding = await read_holding(deps, visitor.customer, subscription_id)
    facts = facts_of(holding, visitor.links)
    options = (await read_on_sale(deps)).options(visitor.customer, holding)
    if not facts.may_change or not is_a_choice(options):
        return redirect(visitor.links.portal)
    choice = Choice.read(holding, options, price=price, quantity=quantity)
    preview, problem = None, in_words(refused) if refused else None
    if price or quantity is not None:
        preview, why_not = await _preview(deps, holding, choice)
        problem = problem or why_not
    return document(
        "portal_change.html",
        frame(visitor)
        | {
            "subscription": facts,
            "options": options,
            "has_quantity": any(option.has_quantity for option in options),
            "choice": choice,
            "unit_name": holding.price.unit_name,
            "is_typing": request.headers.get("hx-request") == "true",
            "preview": preview,
            "problem": problem,
            "token": visitor.token("change", subscription_id),
        },
        script=script_of(visitor.links),
    )


@router.post("/change")
async def confirm(
    subscription_id: str,
    visitor: VisitorOf,
    deps: Deps,
    *,
    token: Field = "",
    quote: Field = "",
    price: Field = "",
    quantity: Field = "",
) -> Response:
    """Executes what was shown, at the price that was shown, once per form."""
    await read_holding(deps, visitor.customer, subscription_id)
    change_id = visitor.named_by(token, "chg", "change", subscription_id)
    chosen = urlencode({"price": price[:80], "quantity": quantity[:20]})
    here = f"{visitor.links.portal}/subscriptions/{subscription_id}"
    try:
        wanted = _quote(deps, subscription_id, quote)
    except InvalidInput as error:
        return redirect(f"{here}/change?{chosen}&refused={error.code}")
    command = ChangeSubscription(
        command_id=change_id, actor=visitor.actor, reason=REASON, quote=wanted
    )
    refused = await ask(deps, visitor.customer, subscription_id, command)
    if refused is not None and refused != "temporarily_unavailable":
        return redirect(f"{here}/change?{chosen}&refused={refused}")
    return await _what_came_of_it(deps, visitor, subscription_id, change_id, chosen)


@router.get("/changes/{change_id}")
async def show_change(
    subscription_id: str,
    change_id: str,
    visitor: VisitorOf,
    deps: Deps,
    *,
    price: Text = "",
    quantity: Text = "",
    onwards: Text = "",
) -> Response:
    """What came of a change; `onwards` goes on to the bank, if that is who is waited for."""
    holding = await read_holding(deps, visitor.customer, subscription_id)
    facts = result_facts(holding, change_id, links=visitor.links)
    if onwards and facts.action_url is not None:
        return page(notices.to_the_bank(url=facts.action_url))
    chosen = urlencode({"price": price[:80], "quantity": quantity[:20]})
    return document(
        "portal_change_result.html",
        frame(visitor)
        | {
            "result": facts,
            "again_url": f"{visitor.links.portal}/subscriptions/{subscription_id}/change?{chosen}",
            "then": f"subscriptions/{subscription_id}/change?{chosen}",
            "card_token": visitor.token("card"),
        },
    )


async def _preview(
    deps: Dependencies, holding: Holding, choice: Choice
) -> tuple[PreviewFacts | None, str | None]:
    """What the choice costs, or why it cannot be made."""
    if choice.quantity is None:
        return None, "Please give the quantity as a whole number, 1 or more."
    wanted = ChangePreviewInput(price=choice.price_id, quantity=choice.quantity)
    try:
        preview = await preview_change(holding.state.subscription_id, wanted, deps)
    except InvalidInput as error:
        bounds = (error.details.get("minimum_quantity"), error.details.get("maximum_quantity"))
        if error.code == "quantity_out_of_range":
            return None, f"This plan is sold in quantities from {bounds[0]} to {bounds[1]}."
        if error.code == "quantity_not_a_multiple":
            return None, f"This plan is sold in multiples of {error.details['quantity_step']}."
        return None, in_words(error.code)
    except Conflict as error:
        return None, in_words(error.code)
    return preview_facts(holding, preview), None


def _quote(deps: Dependencies, subscription_id: str, token: str) -> Quote:
    """The quote of the form; raises `InvalidInput`, and `ShownInstead` for somebody else's."""
    quote = QuoteTokens.of(deps.settings).read(token)
    if quote.subscription_id != subscription_id:
        raise ShownInstead(notices.UNKNOWN)
    return quote


async def _what_came_of_it(
    deps: Dependencies, visitor: Visitor, subscription_id: str, change_id: str, chosen: str
) -> Response:
    """The change's page, by way of the bank where that asks for the customer."""
    holding = await read_holding(deps, visitor.customer, subscription_id)
    facts = result_facts(holding, change_id, links=visitor.links)
    url = f"{visitor.links.portal}/subscriptions/{subscription_id}/changes/{change_id}?{chosen}"
    return redirect(url if facts.action_url is None else f"{url}&onwards=1")
