"""The result of one comparison."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was compared, whether it is as it must be, and what was found."""

    subject: str
    is_well: bool
    detail: str
