"""What replaces what, put together from what products and prices say of it.

A product that is replaced stands for all of its prices; what a price says itself goes before that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from adapters.catalog_forms.price import Listed
from adapters.catalog_forms.product import Sold
from adapters.yaml_forms.form import Reading
from billing.catalog import Complaint, Product
from billing.migration import MigrationRule
from billing.price import Price
from billing.replacement import counterpart

_KEYS: Final = ("replaced_by", "migration")


@dataclass(slots=True)
class Replacing:
    """Every price that is replaced, and where that is written."""

    replacements: dict[str, str] = field(default_factory=dict)
    migrations: dict[str, MigrationRule] = field(default_factory=dict)
    _said_by: dict[tuple[str, str], str] = field(default_factory=dict)
    """The product at which it is written, by price and key."""

    @classmethod
    def read(cls, sold: Sequence[Sold], listed: Sequence[Listed], reading: Reading) -> "Replacing":
        """Of everything that is written; what is wrong with a product's own is told."""
        replacing = cls()
        for each in sold:
            if each.replaced_by is None and each.migration is not None:
                message = "migration: nothing replaces it; write `replaced_by:` beside it"
                reading.complain("product", each.product.id, "migration", message)
            elif each.replaced_by is not None:
                replacing._follow(each, each.replaced_by, sold, listed, reading)
        for own in listed:
            replacing._add(own.price.id, own.replaced_by, own.migration)
            if own.migration is not None:
                replacing._said_by.pop((own.price.id, "migration"), None)
        return replacing

    def complain(self, complaint: Complaint, reading: Reading) -> None:
        """Tells it where it is written: at the price, or at its product."""
        product_id = self._said_by.get((complaint.id, complaint.key))
        if complaint.kind == "price" and product_id is not None:
            reading.complain("product", product_id, complaint.key, complaint.message)
        else:
            reading.complain(complaint.kind, complaint.id, complaint.key, complaint.message)

    def _follow(
        self,
        sold: Sold,
        replaced_by: str,
        products: Sequence[Sold],
        listed: Sequence[Listed],
        reading: Reading,
    ) -> None:
        """Each of the product's prices is replaced by its counterpart."""
        product = sold.product
        problem = _problem(product, replaced_by, [each.product for each in products])
        if problem is not None:
            reading.complain("product", product.id, "replaced_by", f"replaced_by: {problem}")
            return
        among = [each.price for each in listed if each.price.product_id == replaced_by]
        for price in _without_own(product.id, listed):
            found = counterpart(price, among)
            if not isinstance(found, Price):
                message = f"replaced_by: of {replaced_by!r}: {found}"
                reading.complain("product", product.id, "replaced_by", message)
                continue
            self._add(price.id, found.id, sold.migration)
            self._said_by |= {(price.id, key): product.id for key in _KEYS}
        for each in listed:
            if each.price.product_id == product.id and each.replaced_by is not None:
                self._add(each.price.id, None, sold.migration)
                self._said_by[each.price.id, "migration"] = product.id

    def _add(self, price_id: str, replaced_by: str | None, migration: MigrationRule | None) -> None:
        if replaced_by is not None:
            self.replacements[price_id] = replaced_by
        if migration is not None:
            self.migrations[price_id] = migration


def _problem(product: Product, replaced_by: str, products: Sequence[Product]) -> str | None:
    """What keeps one product from being sold instead of another, if anything does."""
    other = next((each for each in products if each.id == replaced_by), None)
    if other is None:
        return f"{replaced_by!r} is no product of the catalog"
    if other.family != product.family:
        return f"{replaced_by!r} is of another family; name a product of the same one"
    return "it cannot replace itself; name another product" if other is product else None


def _without_own(product_id: str, listed: Sequence[Listed]) -> Iterator[Price]:
    for each in listed:
        if each.price.product_id == product_id and each.replaced_by is None:
            yield each.price
