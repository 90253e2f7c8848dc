import smtplib
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from adapters.mail.smtp import Encryption, SmtpPost, SmtpServer
from billing.errors import InvalidInput
from tests.adapters.mail.letters import ADA, AT, message
from tests.adapters.mail.smtp_server import PASSWORD, USER, listening, trusting


def _post(url: str) -> SmtpPost:
    server = SmtpServer.from_url(SecretStr(url))
    return SmtpPost(server, sender="billing@example.org", tls=trusting(), clock=lambda: AT)


def _login(password: str = PASSWORD) -> str:
    return f"{USER}:{quote(password, safe='')}@"


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_mail_is_handed_in_encrypted_and_logged_in(scheme: str) -> None:
    async with listening(is_encrypted=scheme == "smtps") as mailbox:
        await _post(f"{scheme}://{_login()}localhost:{mailbox.port}").deliver(message(), to=ADA)
    assert mailbox.logins == [(USER, PASSWORD)]
    assert mailbox.encrypted == [True]
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Your trial of Team ends on January 31, 2026"
    assert mail["Date"].datetime == AT
    assert "$80.00" in mail.get_content()


async def test_a_relay_on_a_trusted_network_takes_mail_in_the_clear() -> None:
    async with listening() as mailbox:
        await _post(f"smtp+plain://127.0.0.1:{mailbox.port}").deliver(message(), to=ADA)
    assert (mailbox.encrypted, mailbox.logins) == ([False], [])


async def test_a_server_without_starttls_gets_no_mail() -> None:
    async with listening({"STARTTLS": b"454 not now"}) as mailbox:
        with pytest.raises(smtplib.SMTPException):
            await _post(f"smtp://{_login()}localhost:{mailbox.port}").deliver(message(), to=ADA)
    assert (mailbox.mails, mailbox.logins) == ([], [])


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    async with listening() as mailbox:
        server = SmtpServer.from_url(SecretStr(f"smtp://localhost:{mailbox.port}"))
        post = SmtpPost(server, sender="billing@example.org")
        with pytest.raises(ssl.SSLCertVerificationError):
            await post.deliver(message(), to=ADA)
    assert mailbox.mails == []


@pytest.mark.parametrize(
    "answers",
    [
        {"RCPT": b"550 no such person"},
        {"MAIL": b"550 not you"},
        {"DATA": b"554 no"},
    ],
    ids=lambda answers: next(iter(answers)),
)
async def test_a_definite_no_is_not_tried_again(answers: Mapping[str, bytes]) -> None:
    async with listening(answers) as mailbox:
        with pytest.raises(InvalidInput) as refused:
            await _post(f"smtp+plain://127.0.0.1:{mailbox.port}").deliver(message(), to=ADA)
    assert refused.value.code == "mail_refused"
    assert "ada@example.com" not in repr(refused.value)


@pytest.mark.parametrize("answers", [{"RCPT": b"450 later"}, {"DATA": b"451 later"}])
async def test_a_no_for_now_is_an_outage(answers: Mapping[str, bytes]) -> None:
    async with listening(answers) as mailbox:
        with pytest.raises(OSError, match="later"):
            await _post(f"smtp+plain://127.0.0.1:{mailbox.port}").deliver(message(), to=ADA)


async def test_a_wrong_password_is_an_outage_until_it_is_corrected() -> None:
    async with listening() as mailbox:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            await _post(f"smtp://{_login('wrong')}localhost:{mailbox.port}").deliver(
                message(), to=ADA
            )
    assert mailbox.mails == []


async def test_nobody_listening_is_an_outage() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            await _post(f"smtp://127.0.0.1:{port}").deliver(message(), to=ADA)


@pytest.mark.parametrize(
    ("url", "port", "encryption"),
    [
        ("smtp://mail.example.com", 587, Encryption.STARTTLS),
        ("smtps://mail.example.com", 465, Encryption.TLS),
        ("smtp+plain://mail.example.com", 25, Encryption.NONE),
        ("smtp://mail.example.com:2525", 2525, Encryption.STARTTLS),
    ],
)
def test_the_scheme_names_encryption_and_port(url: str, port: int, encryption: Encryption) -> None:
    server = SmtpServer.from_url(SecretStr(url))
    assert (server.host, server.port, server.encryption) == ("mail.example.com", port, encryption)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://hidden@mail.example.com",
        "smtp+plain://ada:hidden@mail.example.com",
        "smtp://ada:hidden@mail.example.com:99999",
        "smtp://ada:hidden@mail.example.com:port",
    ],
)
def test_a_url_that_cannot_work_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        SmtpServer.from_url(SecretStr(url))
    assert refused.value.code == "smtp_url_invalid"
    assert "hidden" not in refused.value.message
