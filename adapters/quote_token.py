"""Quotes as the text that callers carry: signed, so that nobody names a price of their own.

Owns the token's form, `{quote}.{signature}`. Does not own what a quote says nor how long it holds
(`billing.quote`).
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from typing import Final

from pydantic import ValidationError

from adapters.settings import Settings
from billing.errors import InvalidInput
from billing.quote import Quote

_PURPOSE: Final = b"perennial quote 1"
_SIGNATURE_DIGITS: Final = 32


class QuoteTokens:
    """Writes and reads tokens with one secret; every process with the same settings the same."""

    def __init__(self, *, secret: str) -> None:
        self._key = _key_from(secret)

    @classmethod
    def of(cls, settings: Settings) -> "QuoteTokens":
        """With the secret that signs the hosted links, for a purpose of its own."""
        return cls(secret=settings.link_secret.get_secret_value())

    def write(self, quote: Quote) -> str:
        """Letters, digits, `-`, `_` and one dot: safe in an address."""
        said = urlsafe_b64encode(quote.model_dump_json().encode()).rstrip(b"=").decode()
        return f"{said}.{self._signature(said)}"

    def read(self, token: str) -> Quote:
        """The quote. Raises `InvalidInput` (`quote_invalid`) for what is not ours, to the letter.

        The text is signed and not what it decodes to: base64 has several spellings of some bytes.
        """
        said, _, signature = token.partition(".")
        expected = self._signature(said).encode()
        if not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
            raise _invalid()
        try:
            return Quote.model_validate_json(urlsafe_b64decode(said + "=" * (-len(said) % 4)))
        except ValidationError as error:  # of another version of ours
            raise _invalid() from error

    def _signature(self, said: str) -> str:
        """128 bits in hexadecimal digits that only holders of the secret can make."""
        text = said.encode("utf-8", "replace")
        return hmac.digest(self._key, text, "sha256").hex()[:_SIGNATURE_DIGITS]


@cache
def _key_from(secret: str) -> bytes:
    """Of a process's one secret: it is asked for at every preview."""
    return hmac.digest(secret.encode(), _PURPOSE, "sha256")


def _invalid() -> InvalidInput:
    return InvalidInput("quote_invalid", "this is no quote of ours: preview the change again")
