"""A small SMTP server for the tests: real sockets, STARTTLS, TLS and logins, in one process.

Owns what a submission server says, and what a test orders it to say instead. Its certificate
(`loopback.pem`) names this machine only and is nobody's secret.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("loopback.pem")
USER, PASSWORD = "ada", "p@ss word"


@dataclass(slots=True)
class Mailbox:
    """What arrived, and what the server answers out of the ordinary, by command."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    answers: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Session:
    mailbox: Mailbox
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    tls: ssl.SSLContext
    is_encrypted: bool

    async def serve(self) -> None:
        await self._say(b"220 localhost ready")
        while line := await self.reader.readline():
            command, _, argument = line.decode().strip().partition(" ")
            if command.upper() == "QUIT":
                await self._say(b"221 bye")
                return
            await self._obey(command.upper(), argument)

    async def _obey(self, command: str, argument: str) -> None:
        ordered = self.mailbox.answers.get(command)
        if ordered is not None:
            await self._say(ordered)
            return
        match command:
            case "EHLO":
                offer = b"250-AUTH PLAIN" if self.is_encrypted else b"250-STARTTLS"
                await self._say(b"250-localhost\r\n" + offer + b"\r\n250 SMTPUTF8")
            case "STARTTLS":
                await self._say(b"220 go on")
                await self.writer.start_tls(self.tls)
                self.is_encrypted = True
            case "AUTH":
                _, user, password = base64.b64decode(argument.split()[1]).decode().split("\0")
                self.mailbox.logins.append((user, password))
                is_known = (user, password) == (USER, PASSWORD)
                await self._say(b"235 welcome" if is_known else b"535 who are you")
            case "DATA":
                await self._receive()
            case _:
                await self._say(b"250 ok")

    async def _receive(self) -> None:
        await self._say(b"354 go on")
        raw = (await self.reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
        self.mailbox.mails.append(message_from_bytes(raw, policy=policy.default))
        self.mailbox.encrypted.append(self.is_encrypted)
        await self._say(b"250 accepted")

    async def _say(self, answer: bytes) -> None:
        self.writer.write(answer + b"\r\n")
        await self.writer.drain()


@asynccontextmanager
async def listening(
    answers: Mapping[str, bytes] | None = None, *, is_encrypted: bool = False
) -> AsyncIterator[Mailbox]:
    """A server on a free port; `is_encrypted` speaks TLS from the first byte."""
    mailbox = Mailbox(answers=answers or {})
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATE)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Session(mailbox, reader, writer, tls, is_encrypted).serve()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls if is_encrypted else None)
    async with server:
        mailbox.port = server.sockets[0].getsockname()[1]
        yield mailbox


def trusting() -> ssl.SSLContext:
    """A client's context that believes this server, and checks it."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))
