"""A customer's browser on the hosted pages: plain pages, forms and redirects.

Owns the way through a checkout. Nothing of it goes through the API's keys: it sees what customers
see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from cli.demo.errors import OutOfReach, Refused
from cli.demo.patience import Patience

_MOST_REDIRECTS: Final = 10


@dataclass(frozen=True, slots=True)
class Card:
    """A test card, as it is typed (https://docs.stripe.com/testing)."""

    number: str
    expiry: str = "12 / 34"
    cvc: str = "123"


VISA: Final = Card("4242 4242 4242 4242")
DECLINED: Final = Card("4000 0000 0000 0002")


class Browser:
    """Visits pages; follows redirects until they lead out of the system."""

    def __init__(self, http: httpx.AsyncClient, patience: Patience) -> None:
        self._http = http
        self._patience = patience

    async def check_out(
        self, page_url: str, *, email: str, cards: Sequence[Card], success_url: str
    ) -> None:
        """Types one card after another until the customer stands on the merchant's page.

        Raises `Refused` when every card is refused, `OutOfReach` when the subscription does not
        begin in time.
        """
        page = await self._visit(page_url, success_url)
        for card in cards:
            if page is not None and _is_form(page, page_url):
                page = await self._submit(page_url, email, card, success_url)
        if page is None:
            return
        if _is_form(page, page_url):
            raise Refused(f"the checkout page took none of {len(cards)} cards")
        await self._until_arrived(str(page.url), success_url)

    async def _until_arrived(self, url: str, success_url: str) -> None:
        """The page after the checkout asks its visitor to come back in a moment."""

        async def has_arrived() -> bool:
            return await self._visit(url, success_url) is None

        await self._patience.until(has_arrived, "the subscription to begin")

    async def _visit(self, url: str, success_url: str) -> httpx.Response | None:
        return await self._follow(await self._get(url), success_url)

    async def _get(self, url: str) -> httpx.Response:
        return await self._patience.answered(lambda: self._http.get(url))

    async def _submit(
        self, url: str, email: str, card: Card, success_url: str
    ) -> httpx.Response | None:
        form = {"email": email, "number": card.number, "expiry": card.expiry, "cvc": card.cvc}
        answer = await self._patience.answered(lambda: self._http.post(url, data=form))
        return await self._follow(answer, success_url)

    async def _follow(self, answer: httpx.Response, success_url: str) -> httpx.Response | None:
        """The page at the end of redirects; None when they lead to the merchant."""
        for _ in range(_MOST_REDIRECTS):
            if not answer.has_redirect_location:
                return _readable(answer)
            url = str(answer.url.join(answer.headers["location"]))
            if url.startswith(success_url):
                return None
            answer = await self._get(url)
        raise OutOfReach(f"the pages lead in circles, at last to {answer.url}")


def _is_form(page: httpx.Response, page_url: str) -> bool:
    return page.url == httpx.URL(page_url)


def _readable(answer: httpx.Response) -> httpx.Response:
    if answer.is_success or answer.status_code == HTTPStatus.PAYMENT_REQUIRED:
        return answer
    raise Refused(f"{answer.url.path} was answered with {answer.status_code}: {answer.text[:300]}")
