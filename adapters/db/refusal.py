"""Which of the database's refusals are the caller's mistake, or a defect of ours.

Owns what they mean. Does not own which are outages (`api.outage`).
"""

from types import MappingProxyType
from typing import Final

from pydantic_core import PydanticSerializationError

from billing.errors import BooksBroken, InvalidInput, PerennialError

_UNSTORABLE_TEXT: Final = frozenset({"22021", "22P05"})
_OUT_OF_RANGE: Final = frozenset({"22003", "22008"})
_BROKEN: Final = MappingProxyType(
    {
        "customer_balances_balance_minor_check": "balance_negative",
        "line_credits_fit_check": "credit_exceeds_debit",
        "invoices_add_up_check": "invoice_does_not_add_up",
        "credit_notes_add_up_check": "credit_note_does_not_add_up",
        "invoices_received_check": "received_does_not_add_up",
    }
)
"""What no code of ours may try; each of the database's guards with the code of its refusal."""


def refusal_of(error: BaseException) -> PerennialError | None:
    """What the database's error means, where it is no failure of the database; else None.

    `InvalidInput` for text and numbers that PostgreSQL cannot hold: whatever got past a caller's
    validation (NUL, lone surrogates, integers beyond 64 bits) can never succeed. `BooksBroken` for
    what a guard of the books refuses.
    """
    refusal: BaseException | None = error
    while refusal is not None:
        state = getattr(refusal, "sqlstate", None)
        if state in _UNSTORABLE_TEXT or _is_unencodable(refusal):
            return InvalidInput(
                "unstorable_text", "text must not contain NUL or unpaired surrogates"
            )
        if state in _OUT_OF_RANGE or isinstance(refusal, OverflowError):
            return InvalidInput("value_out_of_range", "a number or date is too large")
        broken = _BROKEN.get(getattr(refusal, "constraint_name", None) or "")
        if broken is not None:
            return BooksBroken(broken, str(refusal))
        refusal = refusal.__cause__
    return None


def _is_unencodable(refusal: BaseException) -> bool:
    if isinstance(refusal, PydanticSerializationError):
        return "UnicodeEncodeError" in str(refusal)
    return isinstance(refusal, UnicodeEncodeError)
