"""Telling add-ons what their parent comes to.

Owns the port. Does not own what they do about it (`billing.addon`).
"""

from typing import Protocol

from billing.parent import ParentEnd


class AddonNews(Protocol):
    """Tells add-ons, each time as often as needed: it changes something once."""

    async def parent_news(self, subscription_id: str, end: ParentEnd | None, *, fact: str) -> bool:
        """Whether it was told; False where nobody looks after it any more.

        `fact` is what is told: the same one arrives once. Raises where nobody can be told at all:
        then it is tried again.
        """
        ...
