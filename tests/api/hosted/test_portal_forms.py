"""Nobody reaches what is another customer's, and no form does more than its button says."""

import asyncio

import pytest

from adapters.db.tables.audit import audit_log
from tests.api.hosted.guest import Guest
from tests.api.hosted.plain_browser import Form
from tests.api.shop import Shop


async def _audited(shop: Shop) -> list[tuple[str, str]]:
    """Commands of customers, with who gave them."""
    async with shop.deps.engine.connect() as connection:
        query = audit_log.select().where(audit_log.c.actor_kind == "customer")
        rows = (await connection.execute(query)).all()
    return [(row.command, row.actor_id) for row in rows]


def _moved(form: Form, *, frm: str, to: str) -> Form:
    """The form, sent to another subscription."""
    return Form(form.action.replace(frm, to), form.method, form.fields, form.button)


async def test_another_customers_pages_do_not_exist(
    guest: Guest, stranger: Guest, subtests: pytest.Subtests
) -> None:
    await guest.portal()
    for path in (
        "change",
        "change?quantity=9",
        "cancel",
        "changes/chg_1",
    ):
        with subtests.test(path=path):
            answer = await guest.browser.open(
                f"/hosted/portal/subscriptions/{stranger.subscription}/{path}"
            )
            assert answer.status == 404
            assert "Team" not in answer.text


async def test_a_form_sent_to_another_customers_subscription_does_nothing(
    guest: Guest, stranger: Guest, subtests: pytest.Subtests
) -> None:
    await guest.portal()
    for action in (
        "cancel",
        "undo_cancel",
        "undo_change",
        "change",
    ):
        with subtests.test(action=action):
            mine = (await guest.page("cancel")).form("Cancel my subscription")
            stolen = _moved(
                mine, frm=f"{guest.subscription}/cancel", to=f"{stranger.subscription}/{action}"
            )
            assert (await guest.browser.send(stolen)).status == 404
            assert await _audited(guest.shop) == []
            assert (await stranger.now())["cancellation"] is None


async def test_another_customers_link_shows_theirs_alone(guest: Guest, stranger: Guest) -> None:
    """A browser that opens a second link is in that portal, and out of the first."""
    mine = (await guest.portal(), await guest.page("cancel"))[1]
    await guest.browser.open(await stranger.link())
    assert (await guest.page("cancel")).status == 404
    assert (await guest.browser.send(mine.form("Cancel my subscription"))).status == 404
    assert (await guest.now())["cancellation"] is None


async def test_a_form_of_another_visit_is_refused(guest: Guest) -> None:
    await guest.portal()
    form = (await guest.page("cancel")).form("Cancel my subscription")
    await guest.portal()
    refused = await guest.browser.send(form)
    assert refused.status == 403
    assert "too old" in refused.text
    assert (await guest.now())["cancellation"] is None


async def test_a_form_made_for_something_else_is_refused(guest: Guest) -> None:
    home = await guest.portal()
    token = home.form("Sign out").fields["token"]
    form = (await guest.page("cancel")).form("Cancel my subscription")
    assert (await guest.browser.send(form, token=token)).status == 403
    assert (await guest.now())["cancellation"] is None


async def test_a_form_of_another_subscription_of_mine_is_refused(guest: Guest) -> None:
    other = await guest.shop.made(
        "/v1/subscriptions", {"customer": guest.customer, "price": "assistant_monthly"}
    )
    await guest.portal()
    form = (await guest.page("cancel")).form("Cancel my subscription")
    moved = _moved(form, frm=guest.subscription, to=other["id"])
    assert (await guest.browser.send(moved)).status == 403
    assert (await guest.shop.read(f"/v1/subscriptions/{other['id']}"))["cancellation"] is None


async def test_a_form_without_a_token_of_ours_does_nothing(
    guest: Guest, subtests: pytest.Subtests
) -> None:
    await guest.portal()
    for token in (
        "",
        ".",
        "x",
        "0.",
        "é.é",
        "0" * 9_000,
    ):
        with subtests.test(token=token):
            form = (await guest.page("cancel")).form("Cancel my subscription")
            assert (await guest.browser.send(form, token=token)).status == 403
            assert (await guest.now())["cancellation"] is None


async def test_another_site_cannot_send_a_form(guest: Guest) -> None:
    """The browser sends no cookie with it; and had it sent one, the token would lack."""
    await guest.portal()
    action = (await guest.page("cancel")).form("Cancel my subscription").action
    without_cookie = dict(guest.browser.client.cookies)
    guest.browser.client.cookies.clear()
    assert (await guest.browser.client.post(action, data={})).status_code == 403
    guest.browser.client.cookies.update(without_cookie)
    assert (await guest.browser.client.post(action, data={})).status_code == 403
    assert (await guest.now())["cancellation"] is None


async def test_a_form_sent_often_and_at_once_counts_once(guest: Guest) -> None:
    await guest.portal()
    form = (await guest.page("cancel")).form("Cancel my subscription")
    answers = await asyncio.gather(*(guest.browser.answer_to(form) for _ in range(4)))
    assert {answer.headers["location"] for answer in answers} == {
        "http://api.test/hosted/portal?done=canceled"
    }
    assert await _audited(guest.shop) == [("cancel_at_period_end", guest.customer)]


async def test_a_form_sent_again_after_it_was_undone_does_not_count_again(guest: Guest) -> None:
    await guest.portal()
    form = (await guest.page("cancel")).form("Cancel my subscription")
    canceled = await guest.browser.send(form)
    await guest.browser.press(canceled, "Keep my subscription")
    await guest.browser.send(form)
    assert (await guest.now())["cancellation"] is None


async def test_a_page_that_shows_the_past_changes_nothing(guest: Guest) -> None:
    """Seats were added in another window: the statement that was agreed to is no longer true."""
    await guest.portal()
    form = (await guest.page("cancel")).form("Cancel my subscription")
    await guest.shop.made(f"/v1/subscriptions/{guest.subscription}/change", {"quantity": 7})
    answer = await guest.browser.send(form)
    assert "has changed since" in answer.text
    assert (await guest.now())["cancellation"] is None


async def test_another_customers_card_page_is_not_mine(guest: Guest, stranger: Guest) -> None:
    theirs = await stranger.portal()
    await stranger.browser.answer_to(theirs.form("Replace card"))
    opened = await stranger.browser.answer_to(theirs.form("Replace card"))
    page_id = opened.headers["location"].partition("page=")[2]
    assert page_id.startswith("cs_")
    await guest.portal()
    for path in ("card", "card/return"):
        answer = await guest.browser.open(f"/hosted/portal/{path}?page={page_id}")
        assert answer.status == 404


async def test_an_unknown_card_page_does_not_exist(guest: Guest, subtests: pytest.Subtests) -> None:
    await guest.portal()
    for page_id in (
        "",
        "cs_test_unknown",
        "../customers",
        "cs_é",
        "cs_" + "a" * 300,
    ):
        with subtests.test(page_id=page_id):
            for path in ("card", "card/return"):
                answer = await guest.browser.client.get(
                    f"/hosted/portal/{path}", params={"page": page_id}
                )
                assert answer.status_code == 404


async def test_nobody_is_led_out_of_the_portal_after_a_new_card(guest: Guest) -> None:
    home = await guest.portal()
    for elsewhere in ("//evil.example", "https://evil.example/change?a=1", "../../x/change?a"):
        form = home.form("Replace card")
        answer = await guest.browser.answer_to(form, then=elsewhere)
        assert answer.headers["location"].startswith("http://api.test/hosted/portal/card?page=cs_")


async def test_text_that_cannot_be_stored_opens_nothing(guest: Guest) -> None:
    await guest.portal()
    answer = await guest.browser.client.get("/hosted/portal/subscriptions/%00/cancel")
    assert answer.status_code == 404
    assert "does not exist" in answer.text
