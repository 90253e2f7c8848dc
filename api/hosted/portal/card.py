"""Replacing the card on file from the portal.

Owns the way to the gateway's page and back to where the customer was. Does not own what a new card
leads to (`api.hosted.card_update`).
"""

import re
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api.dependencies import Deps
from api.hosted.card_update import (
    PAGE_ID_HERE,
    card_is_replaced,
    lead_to_card_page,
    open_card_page,
)
from api.hosted.page import redirect
from api.hosted.page_route import PageRoute
from api.hosted.portal.account import currency_of, read_account
from api.hosted.portal.session import VisitorOf

router = APIRouter(prefix="/hosted/portal/card", include_in_schema=False, route_class=PageRoute)

_PLACE: Final = re.compile(
    r"subscriptions/[A-Za-z0-9_]{1,80}/change\?[A-Za-z0-9_=&]{0,120}", re.ASCII
)
"""Where in the portal a customer may be led afterwards; nowhere else."""

Text = Annotated[str, Query()]
Field = Annotated[str, Form()]


@router.post("")
async def replace_card(
    visitor: VisitorOf, deps: Deps, token: Field = "", then: Field = ""
) -> Response:
    """A page at the gateway: one per form, however often it is sent."""
    form_id = visitor.check(token, "card")
    here = f"{visitor.links.portal}/card"
    account = await read_account(deps, visitor.customer, latest=1)
    currency = currency_of(visitor.customer, account)
    if currency is None:
        return redirect(visitor.links.portal)
    place = urlencode({"then": then}) if _PLACE.fullmatch(then) else ""
    page_id = await open_card_page(
        deps,
        visitor.customer,
        currency=currency,
        form_id=form_id,
        success_url=f"{here}/return?page={PAGE_ID_HERE}&{place}".rstrip("&"),
        cancel_url=visitor.links.portal,
    )
    return redirect(f"{here}?page={page_id}")


@router.get("")
async def go_to_card_page(visitor: VisitorOf, deps: Deps, page: Text = "") -> Response:
    """On to the gateway's page."""
    return await lead_to_card_page(deps, visitor.customer.id, page, back=visitor.links.portal)


@router.get("/return")
async def return_from_card_page(
    visitor: VisitorOf, deps: Deps, page: Text = "", then: Text = ""
) -> Response:
    """The card is saved, and the customer back where they wanted to use it."""
    portal = visitor.links.portal
    if not await card_is_replaced(deps, visitor.customer.id, page):
        return redirect(portal)
    return redirect(f"{portal}/{then}" if _PLACE.fullmatch(then) else f"{portal}?done=card")
