"""Telling what is sold beside a subscription that it ends, or goes on after all.

Owns the effect. Does not own when (`billing.agenda`) nor what the add-on does about it
(`billing.addon`).
"""

from temporalio import activity

from billing.ids import effect_key
from billing.parent import ParentEnd
from billing.ports.addons import AddonNews
from billing.value import Value


class TellAddons(Value):
    """Tell these add-ons of `parent_id`, as of its revision."""

    parent_id: str
    subscription_ids: tuple[str, ...]
    end: ParentEnd | None
    revision: int


class ToldAddons(Value):
    """Which of them are over already."""

    gone: tuple[str, ...]


class Addons:
    """Activities of a parent. What is told twice changes nothing."""

    def __init__(self, *, news: AddonNews) -> None:
        self._news = news

    @activity.defn
    async def tell_addons(self, request: TellAddons) -> ToldAddons:
        """One after the other: a customer has few."""
        gone = [
            each
            for each in request.subscription_ids
            if not await self._news.parent_news(each, request.end, fact=_fact(request))
        ]
        return ToldAddons(gone=tuple(gone))


def _fact(request: TellAddons) -> str:
    """A run before a reset may have had the same revision, and have told something else."""
    at = "never" if request.end is None else f"{request.end.at:%Y%m%dT%H%M%S%f}"
    return effect_key("parent_end", request.parent_id, at, request.revision)
