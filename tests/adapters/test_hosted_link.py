"""Links to hosted pages: signed, and recognised only as what they are."""

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
