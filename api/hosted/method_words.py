"""A saved payment method, in a customer's words.

Owns the names of card brands. Shows what may be shown: never more than the last four digits.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from adapters.db.queries.customers import SavedPaymentMethod

_BRANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amex": "American Express",
        "diners": "Diners Club",
        "eftpos_au": "eftpos",
        "jcb": "JCB",
        "link": "Link",
        "mastercard": "Mastercard",
        "unionpay": "UnionPay",
        "unknown": "Card",
    }
)
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {"card": "Card", "sepa_debit": "Bank account", "us_bank_account": "Bank account"}
)


def named(method: SavedPaymentMethod | None) -> str:
    """`Visa ending in 4242`; a method whose details are not known yet is just that."""
    if method is None:
        return "Saved payment method"
    if method.brand is not None:
        name = _BRANDS.get(method.brand, method.brand.replace("_", " ").title())
    else:
        name = _KINDS.get(method.type, "Payment method")
    return name if method.last4 is None else f"{name} ending in {method.last4}"


def expiry(method: SavedPaymentMethod | None, now: datetime) -> str | None:
    """`expires 12/2034`; None for what does not expire. A card is good to its month's end."""
    if method is None or method.exp_month is None or method.exp_year is None:
        return None
    is_over = (method.exp_year, method.exp_month) < (now.year, now.month)
    return f"{'expired' if is_over else 'expires'} {method.exp_month:02}/{method.exp_year}"
