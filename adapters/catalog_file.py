"""The catalog as its owner writes it: a YAML file, or a folder of them.

Owns finding the files and putting their sections together. Does not own how each section is written
(`adapters.catalog_forms`), the rules of products and prices (`billing.catalog`) nor storage
(`adapters.db.repositories.catalog`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from adapters.catalog_forms.coupon import Coupons
from adapters.catalog_forms.price import Listed, Prices
from adapters.catalog_forms.product import Products, Sold
from adapters.catalog_forms.replacement import Replacing
from adapters.catalog_forms.tax import Rates, Seller, Sellers
from adapters.yaml_forms.document import Place, Problem, Stop, Told, root_of
from adapters.yaml_forms.form import Form, Key, Reading, Values
from billing.catalog import Catalog, Product, complaints
from billing.discount import Coupon
from billing.errors import InvalidInput
from billing.price import Price
from billing.tax import TaxRate, TaxTable

MAX_BYTES: Final = 1024 * 1024
"""Of all files together."""
MAX_FILES: Final = 200
_ENDINGS: Final = frozenset({".yaml", ".yml"})

CATALOG: Final = Form(
    what="a catalog",
    model=Catalog,
    says="A catalog, or one of the files of a folder that make it together.",
    keys={
        "products": Key(Products(), "What is sold; products of one family replace one another"),
        "prices": Key(Prices(), "Prices of products that stand elsewhere, each with `product:`"),
        "coupons": Key(Coupons(), "Discounts that customers can redeem"),
        "seller": Key(Sellers(), "Who sells: decides where the customer accounts for the VAT"),
        "tax_rates": Key(Rates(), "Which tax is charged where; without any, none is"),
    },
)
"""The sections of a file. Each is a list, and those of several files are put together."""


class CatalogFileError(InvalidInput):
    """The files are no catalog; `problems` says all that must be corrected."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("catalog_file_invalid", "\n".join(map(str, problems)))
        self.problems = problems


class CatalogFiles(NamedTuple):
    """A catalog that was read, and where its things are written."""

    catalog: Catalog
    places: Mapping[tuple[str, str], Place]
    """By kind and id."""


def read_catalog(path: Path) -> Catalog:
    """The catalog in a file or folder. Raises `CatalogFileError` for whatever is wrong with it."""
    return read_files(read_sources(path)).catalog


def read_sources(path: Path) -> dict[str, bytes]:
    """The content of the file, or of every YAML file of the folder, by the path to show.

    Raises `CatalogFileError` for what cannot be read, or is too much.
    """
    if not path.is_dir():
        return {str(path): _content(path, MAX_BYTES + 1)}
    files = sorted(file for file in path.rglob("*") if _is_catalog_file(file, path))
    if not files:
        raise _refusal(str(path), "the folder has no file that ends with .yaml; write one")
    if len(files) > MAX_FILES:
        raise _refusal(str(path), f"the folder has more than {MAX_FILES} files; put some together")
    sources: dict[str, bytes] = {}
    left = MAX_BYTES + 1
    for file in files:
        sources[str(file)] = _content(file, left)
        left -= min(left, len(sources[str(file)]))
    return sources


def parse_catalog(content: bytes, *, source: str) -> Catalog:
    """The catalog in one file's content; errors name `source`."""
    return read_files({source: content}).catalog


def read_files(sources: Mapping[str, bytes]) -> CatalogFiles:
    """The catalog that files make together: their contents, each by the name that errors say.

    Raises `CatalogFileError` for whatever is wrong with them.
    """
    _refuse_too_much(sources)
    reading = Reading()
    sections: dict[str, tuple[object, ...]] = {}
    for source, content in sources.items():
        for name, values in _sections_of(source, content, reading).items():
            found = values if isinstance(values, tuple) else ()
            sections[name] = (*sections.get(name, ()), *found)
    catalog = None if reading.problems else _put_together(sections, reading, tuple(sources))
    if reading.problems or catalog is None:
        raise CatalogFileError(tuple(sorted(set(reading.problems))))
    return CatalogFiles(catalog, reading.places)


def _sections_of(source: str, content: bytes, reading: Reading) -> Values:
    try:
        return _read_sections(root_of(content, source=source), source, reading)
    except Stop as stop:
        reading.problems.append(stop.problem)
    except Told:
        pass  # what is wrong stands in `reading`
    return {}


def _read_sections(root: yaml.Node | None, source: str, reading: Reading) -> Values:
    if root is None:
        raise Stop(Place(source, 1), "the file is empty; write a list of `products:`")
    fields = CATALOG.fields(root, reading)
    return CATALOG.built(fields, reading, lambda values: values)


def _put_together(
    sections: Mapping[str, tuple[object, ...]], reading: Reading, sources: tuple[str, ...]
) -> Catalog | None:
    sold = [each for each in sections.get("products", ()) if isinstance(each, Sold)]
    if not sold:
        raise _refusal(sources[0], "a catalog needs products; write a list of `products:`")
    listed = [price for each in sold for price in each.prices]
    listed += [each for each in sections.get("prices", ()) if isinstance(each, Listed)]
    products = tuple(each.product for each in sold)
    prices = tuple(each.price for each in listed)
    replacing = Replacing.read(sold, listed, reading)
    replaced = replacing.replacements, replacing.migrations
    coupons = tuple(each for each in sections.get("coupons", ()) if isinstance(each, Coupon))
    tax = _tax_table(sections)
    for found in complaints(products, prices, *replaced, coupons=coupons, tax=tax):
        replacing.complain(found, reading)
    _complain_of_unpriced(products, prices, reading)
    if reading.problems:
        return None
    return Catalog(
        products=products,
        prices=prices,
        replacements=replacing.replacements,
        migrations=replacing.migrations,
        coupons=coupons,
        tax=tax,
    )


def _tax_table(sections: Mapping[str, tuple[object, ...]]) -> TaxTable:
    sellers = [each for each in sections.get("seller", ()) if isinstance(each, Seller)]
    rates = tuple(each for each in sections.get("tax_rates", ()) if isinstance(each, TaxRate))
    return TaxTable(seller_country=sellers[0].country if sellers else None, rates=rates)


def _complain_of_unpriced(
    products: tuple[Product, ...], prices: tuple[Price, ...], reading: Reading
) -> None:
    with_prices = {price.product_id for price in prices}
    for product in products:
        if product.id not in with_prices:
            reading.complain(
                "product",
                product.id,
                "id",
                f"{product.id!r} has no price; write `prices:` below it, or elsewhere a price"
                f" with `product: {product.id}`",
            )


def _refuse_too_much(sources: Mapping[str, bytes]) -> None:
    size = 0
    for source, content in sources.items():
        size += len(content)
        if size > MAX_BYTES:
            raise _refusal(
                source, f"a catalog has at most {MAX_BYTES} bytes in all; this file goes beyond"
            )


def _is_catalog_file(file: Path, folder: Path) -> bool:
    """Hidden ones are not: editors and mounted volumes keep copies there."""
    is_hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.suffix in _ENDINGS and not is_hidden and file.is_file()


def _content(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise _refusal(str(path), f"the file cannot be read: {error.strerror}") from error


def _refusal(source: str, message: str) -> CatalogFileError:
    return CatalogFileError((Problem(Place(source, 1), message),))
