"""A letter as an e-mail: headers, addresses and encoding.

Owns the MIME message. A message's key becomes its Message-ID, so that mail systems can drop a
repeated delivery. Does not own wording or transport.
"""

from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from textwrap import fill
from typing import Final

from adapters.mail.wording import letter, one_line
from billing.errors import InvalidInput
from billing.ids import derived_id
from billing.message import Message
from billing.ports.customers import CustomerRecord

_LONGEST_ADDRESS: Final = 254
_LINE: Final = 72


def sealed(message: Message, *, to: CustomerRecord, sender: str, sent_at: datetime) -> EmailMessage:
    """The e-mail. Raises `InvalidInput` (`mail_address_invalid`) where nobody can be reached."""
    text = letter(message, to=to)
    from_address = _address(sender)
    mail = EmailMessage(policy=SMTPUTF8)
    mail["From"] = from_address
    mail["To"] = _address(to.email, name=one_line(to.name or ""))
    mail["Subject"] = text.subject
    mail["Date"] = sent_at
    mail["Message-ID"] = f"<{message_id(message)}@{from_address.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_wrapped(text.body))
    return mail


def _wrapped(body: str) -> str:
    """Lines that every mail program shows as they are; links stay whole."""
    return "\n".join(
        fill(line, _LINE, break_long_words=False, break_on_hyphens=False)
        for line in body.splitlines()
    )


def message_id(message: Message) -> str:
    """The same for the same key, and fit for a file's name."""
    return derived_id("msg", message.key)


def _address(email: str, *, name: str = "") -> Address:
    if email.isprintable() and " " not in email and len(email) <= _LONGEST_ADDRESS:
        try:
            address = Address(display_name=name, addr_spec=email)
        except (MessageError, ValueError, IndexError):
            address = Address()
        if address.username and address.domain:
            return address
    raise InvalidInput("mail_address_invalid", "the address cannot receive mail")
