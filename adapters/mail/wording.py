"""What each message to a customer says.

Owns the subject and the text, in plain English, from the templates beside this module. Amounts are
written with their currency and instants in UTC, because a customer's zone is not known. Does not
own which facts a message carries (`billing.messages`).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from billing.currency import minor_digits
from billing.message import Message
from billing.money import Money
from billing.ports.storage import CustomerRecord

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    lstrip_blocks=True,
)
_EMPTY_LINES: Final = re.compile(r"\n[ \n]*\n")
_SUBJECT: Final = "Subject: "
_SYMBOLS: Final = MappingProxyType({"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"})
"""Symbols that mean one currency only in English; others are named by their code."""

_DECLINES: Final = MappingProxyType(
    {
        "expired_card": "the card has expired",
        "incorrect_cvc": "the card's security code was not accepted",
        "insufficient_funds": "there were not sufficient funds",
        "no_payment_method": "there is no payment method",
        "authentication_required": "the bank wants you to confirm it",
    }
)
"""Other reasons are not told: some, such as a stolen card, are not for us to tell."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One line of subject, and the text."""

    subject: str
    body: str


def letter(message: Message, *, to: CustomerRecord) -> Letter:
    """The wording of a message. Names are put on one line: they come from people."""
    facts = {
        "greeting": _greeting(to.name),
        "product": one_line(message.product_name),
        "is_past": message.effective_at is None or message.effective_at <= message.at,
        "decline_text": _DECLINES.get(message.reason or "", "your bank declined it"),
        **_optional_facts(message),
    }
    text = _TEMPLATES.get_template(f"{message.kind}.txt").render(facts)
    head, _, body = text.partition("\n")
    return Letter(subject=head.removeprefix(_SUBJECT).strip(), body=_spaced(body))


def formatted(amount: Money) -> str:
    """`$1,234.50`, or `CHF 1,234.50` where a symbol would be ambiguous; never rounded."""
    digits = minor_digits(amount.currency)
    number = f"{Decimal(abs(amount.amount_minor)).scaleb(-digits):,.{digits}f}"
    sign = "-" if amount.amount_minor < 0 else ""
    return f"{sign}{_SYMBOLS.get(amount.currency, amount.currency + ' ')}{number}"


def one_line(text: str) -> str:
    """Printable characters only, with single spaces: fit for a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _greeting(name: str | None) -> str:
    shown = one_line(name or "")
    return f"Hello {shown}," if shown else "Hello,"


def _day(instant: datetime) -> str:
    return f"{instant.day} {instant:%B} {instant.year}"


def _moment(instant: datetime) -> str:
    return f"{_day(instant)} at {instant:%H:%M} UTC"


def _spaced(body: str) -> str:
    """One empty line between paragraphs, however many the template's conditions left."""
    return _EMPTY_LINES.sub("\n\n", body).strip("\n") + "\n"


def _optional_facts(message: Message) -> dict[str, str]:
    """Only what the message has: a text that needs more fails instead of saying "None"."""
    facts: dict[str, str] = {}
    if message.amount is not None:
        facts["amount"] = formatted(message.amount)
    if message.effective_at is not None:
        facts["effective_on"] = _day(message.effective_at)
        facts["effective_at"] = _moment(message.effective_at)
    if message.url is not None:
        facts["url"] = message.url
    if message.reason is not None:
        facts["reason"] = message.reason
    return facts
