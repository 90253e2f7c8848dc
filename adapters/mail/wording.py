"""What each message to a customer says.

Owns the subject and the text, in plain English, from the templates beside this module. Does not own
how amounts, days and declines are written (`adapters.locale_format`, `adapters.plain_english`) nor
which facts a message carries (`billing.messages`).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from adapters.locale_format import LocaleFormat
from adapters.plain_english import why_declined
from billing.message import Message
from billing.ports.customers import CustomerRecord

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    lstrip_blocks=True,
)
_EMPTY_LINES: Final = re.compile(r"\n[ \n]*\n")
_SUBJECT: Final = "Subject: "


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
        "decline_text": why_declined(message.reason),
        "in_arrears": message.in_arrears,
        "on_terms": to.net_days is not None,
        **_optional_facts(message, LocaleFormat(to.locale)),
    }
    text = _TEMPLATES.get_template(f"{message.kind}.txt").render(facts)
    head, _, body = text.partition("\n")
    return Letter(subject=head.removeprefix(_SUBJECT).strip(), body=_spaced(body))


def one_line(text: str) -> str:
    """Printable characters only, with single spaces: fit for a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _greeting(name: str | None) -> str:
    shown = one_line(name or "")
    return f"Hello {shown}," if shown else "Hello,"


def _spaced(body: str) -> str:
    """One empty line between paragraphs, however many the template's conditions left."""
    return _EMPTY_LINES.sub("\n\n", body).strip("\n") + "\n"


def _optional_facts(message: Message, written: LocaleFormat) -> dict[str, str]:
    """Only what the message has: a text that needs more fails instead of saying "None"."""
    facts: dict[str, str] = {}
    if message.amount is not None:
        facts["amount"] = written.money(message.amount)
        if message.amount.amount_minor == 0:
            facts["is_free"] = "yes"
    if message.amount_before is not None:
        facts["amount_before"] = written.money(message.amount_before)
    if message.effective_at is not None:
        facts["effective_on"] = written.day(message.effective_at)
        facts["effective_at"] = written.moment(message.effective_at)
    if message.url is not None:
        facts["url"] = message.url
    if message.reason is not None:
        facts["reason"] = message.reason
    return facts
