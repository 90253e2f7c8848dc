"""What replaces what is no longer sold, and who is moved to it (policy P33).

Owns which price of a product follows which of another, the refusal that names it, and the
migrations that a catalog asks for. Does not own who is moved (`billing.migrating`) nor starting it
(`activities.retirement`).
"""

from collections.abc import Mapping, Sequence

from billing.catalog import Catalog, replacement_path
from billing.catalog_change import Refusal
from billing.errors import InvalidInput
from billing.ids import derived_id
from billing.migration import MigrationPlan, MigrationRule, PriceVersion
from billing.price import Price
from billing.value import Value


class Retirement(Value):
    """A price whose subscriptions are to be moved to what is sold instead."""

    price_id: str
    target: PriceVersion
    rule: MigrationRule

    @property
    def migration_id(self) -> str:
        """One migration for one date: whoever asks again finds it, whatever else has changed."""
        date = self.rule.migrates_at.isoformat()
        return derived_id("mig", "retirement", self.price_id, self.target.price_id, date)

    def plan(self, sources: Sequence[PriceVersion]) -> MigrationPlan:
        """The migration of these versions of the price."""
        return MigrationPlan(
            migration_id=self.migration_id,
            sources=tuple(sources),
            target=self.target,
            migrates_at=self.rule.migrates_at,
            notice_days=self.rule.notice_days,
            canary=self.rule.canary,
            per_minute=self.rule.per_minute,
        )


def retirements(catalog: Catalog) -> tuple[Retirement, ...]:
    """What the catalog asks for, in the order of the prices' ids."""
    versions = {price.id: price.version for price in catalog.prices}
    return tuple(
        Retirement(price_id=price_id, target=_target(price_id, catalog, versions), rule=rule)
        for price_id, rule in sorted(catalog.migrations.items())
    )


def _target(price_id: str, catalog: Catalog, versions: Mapping[str, int]) -> PriceVersion:
    """The end of the path: nobody is moved to what is not sold either."""
    last = replacement_path(price_id, catalog.replacements)[-1]
    return PriceVersion(price_id=last, version=versions[last])


def counterpart(price: Price, among: Sequence[Price]) -> Price | str:
    """Of another product's prices the one that replaces it, or why none does."""
    alike = [
        other
        for other in among
        if (other.interval, other.billing) == (price.interval, price.billing)
        and set(price.currencies) <= set(other.currencies)
    ]
    if len(alike) == 1:
        return alike[0]
    recurs = "is charged once" if price.interval is None else f"recurs {price.interval}"
    if price.is_in_arrears:
        recurs += " in arrears"
    what = f"price in {', '.join(price.currencies)} that {recurs}"
    if not alike:
        return f"it has no {what} to replace {price.id!r}; write `replaced_by:` at that price"
    named = ", ".join(other.id for other in alike)
    return (
        f"it has more than one {what} ({named}); say with `replaced_by:` at {price.id!r} which one"
        " replaces it"
    )


def migration_under_way(retirement: Retirement, migration_id: str) -> Refusal:
    """Nobody is told of two prices."""
    return Refusal(
        code="migration_under_way",
        kind="price",
        id=retirement.price_id,
        message=f"those who have {retirement.price_id} are being moved by {migration_id}: let it"
        " finish or roll it back, or leave `migration:` as it was",
    )


def no_longer_sold(price_id: str, replacements: Mapping[str, str]) -> InvalidInput:
    """The refusal of a price that cannot be bought; where something replaces it, it says what.

    Codes: `price_retired` with `replaced_by`, else `price_not_found`.
    """
    instead = replacement_path(price_id, replacements)[-1]
    if instead == price_id:
        return InvalidInput("price_not_found", f"no price {price_id} is on sale")
    return InvalidInput(
        "price_retired",
        f"{price_id} is no longer sold: {instead} replaces it",
        price=price_id,
        replaced_by=instead,
    )
