"""Who gets into the portal, until when, and what their browser is told to keep."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.responses import Response

from adapters.hosted_link import HostedLinks, HostedPage
from api.hosted.portal.session import remember
from api.hosted.portal.ticket import Ticket, ticket_in_cookie, ticket_in_link
from tests.api.hosted.guest import RETURN_URL, Guest
from tests.api.shop import Shop

_LINKS = HostedLinks(public_url="https://billing.example", secret="a secret of the tests")
_TICKET = Ticket(
    visit_id="visit_1",
    customer_id="cus_1",
    ends_at=datetime(2026, 4, 1, tzinfo=UTC),
    return_url=RETURN_URL,
)


def _links(shop: Shop) -> HostedLinks:
    return HostedLinks.of(shop.deps.settings)


def _ticket_of(link: str) -> str:
    return link.partition("ticket=")[2]


async def test_a_link_opens_the_portal_and_leaves_the_address(guest: Guest) -> None:
    sheet = await guest.portal()
    assert sheet.status == 200
    assert "Your subscriptions" in sheet.text
    assert sheet.url == "http://api.test/hosted/portal"


async def test_the_browser_keeps_the_visit_for_an_hour_and_shows_it_to_no_script(
    guest: Guest,
) -> None:
    answer = await guest.browser.client.get(await guest.link())
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303
    for part in ("httponly", "samesite=lax", "path=/", "max-age=3600"):
        assert part in cookie
    assert "secure" not in cookie


def test_over_tls_the_cookie_is_bound_to_the_host() -> None:
    answer = Response()
    remember(answer, _LINKS, _TICKET)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-perennial_portal=")
    assert "; Secure" in cookie
    assert "Domain" not in cookie


async def test_no_page_is_kept_by_caches_or_tells_where_the_browser_came_from(
    guest: Guest,
) -> None:
    opened = await guest.browser.client.get(await guest.link())
    for path in ("", "/invoices", f"/subscriptions/{guest.subscription}/change"):
        shown = await guest.browser.client.get(f"/hosted/portal{path}")
        policy = shown.headers["content-security-policy"]
        assert shown.status_code == 200
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        for answer in (opened, shown):
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"


async def test_only_the_page_that_uses_it_may_load_the_script(guest: Guest) -> None:
    home = await guest.portal()
    change = await guest.page("change")
    assert "script-src" not in home.headers["content-security-policy"]
    assert "script-src 'sha256-" in change.headers["content-security-policy"]
    assert "connect-src 'self'" in change.headers["content-security-policy"]


async def test_a_link_can_be_left_and_opened_again(guest: Guest) -> None:
    link = await guest.link()
    for _ in range(2):
        assert (await guest.browser.open(link)).status == 200
    assert (await guest.browser.open("/hosted/portal")).status == 200


async def test_an_expired_link_says_where_to_get_another(guest: Guest) -> None:
    expired = _TICKET.model_copy(update={"customer_id": guest.customer})
    sheet = await guest.browser.open(expired.link(_links(guest.shop)))
    assert sheet.status == 410
    assert "expired" in sheet.text
    assert RETURN_URL in sheet.links.values()
    assert (await guest.browser.open("/hosted/portal")).status == 403


async def test_an_expired_link_without_a_way_back_says_where_to_ask(guest: Guest) -> None:
    changes = {"customer_id": guest.customer, "return_url": None}
    expired = _TICKET.model_copy(update=changes)
    sheet = await guest.browser.open(expired.link(_links(guest.shop)))
    assert sheet.status == 410
    assert "where you subscribed" in sheet.text


async def test_a_visit_ends_by_itself(guest: Guest) -> None:
    links = _links(guest.shop)
    over = _TICKET.model_copy(update={"customer_id": guest.customer})
    guest.browser.client.cookies.set("perennial_portal", over.cookie(links))
    sheet = await guest.browser.open("/hosted/portal")
    assert sheet.status == 403
    assert RETURN_URL in sheet.links.values()
    assert "Team" not in sheet.text


async def test_a_stranger_sees_nothing(guest: Guest) -> None:
    for path in ("", "/invoices", "/card", f"/subscriptions/{guest.subscription}/cancel"):
        sheet = await guest.browser.open(f"/hosted/portal{path}")
        assert sheet.status == 403
        assert "Team" not in sheet.text


async def test_a_link_that_was_tampered_with_opens_nothing(guest: Guest) -> None:
    link = await guest.link()
    content, _, signature = _ticket_of(link).partition(".")
    other = "1" if signature[0] == "0" else "0"
    for forged in (
        "",
        content,
        f"{content}.",
        f"{content[:-1]}.{signature}",
        f"{content}.{other}{signature[1:]}",
        f"{content}.{signature}".upper(),
    ):
        sheet = await guest.browser.open(f"/hosted/portal/open?ticket={forged}")
        assert sheet.status == 404
    assert (await guest.browser.open("/hosted/portal")).status == 403


async def test_a_link_is_no_cookie_and_a_cookie_no_link(guest: Guest) -> None:
    link = await guest.link()
    guest.browser.client.cookies.set("perennial_portal", _ticket_of(link))
    assert (await guest.browser.open("/hosted/portal")).status == 403
    links = _links(guest.shop)
    later = _TICKET.opened(datetime.now(UTC)).model_copy(update={"customer_id": guest.customer})
    entrance = links.portal_entrance(later.cookie(links))
    assert (await guest.browser.open(entrance)).status == 404


def test_a_ticket_is_known_by_its_kind_alone() -> None:
    sealed = _TICKET.cookie(_LINKS)
    assert ticket_in_cookie(_LINKS, sealed) == _TICKET
    assert ticket_in_link(_LINKS, sealed) is None
    assert ticket_in_link(_LINKS, _ticket_of(_TICKET.link(_LINKS))) == _TICKET


def test_a_ticket_of_another_version_is_none() -> None:
    assert ticket_in_cookie(_LINKS, _LINKS.sealed(HostedPage.PORTAL_SESSION, "{}")) is None


def test_opening_a_link_starts_an_hour_of_the_same_visit() -> None:
    now = datetime(2026, 4, 1, 12, tzinfo=UTC)
    opened = _TICKET.opened(now)
    assert opened.ends_at == now + timedelta(hours=1)
    assert (opened.visit_id, opened.customer_id) == ("visit_1", "cus_1")


async def test_a_deleted_customer_has_no_portal(shop: Shop, guest: Guest) -> None:
    customer = await shop.customer()
    link = (await shop.made("/v1/portal_sessions", {"customer": customer}))["url"]
    assert (await guest.browser.open(link)).status == 200
    async with shop.transactions() as tx:
        await tx.customers.delete(customer, deleted_at=datetime.now(UTC))
    assert (await guest.browser.open("/hosted/portal")).status == 404


async def test_signing_out_ends_the_visit_in_this_browser(guest: Guest) -> None:
    sheet = await guest.portal()
    left = await guest.browser.press(sheet, "Sign out")
    assert RETURN_URL in left.links.values()
    assert (await guest.browser.open("/hosted/portal")).status == 403


async def test_nobody_else_can_sign_a_customer_out(guest: Guest) -> None:
    await guest.portal()
    answer = await guest.browser.client.post("/hosted/portal/leave", data={"token": "1.2"})
    assert answer.status_code == 403
    assert (await guest.browser.open("/hosted/portal")).status == 200


async def test_nothing_else_passes_for_a_visit(guest: Guest, subtests: pytest.Subtests) -> None:
    for cookie in (
        "",
        "x",
        "a.b.c",
        "x" * 5_000,
    ):
        with subtests.test(cookie=cookie):
            guest.browser.client.cookies.set("perennial_portal", cookie)
            assert (await guest.browser.open("/hosted/portal")).status == 403
