"""Where the simulated account is registered for tax, and what is charged there.

Owns a small table of real places: rates by authority, as Stripe Tax lists them. Does not own
requests nor answers (`tax_calculations`). Rates of 2026, without any claim to stay right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

EU: Final = frozenset({"AT", "BE", "DE", "ES", "FR", "IE", "IT", "NL", "PL", "SE"})
"""Members that the tests know; businesses with a VAT id there account for VAT themselves."""

Level = Literal["city", "country", "county", "district", "state"]
TaxType = Literal["gst", "hst", "jct", "sales_tax", "vat"]


@dataclass(frozen=True, slots=True)
class Rate:
    """What one authority charges; `share` is the part of an amount that it taxes."""

    level: Level
    place: str
    tax_type: TaxType
    display_name: str
    percentage: str
    share: Decimal = Decimal(1)

    def on(self, amount: int) -> tuple[int, int]:
        """The taxable amount and the tax on it, each rounded to the unit."""
        taxable = int((amount * self.share).to_integral_value())
        return taxable, int((taxable * Decimal(self.percentage) / 100).to_integral_value())


_NEW_YORK: Final = (
    Rate("state", "New York", "sales_tax", "NY State Sales Tax", "4.0"),
    Rate("city", "New York City", "sales_tax", "NY City Sales Tax", "4.5"),
    Rate("district", "Metropolitan Commuter", "sales_tax", "NY District Sales Tax", "0.375"),
)
_PARTLY: Final = Decimal("0.8")
_TEXAS: Final = (
    Rate("state", "Texas", "sales_tax", "TX State Sales Tax", "6.25", _PARTLY),
    Rate("city", "Austin", "sales_tax", "TX City Sales Tax", "2.0", _PARTLY),
)
REGISTRATIONS: Final[Mapping[tuple[str, str | None], tuple[Rate, ...]]] = MappingProxyType(
    {
        ("US", "NY"): _NEW_YORK,
        ("US", "TX"): _TEXAS,
        ("CA", "ON"): (Rate("state", "Ontario", "hst", "HST", "13.0"),),
        ("DE", None): (Rate("country", "Germany", "vat", "VAT", "19.0"),),
        ("FR", None): (Rate("country", "France", "vat", "VAT", "20.0"),),
        ("GB", None): (Rate("country", "United Kingdom", "vat", "VAT", "20.0"),),
        ("JP", None): (Rate("country", "Japan", "jct", "JCT", "10.0"),),
    }
)
"""By country and state; a country without states has one entry."""
STATE_OF_POSTAL_CODE: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {("US", "10"): "NY", ("US", "11"): "NY", ("US", "75"): "TX", ("US", "78"): "TX"}
)
"""By country and the code's first two characters, where an address names no state."""
TAX_CODES: Final[Mapping[str, bool]] = MappingProxyType(
    {
        "txcd_00000000": False,
        "txcd_10000000": True,
        "txcd_10101000": True,
        "txcd_10102000": True,
        "txcd_10201000": True,
        "txcd_10301000": True,
        "txcd_10302000": True,
        "txcd_20030000": True,
        "txcd_10103000": True,
        "txcd_10103001": True,
        "txcd_10010001": True,
        "txcd_99999999": True,
    }
)
"""Those that are known, and whether anything is taxed under them."""
PRESET_TAX_CODE: Final = "txcd_10103001"
"""Software as a service, for business: what the account's settings say."""
