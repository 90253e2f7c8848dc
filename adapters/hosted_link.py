"""Links to the hosted pages that customers are led to.

Owns their addresses and what keeps them from being guessed. Ids alone do not: they follow from
business facts, some of which a merchant may choose (`billing.ids`). So every link carries a
signature, and a page without a right one does not exist. Does not own the pages (`api/hosted`).
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from hashlib import sha256
from urllib.parse import quote

from adapters.settings import Settings

_PURPOSE = b"perennial hosted link 1"
_SIGNATURE_DIGITS = 32


class HostedPage(StrEnum):
    """Pages, and what they remember or send: a signature for one is none for another."""

    CHECKOUT_RETURN = "checkout"
    PAYMENT_RETURN = "payments"
    INVOICE = "invoices"
    PORTAL = "portal"
    PORTAL_SESSION = "portal_session"
    PORTAL_FORM = "portal_form"


class HostedLinks:
    """Writes and recognises links under one public address with one secret."""

    def __init__(self, *, public_url: str, secret: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._key = hmac.digest(secret.encode(), _PURPOSE, "sha256")

    @classmethod
    def of(cls, settings: Settings) -> "HostedLinks":
        """Every process with the same settings writes the same links."""
        return cls(public_url=settings.public_url, secret=settings.link_secret.get_secret_value())

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the pages over TLS alone."""
        return self._public_url.startswith("https://")

    @property
    def portal(self) -> str:
        """The portal's first page; it shows nothing without a session."""
        return f"{self._public_url}/hosted/{HostedPage.PORTAL}"

    def portal_entrance(self, ticket: str) -> str:
        """What opens the portal for whoever holds a sealed ticket."""
        return f"{self.portal}/open?ticket={ticket}"

    def asset(self, name: str) -> str:
        """A file that the pages load."""
        return f"{self._public_url}/hosted/assets/{name}"

    def invoice(self, invoice_id: str) -> str:
        """Where an invoice is looked at and paid; for as long as the invoice exists."""
        return self._link(HostedPage.INVOICE, invoice_id, "")

    def invoice_pdf(self, invoice_id: str) -> str:
        """The invoice as PDF; whoever may see its page may have it."""
        return self._link(HostedPage.INVOICE, invoice_id, "/pdf")

    def checkout_return(self, checkout_session_id: str) -> str:
        """Where the gateway sends the browser after its hosted checkout."""
        return self._link(HostedPage.CHECKOUT_RETURN, checkout_session_id, "/return")

    def payment_return(self, invoice_id: str) -> str:
        """Where the bank sends the browser after an authentication."""
        return self._link(HostedPage.PAYMENT_RETURN, invoice_id, "/return")

    def signature(self, page: HostedPage, subject_id: str) -> str:
        """32 hexadecimal digits: 128 bits that only holders of the secret can make."""
        said = f"{page}\x1f{subject_id}".encode()
        return hmac.new(self._key, said, sha256).hexdigest()[:_SIGNATURE_DIGITS]

    def is_signed(self, page: HostedPage, subject_id: str, signature: str | None) -> bool:
        """Whether the signature is ours; compared in constant time, whatever was sent."""
        expected = self.signature(page, subject_id)
        return hmac.compare_digest(expected.encode(), (signature or "").encode("utf-8", "replace"))

    def sealed(self, page: HostedPage, text: str) -> str:
        """The text and our signature of it, fit for an address or a cookie. Not secret."""
        content = urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return f"{content}.{self.signature(page, content)}"

    def opened(self, page: HostedPage, sealed: str) -> str | None:
        """What `sealed` was made of; None for what we did not seal for this page."""
        content, _, signature = sealed.partition(".")
        if not self.is_signed(page, content, signature):
            return None
        return urlsafe_b64decode(content + "=" * (-len(content) % 4)).decode()

    def _link(self, page: HostedPage, subject_id: str, rest: str) -> str:
        path = f"/hosted/{page}/{quote(subject_id, safe='')}{rest}"
        return f"{self._public_url}{path}?signature={self.signature(page, subject_id)}"
