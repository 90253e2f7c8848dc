"""What the demo's browser reads of a page."""

import httpx

from cli.demo.pages import Form, Page

_URL = "http://shop.test/hosted/here?signature=1"


def page(html: str) -> Page:
    return Page.of(httpx.Response(200, html=html, request=httpx.Request("GET", _URL)))


def test_a_form_is_known_by_its_fields_and_sent_as_it_stands() -> None:
    shown = page(
        '<form action="/undo"><input type="hidden" name="token" value="a"></form>'
        '<input name="lost" value="outside">'
        '<form method="post" action="change?x=1"><input name="token" value="b">'
        '<input type="radio" name="price" value="old" checked>'
        '<input type="radio" name="price" value="new"><input name="quantity"></form>'
    )
    expected = {"token": "b", "price": "old", "quantity": ""}
    assert shown.form("price") == Form("http://shop.test/hosted/change?x=1", "post", expected)
    assert shown.form("token") == Form("http://shop.test/undo", "get", {"token": "a"})
    assert shown.form("lost") is None


def test_a_form_without_an_address_is_sent_to_its_page_with_its_first_button() -> None:
    shown = page(
        '<form method="post"><button name="outcome" value="complete">Yes</button>'
        '<button name="outcome" value="fail">No</button></form>'
    )
    assert shown.forms == (Form(_URL, "post", {"outcome": "complete"}),)


def test_a_link_is_known_by_where_it_leads() -> None:
    shown = page('<a href="/sub_1/change">one</a><a href="/sub_2/change?x=1">two</a><a>none</a>')
    assert shown.link("/sub_2/change") == "http://shop.test/sub_2/change?x=1"
    assert shown.link("/sub_3/change") is None


def test_a_page_leads_on_only_where_it_does_so_at_once() -> None:
    at_once = page('<meta http-equiv="refresh" content="0; url=https://bank.test/a?b=c">')
    later = page('<meta http-equiv="refresh" content="3">')
    assert (at_once.leads_on_to, later.leads_on_to) == ("https://bank.test/a?b=c", None)
