"""Messages by SMTP: submission to the company's mail server.

Owns the connection, its encryption and what the server's refusals mean. A server that is out of
reach, or that says "later", is an `OSError`; a definite no is an `InvalidInput`, because sending
the same message again cannot help.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from enum import StrEnum
from typing import Final, assert_never
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from adapters.mail.envelope import sealed
from billing.errors import InvalidInput
from billing.message import Message
from billing.ports.customers import CustomerRecord

TIMEOUT_SECONDS: Final = 30.0
_PERMANENT: Final = 500


class Encryption(StrEnum):
    """How the connection is protected, by the scheme of the URL."""

    STARTTLS = "smtp"
    TLS = "smtps"
    NONE = "smtp+plain"
    """For a relay on a trusted network; never with a password."""


_PORTS: Final = {Encryption.STARTTLS: 587, Encryption.TLS: 465, Encryption.NONE: 25}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in."""

    host: str
    port: int
    encryption: Encryption
    user: str | None = None
    password: SecretStr | None = None

    @classmethod
    def from_url(cls, url: SecretStr) -> "SmtpServer":
        """`smtp://user:password@host:587` (STARTTLS), `smtps://…` (TLS) or `smtp+plain://host`.

        Raises `InvalidInput` (`smtp_url_invalid`), which never quotes the URL.
        """
        try:
            parts = urlsplit(url.get_secret_value())
            encryption = Encryption(parts.scheme)
            port = parts.port or _PORTS[encryption]
        except ValueError:
            raise _invalid_url("a scheme of smtp, smtps or smtp+plain, and a port") from None
        if not parts.hostname:
            raise _invalid_url("a host")
        if (parts.username is None) != (parts.password is None):
            raise _invalid_url("both a user and a password, or neither")
        if parts.username is not None and encryption is Encryption.NONE:
            raise _invalid_url("encryption where it has a password")
        return cls(
            host=parts.hostname,
            port=port,
            encryption=encryption,
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else SecretStr(unquote(parts.password)),
        )


class SmtpPost:
    """`Post` by SMTP, one connection per message, in a thread of its own."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        sender: str,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._server = server
        self._sender = sender
        self._tls = tls or ssl.create_default_context()
        self._clock = clock or (lambda: datetime.now(UTC))

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        """Raises `OSError` for an outage, `InvalidInput` (`mail_refused`) for a definite no."""
        mail = sealed(message, to=to, sender=self._sender, sent_at=self._clock())
        await asyncio.to_thread(self._submit, mail)

    def _submit(self, mail: EmailMessage) -> None:
        with self._connected() as connection:
            if self._server.user is not None and self._server.password is not None:
                connection.login(self._server.user, self._server.password.get_secret_value())
            try:
                connection.send_message(mail)
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as refused:
                if _is_final(refused):
                    raise InvalidInput("mail_refused", "the mail server refused it") from None
                raise
            except smtplib.SMTPNotSupportedError:
                raise InvalidInput(
                    "mail_refused", "the mail server cannot write to that address"
                ) from None

    def _connected(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        match self._server.encryption:
            case Encryption.TLS:
                return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=self._tls)
            case Encryption.STARTTLS:
                connection = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
                try:
                    connection.starttls(context=self._tls)
                except BaseException:
                    connection.close()
                    raise
                return connection
            case Encryption.NONE:
                return smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
            case _:
                assert_never(self._server.encryption)


def _is_final(refused: smtplib.SMTPRecipientsRefused | smtplib.SMTPResponseException) -> bool:
    if isinstance(refused, smtplib.SMTPRecipientsRefused):
        return all(code >= _PERMANENT for code, _ in refused.recipients.values())
    return refused.smtp_code >= _PERMANENT


def _invalid_url(what: str) -> InvalidInput:
    return InvalidInput("smtp_url_invalid", f"SMTP_URL needs {what}")
