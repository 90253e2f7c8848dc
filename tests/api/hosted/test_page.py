"""Pages: what every one of them promises, whatever it says."""

import re
from html.parser import HTMLParser

import pytest
from starlette.responses import Response

from api.hosted import notices
from api.hosted.page import Destination, Notice, origin_of, page, redirect, with_parameter

_NOTICES = {
    "unknown": notices.UNKNOWN,
    "unavailable": notices.UNAVAILABLE,
    "another_card_unavailable": notices.another_card_unavailable(url="/again"),
    "working": notices.working(url="/again", noun="purchase"),
    "checking_payment": notices.checking_payment(url="/again"),
    "processing": notices.processing(),
    "declined": notices.declined(
        retry_url="/retry", leads_to="https://pay.example/c/1", cancel_url="https://shop.example/"
    ),
    "authentication_required": notices.authentication_required(action_url="https://bank.example/"),
    "payment_refused": notices.payment_refused(pay_url="/invoice"),
    "payment_received": notices.payment_received(portal=None),
    "payment_received_in_the_portal": notices.payment_received(portal="/portal"),
    "payment_not_needed": notices.payment_not_needed(portal=None),
    "change_not_paid": notices.change_not_paid(portal="/portal"),
    "family_taken": notices.family_taken(success_url="https://shop.example/ok"),
    "trial_used": notices.trial_used(cancel_url="https://shop.example/"),
    "ended": notices.ended(cancel_url="https://shop.example/", noun="subscription"),
    "unanswered": notices.UNANSWERED,
    "not_begun": notices.not_begun(noun="subscription"),
    "to_the_bank": notices.to_the_bank(url="https://bank.example/"),
    "to_the_card_page": notices.to_the_card_page(url="https://pay.example/"),
    "portal_closed": notices.portal_closed(return_url=None),
    "link_expired": notices.link_expired(return_url="https://shop.example/"),
    "portal_left": notices.portal_left(return_url="https://shop.example/"),
    "stale_form": notices.stale_form(url="/portal"),
}


class _Outline(HTMLParser):
    """The tags of a page, and the language of its document."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes[tag] = dict(attrs)


def _html(response: Response) -> str:
    return bytes(response.body).decode()


@pytest.mark.parametrize("name", _NOTICES)
def test_every_page_can_be_read_by_everyone(name: str) -> None:
    outline = _Outline(_html(page(_NOTICES[name])))
    assert outline.attributes["html"]["lang"] == "en"
    assert [outline.tags.count(tag) for tag in ("main", "h1", "title")] == [1, 1, 1]
    assert outline.attributes["div"]["role"] in {"alert", "status"}
    assert "script" not in outline.tags
    assert "width=device-width" in _html(page(_NOTICES[name]))


@pytest.mark.parametrize("name", _NOTICES)
def test_every_page_keeps_to_itself(name: str) -> None:
    headers = page(_NOTICES[name]).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


def test_a_page_without_a_form_may_post_nowhere() -> None:
    assert "form-action 'none'" in page(notices.UNKNOWN).headers["content-security-policy"]


def test_a_form_may_lead_to_the_gateway_it_names_and_nowhere_else() -> None:
    policy = page(_NOTICES["declined"]).headers["content-security-policy"]
    assert policy.endswith("form-action 'self' https://pay.example")


def test_what_a_page_is_told_is_text() -> None:
    notice = Notice(
        title="<b>",
        text=("<script>",),
        link=Destination(label="&", url='https://shop.example/?a="><script>'),
    )
    html = _html(page(notice))
    assert "<script>" not in html
    assert "<b>" not in html


def test_only_unfinished_pages_ask_again_by_themselves() -> None:
    refreshing = {name for name, notice in _NOTICES.items() if "refresh" in _html(page(notice))}
    assert refreshing == {
        "unavailable",
        "working",
        "checking_payment",
        "to_the_bank",
        "to_the_card_page",
    }


def test_a_page_that_leads_on_does_so_at_once_and_to_one_place() -> None:
    html = _html(page(notices.to_the_bank(url="https://bank.example/?a=1&b='\"><script>")))
    target = "https://bank.example/?a=1&amp;b=&#39;&#34;&gt;&lt;script&gt;"
    assert f'http-equiv="refresh" content="0; url={target}"' in html
    assert f'href="{target}"' in html


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_text_stands_out_from_its_ground_in_light_and_in_dark() -> None:
    html = _html(page(notices.UNKNOWN))
    palettes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", html, re.DOTALL)
    ]
    assert len(palettes) == 2
    for palette in palettes:
        assert _contrast(palette["text"], palette["card"]) >= 7
        assert _contrast(palette["soft"], palette["card"]) >= 4.5
        assert _contrast(palette["accent"], palette["card"]) >= 4.5
        assert _contrast(palette["on-accent"], palette["accent"]) >= 4.5
        for colour in ("good", "problem"):
            assert _contrast(palette[colour], palette["card"]) >= 4.5
        for colour in ("soft", "accent"):
            assert _contrast(palette[colour], palette["ground"]) >= 4.5
        assert _contrast(palette["soft"], palette["tint"]) >= 4.5


def test_a_redirect_is_followed_by_get_and_tells_nothing() -> None:
    response = redirect("https://shop.example/ok?a=1")
    assert response.status_code == 303
    assert response.headers["location"] == "https://shop.example/ok?a=1"
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/ok", "https://shop.example/ok?id=cs_1"),
        ("https://shop.example/ok?a=%20b", "https://shop.example/ok?a=%20b&id=cs_1"),
        ("https://shop.example/?a=1#done", "https://shop.example/?a=1&id=cs_1#done"),
        ("https://shop.example/#/done", "https://shop.example/?id=cs_1#/done"),
    ],
)
def test_a_parameter_is_added_where_queries_belong(url: str, expected: str) -> None:
    assert with_parameter(url, "id", "cs_1") == expected


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://pay.example/c/1?x", "https://pay.example"),
        ("http://127.0.0.1:8080/c", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/c", "http://[::1]:8080"),
        ("https://user:secret@pay.example/", "https://pay.example"),
        ("javascript:alert(1)", None),
        ("https://pay.example:port/", None),
        ("/relative", None),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin
