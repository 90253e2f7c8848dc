"""What assistive technology is told about each page, read from Chromium's accessibility tree."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from playwright.async_api import Page

from tests.browser.subscriber import DECLINED, Subscriber

_OPERABLE: Final = frozenset({"button", "link", "radio", "spinbutton", "textbox"})
_NAMED: Final = _OPERABLE | {"table", "navigation", "article", "region"}
_LANDMARKS: Final = frozenset({"main", "navigation", "banner"})


@dataclass(frozen=True, slots=True)
class Node:
    """One thing that a screen reader comes to."""

    role: str
    name: str
    level: int | None
    url: str | None


async def _tree(page: Page) -> list[Node]:
    session = await page.context.new_cdp_session(page)
    answer = await session.send("Accessibility.getFullAXTree")
    await session.detach()
    return [_node(each) for each in answer["nodes"] if not each["ignored"]]


def _node(told: dict[str, Any]) -> Node:
    properties = {each["name"]: each["value"].get("value") for each in told.get("properties", ())}
    return Node(
        role=told.get("role", {}).get("value", ""),
        name=told.get("name", {}).get("value", "").strip(),
        level=properties.get("level"),
        url=properties.get("url"),
    )


async def _is_accessible(page: Page) -> None:
    """Names, headings, landmarks and ids of the page that is open."""
    nodes = await _tree(page)
    where = page.url
    nameless = [node for node in nodes if node.role in _NAMED and not node.name]
    assert nameless == [], where
    roles = Counter(node.role for node in nodes if node.role in _LANDMARKS)
    assert roles["main"] == 1, where
    levels = [node.level for node in nodes if node.role == "heading"]
    assert levels.count(1) == 1, where
    assert levels[0] == 1, where
    for before, after in pairwise(levels):
        assert before is not None
        assert after is not None
        assert after <= before + 1, f"{where} skips a heading: {levels}"
    places: dict[str, set[str | None]] = {}
    for node in nodes:
        if node.role == "link":
            places.setdefault(node.name, set()).add(node.url)
    ambiguous = [name for name, urls in places.items() if len(urls) > 1]
    assert ambiguous == [], where
    ids: list[str] = await page.eval_on_selector_all("[id]", "found => found.map(each => each.id)")
    assert len(ids) == len(set(ids)), where
    assert await page.get_attribute("html", "lang") == "en"
    assert await page.title()
    targets: list[float] = await page.eval_on_selector_all(
        "button", "found => found.map(each => each.getBoundingClientRect().height)"
    )
    assert all(height >= 24 for height in targets), f"{where}: too small to be hit: {targets}"
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), where


async def test_every_page_of_the_portal_is_told_in_full(subscriber: Subscriber) -> None:
    await subscriber.shop.made(
        "/v1/subscriptions", {"customer": subscriber.customer, "price": "assistant_monthly"}
    )
    await subscriber.open_portal()
    await _is_accessible(subscriber.page)
    home = subscriber.page.url
    await subscriber.page.goto(f"{home}/invoices")
    await _is_accessible(subscriber.page)
    change = f"{home}/subscriptions/{subscriber.subscription}/change"
    for address in (
        change,
        f"{change}?price=business_monthly&quantity=5",
        f"{change}?price=team_monthly&quantity=0",
        f"{home}/subscriptions/{subscriber.subscription}/cancel",
    ):
        await subscriber.page.goto(address)
        await _is_accessible(subscriber.page)
    await subscriber.page.goto(f"{change}?price=team_monthly&quantity=3")
    await subscriber.clicks("Change on May 1, 2026")
    await subscriber.sees("Your change is planned")
    await _is_accessible(subscriber.page)
    await subscriber.open_portal()
    await _is_accessible(subscriber.page)
    await subscriber.clicks("Sign out")
    await subscriber.sees("You have closed your subscriptions")
    await _is_accessible(subscriber.page)


async def test_pages_about_trouble_are_told_in_full(subscriber: Subscriber) -> None:
    await subscriber.prefers(DECLINED)
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    await subscriber.page.get_by_label("Business").check()
    await subscriber.clicks("Pay $40.00 and change")
    await subscriber.sees("Your card was declined")
    await _is_accessible(subscriber.page)
    await subscriber.advance("2026-05-01T00:05:00Z")
    await subscriber.open_mailed_invoice()
    await _is_accessible(subscriber.page)
    await subscriber.open_portal()
    await _is_accessible(subscriber.page)


async def test_what_a_screen_reader_says_of_a_choice(subscriber: Subscriber) -> None:
    await subscriber.open_portal()
    await subscriber.clicks("Change plan or quantity of Team")
    await subscriber.sees("Change Team")
    nodes = await _tree(subscriber.page)
    radios = [node.name for node in nodes if node.role == "radio"]
    assert radios[0].startswith("Team (your plan)")
    assert all("Free" in name or "$" in name for name in radios)
    assert [node.name for node in nodes if node.role == "spinbutton"] == ["How many seats"]
    assert "Plan" in [node.name for node in nodes if node.role in {"group", "radiogroup"}]
