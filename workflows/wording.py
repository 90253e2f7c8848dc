"""How instants, names and foreign words look on an operator's page.

Owns their form. Does not own what the page says (`workflows.description`).
"""

from datetime import datetime
from typing import Final

from billing.subscription import Terms

_SUMMARY_BYTES: Final = 360
"""Temporal allows 400, the wrapping of the value included."""
_QUOTED_CHARACTERS: Final = 600


def instant(at: datetime) -> str:
    """`2026-02-17 09:30:00Z`."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def sold(terms: Terms) -> str:
    """`Team, quantity 5: USD 80.00 every month`; of a purchase, what all of it costs."""
    if terms.interval is None:
        return f"{terms.product_name}: {terms.period_amount} once"
    return (
        f"{terms.product_name}, quantity {terms.quantity}: {terms.period_amount} {terms.interval}"
    )


def summary(text: str) -> str:
    """Cut to what Temporal accepts as a summary, whatever the alphabet."""
    encoded = text.encode()
    if len(encoded) <= _SUMMARY_BYTES:
        return text
    return f"{encoded[:_SUMMARY_BYTES].decode(errors='ignore')}…"


def quoted(foreign: str) -> str:
    """Somebody else's words in one bounded line that Markdown leaves as they are."""
    line = " ".join(foreign.replace("`", "'").split())
    if len(line) > _QUOTED_CHARACTERS:
        line = f"{line[:_QUOTED_CHARACTERS]}…"
    return f"`{line}`"


def cell(text: str) -> str:
    """Text that cannot leave its cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())
