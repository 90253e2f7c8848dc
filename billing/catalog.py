"""What is sold: products with their rules, and everything on sale together.

Owns products and what must hold between the things of a catalog. Does not own prices by themselves
(`billing.price`), nor files or storage (`adapters`).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from billing.discount import Coupon
from billing.dunning import DunningPolicy
from billing.entitlement import Entitlement, feature_complaints
from billing.interval import IntervalUnit
from billing.migration import MigrationRule
from billing.price import CatalogId, Name, Price
from billing.tax import TaxCategory, TaxTable
from billing.value import Value

MOST_REPLACEMENTS: Final = 100
"""How many prices one after the other may be replaced by the next one."""

_NO_TAX = TaxTable()
_NONE: Mapping[str, MigrationRule] = MappingProxyType({})


class WithoutPaymentMethod(StrEnum):
    """What becomes of a trial that ends without a payment method (policy P10)."""

    CANCEL = "cancel"
    PAUSE = "pause"
    """It rests until a method is saved; the first period begins then."""
    INVOICE = "invoice"
    """The first period begins and is owed, as after a decline."""


class Trial(Value):
    """A free first period, once per customer and product family (policy P10)."""

    days: Annotated[int, Field(ge=1, le=730)]
    without_payment_method: WithoutPaymentMethod = WithoutPaymentMethod.CANCEL


class ProrationMode(StrEnum):
    """How the rest of a period is measured when something changes in it (policy P13)."""

    BY_SECOND = "by_second"
    DAY_INCLUSIVE = "day_inclusive"
    """In whole UTC days; the day of the change counts as remaining."""


class AnchorKind(StrEnum):
    """What the boundaries of billing periods follow from (policy P8)."""

    ANNIVERSARY = "anniversary"
    """The instant when the first period began."""
    CALENDAR = "calendar"
    """The first day of the month in which it began, in UTC; what comes before the next boundary is
    charged by its share."""


class PauseMode(StrEnum):
    """What a pause does to the time that was paid for (policy P17)."""

    VOID = "void"
    """Nothing is given back; periods that begin in the pause are not billed."""
    KEEP_ANCHOR = "keep_anchor"
    """The unused time becomes the customer's balance; boundaries stay where they were."""
    EXTEND = "extend"
    """The running period, and every boundary after it, moves by the pause's length."""


class PausePolicy(Value):
    """That a product can be paused, how, and for how long at most."""

    mode: PauseMode
    max_days: Annotated[int, Field(ge=1, le=365)] = 90


class DisputeLost(StrEnum):
    """What becomes of a subscription whose payment the bank took back for good."""

    CANCEL = "cancel"
    KEEP = "keep"


class Product(Value):
    """Something sold, and its rules; products of one `family` replace one another (policy P16).

    The rules hold for what is sold from now on: a running subscription keeps those in its terms.
    """

    id: CatalogId
    name: Name
    family: CatalogId
    trial: Trial | None = None
    proration: ProrationMode = ProrationMode.BY_SECOND
    anchor: AnchorKind = AnchorKind.ANNIVERSARY
    pause: PausePolicy | None = None
    """None where it cannot be paused (policy P17)."""
    shorter_interval: bool = False
    """Whether annual may become monthly, at the period's end (policy P12)."""
    free_fallback: CatalogId | None = None
    """The price that is sold instead when dunning ends with `downgrade_to_free` (policy P18)."""
    dunning: DunningPolicy = DunningPolicy()
    dispute_lost: DisputeLost = DisputeLost.CANCEL
    entitlements: tuple[Entitlement, ...] = ()
    """What a subscription gives its customer while it runs."""
    tax_category: TaxCategory | None = None
    """Which rates of the tax table are for it, where a place has several (policy P4)."""
    addon_to: CatalogId | None = None
    """It is sold beside a subscription of this family alone, on its boundaries, and ends with it.
    """

    @model_validator(mode="after")
    def _keeps_its_anchor(self) -> Self:
        moves = self.pause is not None and self.pause.mode is PauseMode.EXTEND
        if self.anchor is AnchorKind.CALENDAR and moves:
            raise ValueError(
                "a pause that extends moves the boundaries, and a calendar anchor keeps them:"
                " write mode: keep_anchor or void"
            )
        if self.addon_to is not None and (moves or self.anchor is AnchorKind.CALENDAR):
            raise ValueError(
                "an add-on is on its parent's boundaries: leave anchor: calendar and a pause of"
                " mode: extend out"
            )
        if self.addon_to is not None and self.trial is not None:
            raise ValueError("an add-on is charged from its first day: leave trial out")
        return self


class Catalog(Value):
    """Everything on sale; every price belongs to a product and every id is used once."""

    products: tuple[Product, ...]
    prices: tuple[Price, ...]
    replacements: Mapping[CatalogId, CatalogId] = {}
    """Prices that are no longer sold, each with the one that those who have it are moved to."""
    migrations: Mapping[CatalogId, MigrationRule] = {}
    """How those who have a replaced price are moved; those of the others keep it (policy P33)."""
    coupons: tuple[Coupon, ...] = ()
    """What can be redeemed (policy P3)."""
    tax: TaxTable = _NO_TAX
    """What is charged where (policy P4); empty, no tax is."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _refuse_duplicates("product", [product.id for product in self.products])
        _refuse_duplicates("price", [price.id for price in self.prices])
        _refuse_duplicates("coupon", [coupon.id for coupon in self.coupons])
        for complaint in complaints(
            self.products,
            self.prices,
            self.replacements,
            self.migrations,
            coupons=self.coupons,
            tax=self.tax,
        ):
            raise ValueError(f"{complaint.kind} {complaint.id!r}: {complaint.message}")
        return self


class Complaint(Value):
    """What is wrong between the things of a catalog, said of the one that names the other."""

    kind: Literal["product", "price", "coupon"]
    id: str
    key: str
    """What the catalog's file calls the field."""
    message: str


def complaints(
    products: tuple[Product, ...],
    prices: tuple[Price, ...],
    replacements: Mapping[str, str] = MappingProxyType({}),
    migrations: Mapping[str, MigrationRule] = _NONE,
    *,
    coupons: tuple[Coupon, ...] = (),
    tax: TaxTable = _NO_TAX,
) -> Iterator[Complaint]:
    """Everything that a catalog of these would be refused for, beyond each of them alone."""
    families = {product.id: product.family for product in products}
    by_id = {price.id: price for price in prices}
    yield from _coupon_complaints(coupons, families)
    yield from _tax_complaints(products, tax)
    for price in prices:
        if price.product_id not in families:
            yield Complaint(
                kind="price",
                id=price.id,
                key="product",
                message=f"product: {price.product_id!r} is no product of the catalog",
            )
    yield from _anchor_complaints(products, prices)
    yield from _pause_complaints(products, prices)
    yield from _addon_complaints(products)
    yield from _ambiguous_features(products)
    for product in products:
        if product.free_fallback is None:
            continue
        message = _fallback_complaint(product, by_id.get(product.free_fallback), families)
        if message is None and product.free_fallback in replacements:
            message = f"free_fallback: {product.free_fallback!r} is replaced by another"
        if message is not None:
            yield Complaint(kind="product", id=product.id, key="free_fallback", message=message)
    yield from _replacement_complaints(replacements, migrations, by_id, families)


def _ambiguous_features(products: tuple[Product, ...]) -> Iterator[Complaint]:
    given = [(product, each) for product in products for each in product.entitlements]
    for entitlement, message in feature_complaints(each for _, each in given):
        product = next(product for product, each in given if each is entitlement)
        yield Complaint(
            kind="product", id=product.id, key="entitlements", message=f"entitlements: {message}"
        )


def _coupon_complaints(
    coupons: tuple[Coupon, ...], families: Mapping[str, str]
) -> Iterator[Complaint]:
    for coupon in coupons:
        for product_id in coupon.products:
            if product_id not in families:
                message = f"products: {product_id!r} is no product of the catalog"
                yield Complaint(kind="coupon", id=coupon.id, key="products", message=message)


def _tax_complaints(products: tuple[Product, ...], tax: TaxTable) -> Iterator[Complaint]:
    """A misspelt category would be taxed as everything else is."""
    known = {rate.category for rate in tax.rates}
    for product in products:
        if tax.rates and product.tax_category is not None and product.tax_category not in known:
            message = f"tax_category: no tax rate is of the category {product.tax_category!r}"
            yield Complaint(kind="product", id=product.id, key="tax_category", message=message)


def _fallback_complaint(
    product: Product, price: Price | None, families: Mapping[str, str]
) -> str | None:
    if price is None:
        return f"free_fallback: {product.free_fallback!r} is no price of the catalog"
    if price.interval is None:
        return f"free_fallback: {price.id!r} is sold once; name a price that recurs"
    if not all(price.in_currency(each).is_free for each in price.currencies):
        return f"free_fallback: {price.id!r} is not free; name a price of amount 0"
    if families.get(price.product_id) != product.family:
        return f"free_fallback: {price.id!r} is no price of the family {product.family!r}"
    return None


def _anchor_complaints(
    products: tuple[Product, ...], prices: tuple[Price, ...]
) -> Iterator[Complaint]:
    """Intervals that cannot begin on the first day of a month."""
    calendar = {product.id for product in products if product.anchor is AnchorKind.CALENDAR}
    for price in prices:
        if price.interval is None or price.product_id not in calendar:
            continue
        if price.interval.unit not in {IntervalUnit.MONTH, IntervalUnit.YEAR}:
            yield Complaint(
                kind="price",
                id=price.id,
                key="interval",
                message="interval: a product with a calendar anchor is sold by months or years,"
                f" not {price.interval}",
            )


def _pause_complaints(
    products: tuple[Product, ...], prices: tuple[Price, ...]
) -> Iterator[Complaint]:
    """A `void` pause keeps what was paid; of what is not paid yet, it says nothing."""
    void = {
        product.id
        for product in products
        if product.pause is not None and product.pause.mode is PauseMode.VOID
    }
    for price in prices:
        if price.is_in_arrears and price.product_id in void:
            yield Complaint(
                kind="price",
                id=price.id,
                key="billing",
                message="billing: a pause of mode: void gives nothing back of what was paid, and"
                " in arrears nothing was; write mode: keep_anchor or extend",
            )


def _addon_complaints(products: tuple[Product, ...]) -> Iterator[Complaint]:
    """Who has what an add-on belongs to must be able to have it without another add-on."""
    alone = {product.family for product in products if product.addon_to is None}
    for product in products:
        message = None
        if product.addon_to is not None and product.addon_to not in alone:
            message = f"no product of the family {product.addon_to!r} is sold by itself"
        elif product.addon_to is not None and product.family in alone:
            message = f"others of the family {product.family!r} are no add-ons; choose another one"
        if message is not None:
            yield Complaint(
                kind="product", id=product.id, key="addon_to", message=f"addon_to: {message}"
            )


def _replacement_complaints(
    replacements: Mapping[str, str],
    migrations: Mapping[str, MigrationRule],
    prices: Mapping[str, Price],
    families: Mapping[str, str],
) -> Iterator[Complaint]:
    for price_id in replacements:
        message = _replacement_complaint(price_id, replacements, prices, families)
        if message is not None:
            yield Complaint(
                kind="price", id=price_id, key="replaced_by", message=f"replaced_by: {message}"
            )
    for price_id in migrations:
        message = _migration_complaint(price_id, replacements, prices)
        if message is not None:
            yield Complaint(
                kind="price", id=price_id, key="migration", message=f"migration: {message}"
            )


def _replacement_complaint(
    price_id: str,
    replacements: Mapping[str, str],
    prices: Mapping[str, Price],
    families: Mapping[str, str],
) -> str | None:
    price, other = prices.get(price_id), prices.get(replacements[price_id])
    if price is None or other is None:
        return f"{replacements[price_id]!r} is no price of the catalog"
    if (price.interval is None) != (other.interval is None):
        return f"of {price.id!r} and {other.id!r} one is sold once and one recurs"
    missing = [each for each in price.currencies if each not in other.currencies]
    if missing:
        sold = ", ".join(other.currencies)
        return f"{other.id!r} is in {sold}; name a price in {', '.join(missing)}"
    if families.get(other.product_id) != families.get(price.product_id):
        return f"{other.id!r} is of another family; name a price of the same one"
    return _path_complaint(replacement_path(price_id, replacements), replacements)


def _path_complaint(path: list[str], replacements: Mapping[str, str]) -> str | None:
    if path[-1] in path[:-1]:
        circle = " → ".join(path)
        return f"it goes in a circle ({circle}); end it with a price that is sold"
    if path[-1] in replacements:
        return f"more than {MOST_REPLACEMENTS} replace one another; name one nearer the end"
    return None


def _migration_complaint(
    price_id: str, replacements: Mapping[str, str], prices: Mapping[str, Price]
) -> str | None:
    """Whoever is moved pays as often as before; of another interval an owner decides alone."""
    if price_id not in replacements:
        return "nothing replaces it; write `replaced_by:` beside it"
    price, last = prices.get(price_id), prices.get(replacement_path(price_id, replacements)[-1])
    if price is not None and price.interval is None:
        return "it is charged once, so that nobody has it to be moved; leave `migration:` out"
    if price is not None and last is not None and last.billing is not price.billing:
        return (
            f"{last.id!r} is billed {last.billing} and this one {price.billing}; name a price that"
            " is billed alike, or leave `migration:` out"
        )
    if price is not None and last is not None and last.interval != price.interval:
        return (
            f"{last.id!r} recurs {last.interval} and this one {price.interval}; name a price of the"
            " same interval, or leave `migration:` out"
        )
    return None


def replacement_path(price_id: str, replacements: Mapping[str, str]) -> list[str]:
    """From a price to what is sold instead of it.

    Ends where it comes to one for a second time, or would be longer than a catalog may have it.
    """
    path, known = [price_id], {price_id}
    while path[-1] in replacements and len(path) <= MOST_REPLACEMENTS:
        path.append(replacements[path[-1]])
        if path[-1] in known:
            break
        known.add(path[-1])
    return path


def _refuse_duplicates(kind: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for identifier in ids:
        if identifier in seen:
            raise ValueError(f"the {kind} id {identifier!r} is used twice")
        seen.add(identifier)
