"""Links to hosted pages: signed, and recognised only as what they are."""

from string import ascii_letters, digits
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from adapters.hosted_link import HostedLinks, HostedPage

_LINKS = HostedLinks(public_url="https://billing.example/", secret="whsec_one")


def _signature(url: str) -> str:
    return parse_qs(urlsplit(url).query)["signature"][0]


def test_a_link_stands_under_the_public_address() -> None:
    url = _LINKS.checkout_return("cs_1")
    assert url.startswith("https://billing.example/hosted/checkout/cs_1/return?signature=")


def test_a_link_is_recognised() -> None:
    signature = _signature(_LINKS.payment_return("in_1"))
    assert _LINKS.is_signed(HostedPage.PAYMENT_RETURN, "in_1", signature)


def test_another_process_with_the_same_secret_recognises_it() -> None:
    signature = _signature(_LINKS.payment_return("in_1"))
    other = HostedLinks(public_url="https://elsewhere.example", secret="whsec_one")
    assert other.is_signed(HostedPage.PAYMENT_RETURN, "in_1", signature)


def test_another_secret_page_or_subject_does_not() -> None:
    signature = _signature(_LINKS.payment_return("in_1"))
    stranger = HostedLinks(public_url="https://billing.example", secret="whsec_two")
    assert not stranger.is_signed(HostedPage.PAYMENT_RETURN, "in_1", signature)
    assert not _LINKS.is_signed(HostedPage.CHECKOUT_RETURN, "in_1", signature)
    assert not _LINKS.is_signed(HostedPage.PAYMENT_RETURN, "in_2", signature)


@given(st.one_of(st.none(), st.text(max_size=64)))
def test_nothing_else_passes_for_a_signature(claimed: str | None) -> None:
    assert not _LINKS.is_signed(HostedPage.CHECKOUT_RETURN, "cs_1", claimed)


def test_an_invoice_has_a_page_of_its_own() -> None:
    url = _LINKS.invoice("in_1")
    assert url.startswith("https://billing.example/hosted/invoices/in_1?signature=")
    assert _LINKS.is_signed(HostedPage.INVOICE, "in_1", _signature(url))
    assert not _LINKS.is_signed(HostedPage.PAYMENT_RETURN, "in_1", _signature(url))


def test_pages_are_secure_where_their_address_is() -> None:
    assert _LINKS.is_secure
    assert not HostedLinks(public_url="http://127.0.0.1:8000", secret="whsec_one").is_secure


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_what_was_sealed_can_be_opened_for_the_same_page_alone(text: str) -> None:
    sealed = _LINKS.sealed(HostedPage.PORTAL, text)
    assert _LINKS.opened(HostedPage.PORTAL, sealed) == text
    assert _LINKS.opened(HostedPage.PORTAL_SESSION, sealed) is None
    assert set(sealed) <= set(ascii_letters + digits + "-_.")


@given(st.text(max_size=200))
def test_nothing_else_can_be_opened(claimed: str) -> None:
    assert _LINKS.opened(HostedPage.PORTAL, claimed) is None


@given(st.integers(min_value=0), st.characters())
def test_a_seal_breaks_with_any_change(place: int, letter: str) -> None:
    sealed = _LINKS.sealed(HostedPage.PORTAL, '{"customer_id":"cus_1"}')
    place %= len(sealed)
    changed = sealed[:place] + letter + sealed[place + 1 :]
    if changed != sealed:
        assert _LINKS.opened(HostedPage.PORTAL, changed) is None
