"""The types of which requests are made.

Owns the bounds of every kind of field, once: what passes here can be stored and computed with. Does
not own the resources' shapes nor the rules of billing.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from adapters.locale_format import canonical_tag
from billing.currency import MINOR_DIGITS
from billing.errors import InvalidInput
from billing.net_terms import LONGEST_TERMS
from billing.price import MAX_QUANTITY
from billing.pricing import LARGEST_CHARGE_MINOR

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9000

_RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


_ADDRESS: Final = re.compile(r"[!#-;=?-\[\]_a-z{-~]+")
"""Printable ASCII without what no address holds unencoded: quotes, angle brackets, backslashes."""

_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f.]*:[0-9a-f:.]*")


class Body(BaseModel):
    """A request's body: unknown fields are refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def example(value: JsonDict) -> ConfigDict:
    """Shows a body in the OpenAPI document as callers may write it."""
    return ConfigDict(json_schema_extra={"examples": [value]})


def _instant(value: object) -> datetime:
    """RFC 3339 with an offset, as text; a number or a date alone would have to be guessed."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "write a timestamp as text")
    if not _RFC3339.fullmatch(value):
        raise PydanticCustomError(
            "timestamp_malformed",
            "write a timestamp as RFC 3339 with its offset, for instance 2026-01-17T09:30:00Z",
        )
    try:
        instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("timestamp_malformed", "there is no such date or time") from None
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise PydanticCustomError(
            "date_out_of_range", f"the years from {FIRST_YEAR} to {LAST_YEAR} are supported"
        )
    return instant


def _web_address(value: str) -> str:
    """Browsers and `urlsplit` must agree on where it leads: no credentials, no backslash."""
    try:
        parts = urlsplit(value)
        is_web = parts.scheme in {"http", "https"} and _HOST.fullmatch(parts.hostname or "")
        _ = parts.port
    except ValueError:
        is_web = None
    if not is_web or "@" in parts.netloc or not _ADDRESS.fullmatch(value):
        raise PydanticCustomError("url_malformed", "write an absolute http or https address")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise PydanticCustomError("wrong_format", "text must consist of printable characters")
    return value


def _currency(value: str) -> str:
    if value not in MINOR_DIGITS:
        raise PydanticCustomError(
            "unknown_currency", "write an upper-case ISO 4217 code of a supported currency"
        )
    return value


def _locale(value: str) -> str:
    try:
        return canonical_tag(value)
    except InvalidInput as unknown:
        raise PydanticCustomError("unknown_locale", unknown.message) from None


Timestamp = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 with an offset, in the years 1970 to 9000",
        }
    ),
]
Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
QuantityChange = Annotated[int, Field(strict=True, ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
NetDays = Annotated[int, Field(strict=True, ge=1, le=LONGEST_TERMS)]
AmountMinor = Annotated[int, Field(strict=True, ge=1, le=LARGEST_CHARGE_MINOR)]
Seconds = Annotated[int, Field(strict=True, ge=1, le=100 * 366 * 86_400)]
Flag = Annotated[bool, Field(strict=True)]
Email = Annotated[
    str,
    StringConstraints(
        min_length=3,
        max_length=254,
        pattern=r"^[^\s@<>()\[\],;:\"\\\x00-\x20\x7f]{1,64}@[^\s@<>()\[\],;:\"\\\x00-\x20\x7f]{1,189}$",
    ),
    AfterValidator(_printable),
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_printable),
]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
WebAddress = Annotated[
    str, StringConstraints(min_length=8, max_length=2_000), AfterValidator(_web_address)
]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")],
        Annotated[str, StringConstraints(max_length=500)],
    ],
    Field(max_length=50),
]
LocaleTag = Annotated[str, StringConstraints(max_length=20), AfterValidator(_locale)]
Currency = Annotated[
    str, AfterValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
]
PriceCurrency = Annotated[
    Currency | None,
    Field(
        description="One that the price is sold in, for life; null: the price's first, of an add-on"
        " that of the subscription it belongs to"
    ),
]

CustomerId = Annotated[str, StringConstraints(pattern=r"^cus_[A-Za-z0-9]{1,64}$")]
SubscriptionId = Annotated[str, StringConstraints(pattern=r"^sub_[A-Za-z0-9]{1,64}$")]
PurchaseId = Annotated[str, StringConstraints(pattern=r"^pur_[A-Za-z0-9]{1,64}$")]
CheckoutSessionId = Annotated[str, StringConstraints(pattern=r"^cs_[A-Za-z0-9]{1,64}$")]
InvoiceId = Annotated[str, StringConstraints(pattern=r"^in_[A-Za-z0-9]{1,64}$")]
ChangeId = Annotated[str, StringConstraints(pattern=r"^chg_[A-Za-z0-9]{1,64}$")]
QuoteToken = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
CreditNoteId = Annotated[str, StringConstraints(pattern=r"^cn_[A-Za-z0-9]{1,64}$")]
RefundId = Annotated[str, StringConstraints(pattern=r"^re_[A-Za-z0-9]{1,64}$")]
DisputeId = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}_[A-Za-z0-9_]{1,100}$")]
MigrationId = Annotated[str, StringConstraints(pattern=r"^mig_[A-Za-z0-9]{1,64}$")]
TestClockId = Annotated[str, StringConstraints(pattern=r"^clock_[A-Za-z0-9]{1,64}$")]
PaymentMethodId = Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,100}$")]
PriceId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]
ProductId = PriceId
FeatureId = PriceId
InvoiceItemId = Annotated[str, StringConstraints(pattern=r"^ii_[A-Za-z0-9]{1,64}$")]
GrantId = Annotated[str, StringConstraints(pattern=r"^grant_[A-Za-z0-9]{1,64}$")]
CatalogFileName = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$", max_length=200
    ),
]
"""Relative, without dots in front: it never leads out of a folder."""
