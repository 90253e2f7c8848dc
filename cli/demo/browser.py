"""A customer's browser on the hosted pages: plain pages, forms and redirects.

Owns the ways through a checkout, an invoice's page, the portal and the bank's page. Nothing of it
goes through the API's keys: it sees what customers see. Does not own the reading of a page
(`cli.demo.pages`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from cli.demo.errors import OutOfReach, Refused
from cli.demo.pages import Form, Page
from cli.demo.patience import Patience

MERCHANT_URL: Final = "https://shop.example/"
"""Where pages lead out of the system: nobody answers there, and nobody is asked."""

_MOST_REDIRECTS: Final = 10


@dataclass(frozen=True, slots=True)
class Card:
    """A test card, as it is typed (https://docs.stripe.com/testing)."""

    number: str
    expiry: str = "12 / 34"
    cvc: str = "123"

    def typed(self, email: str) -> dict[str, str]:
        """The fields of the gateway's page."""
        return {"email": email, "number": self.number, "expiry": self.expiry, "cvc": self.cvc}


VISA: Final = Card("4242 4242 4242 4242")
MASTERCARD: Final = Card("5555 5555 5555 4444")
DECLINED: Final = Card("4000 0000 0000 0002")
DISPUTED: Final = Card("4000 0000 0000 0259")


class Browser:
    """Visits pages; follows redirects until they lead to the merchant."""

    def __init__(self, http: httpx.AsyncClient, patience: Patience) -> None:
        self._http = http
        self._patience = patience

    async def check_out(self, page_url: str, *, email: str, cards: Sequence[Card]) -> None:
        """Types one card after another until the customer stands on the merchant's page.

        Raises `Refused` when every card is refused, `OutOfReach` when the subscription does not
        begin in time.
        """
        page = await self._open(page_url)
        for card in cards:
            if page.url == page_url:
                page = await self._send(Form(page_url, "post", card.typed(email)))
        if page.url == page_url:
            raise Refused(f"the checkout page took none of {len(cards)} cards")
        if not _is_merchants(page.url):
            await self._until_arrived(page.url)

    async def pay(self, invoice_url: str) -> None:
        """Pays on an invoice's page with the card on file, and confirms at the bank if asked.

        Does nothing where nothing is owed.
        """
        payment = (await self._open(invoice_url)).form("attempt")
        after = None if payment is None else await self._send(payment)
        if after is not None and after.leads_on_to is not None:
            await self.confirm(after.leads_on_to)

    async def use_another_card(self, invoice_url: str, card: Card, *, email: str) -> None:
        """From an invoice's page to the gateway's page for a card, and back.

        What is owed is tried with the new card at once. Does nothing where nothing is owed.
        """
        invoice = await self._open(invoice_url)
        request = invoice.form_to("/card")
        if request is None:
            return
        card_page = await self._open((await self._send(request)).leads_on_to)
        if (empty := card_page.form("number")) is None:
            raise Refused(f"there is no form for a card on {card_page.url}")
        await self._send(empty, **card.typed(email))

    async def change_plan(self, portal_url: str, subscription_id: str, **choice: str) -> None:
        """Chooses in the portal, looks at the price and agrees; confirms at the bank if asked.

        Goes no further than the pages offer: what came of it is for the caller to look at.
        """
        portal = await self._open(portal_url)
        way = portal.link(f"/{subscription_id}/change")
        wish = None if way is None else (await self._open(way)).form("price")
        quoted = None if wish is None else (await self._send(wish, **choice)).form("quote")
        after = None if quoted is None else await self._send(quoted)
        if after is not None and after.leads_on_to is not None:
            await self.confirm(after.leads_on_to)

    async def undo_change(self, portal_url: str) -> None:
        """Presses the portal's button that forgets a planned change, where it is."""
        portal = await self._open(portal_url)
        undo = portal.form_to("/undo_change")
        if undo is not None:
            await self._send(undo)

    async def confirm(self, bank_url: str) -> None:
        """Passes 3D Secure; the bank's page is gone once that was done."""
        answer = await self._get(bank_url)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return
        page = _readable(answer)
        if (challenge := page.form("outcome")) is None:
            raise Refused(f"the bank asks nothing on {page.url}")
        answer = await self._answer(challenge)
        if answer.status_code != HTTPStatus.NOT_FOUND:
            await self._follow(answer)

    async def _until_arrived(self, url: str) -> None:
        """The page after the checkout asks its visitor to come back in a moment."""

        async def has_arrived() -> bool:
            return _is_merchants((await self._open(url)).url)

        await self._patience.until(has_arrived, "the subscription to begin")

    async def _open(self, url: str | None) -> Page:
        """A page; None is the way on that a page before did not offer."""
        if url is None:
            raise Refused("a page does not lead on to where the customer wants to go")
        return await self._follow(await self._get(url))

    async def _send(self, form: Form, **filled: str) -> Page:
        return await self._follow(await self._answer(form, **filled))

    async def _answer(self, form: Form, **filled: str) -> httpx.Response:
        fields = {**form.fields, **filled}
        if form.method == "get":
            return await self._patience.answered(lambda: self._http.get(form.url, params=fields))
        return await self._patience.answered(lambda: self._http.post(form.url, data=fields))

    async def _get(self, url: str) -> httpx.Response:
        return await self._patience.answered(lambda: self._http.get(url))

    async def _follow(self, answer: httpx.Response) -> Page:
        """The page at the end of redirects."""
        for _ in range(_MOST_REDIRECTS):
            if not answer.has_redirect_location:
                return _readable(answer)
            url = str(answer.url.join(answer.headers["location"]))
            if _is_merchants(url):
                return Page(url=url)
            answer = await self._get(url)
        raise OutOfReach(f"the pages lead in circles, at last to {answer.url}")


def _is_merchants(url: str) -> bool:
    return url.startswith(MERCHANT_URL)


def _readable(answer: httpx.Response) -> Page:
    if answer.is_success or answer.status_code == HTTPStatus.PAYMENT_REQUIRED:
        return Page.of(answer)
    raise Refused(f"{answer.url.path} was answered with {answer.status_code}: {answer.text[:300]}")
