"""The base of every value that crosses a boundary: frozen, compared by content, serialisable.

Owns nothing but that contract. Values carry no behaviour that needs a clock or I/O.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

__all__ = ["Instant", "Value"]


class Value(BaseModel):
    """Immutable and hashable where its fields are. Unknown fields are ignored on reading.

    They are ignored because a value written by a newer version of the code must still be readable
    by the older one during a deployment.
    """

    model_config = ConfigDict(frozen=True)


def _as_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_as_utc)]
"""An aware moment in time, always held in UTC (policy P7)."""
