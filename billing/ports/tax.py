"""What the billing system needs to know of taxes.

Owns the port. It is asked before a transaction is opened, so that whoever answers may be at the
other end of a network; amounts are computed by our own rules (`billing.assessment`), whoever
answers. Does not own the table of rates (`billing.tax`).
"""

from datetime import datetime
from typing import Protocol

from billing.address import Address
from billing.tax import UNTAXED, Taxation, Taxpayer
from billing.value import Value


class Buyer(Value):
    """What decides the tax, of a customer and of all that was ever on sale.

    For those who ask somebody else for it.
    """

    address: Address
    vat_id: str | None = None
    is_exempt: bool = False
    categories: tuple[str, ...] = ()


class TaxStanding(Value):
    """What decides a tax by the catalog's table: the customer, and which version of the catalog."""

    taxpayer: Taxpayer
    catalog_number: int
    """Of the version in force."""
    catalog_digest: str


class TaxRates(Protocol):
    """How customers are taxed."""

    async def taxation(
        self, customer_id: str, at: datetime, *, standing: TaxStanding | None = None
    ) -> Taxation:
        """For everything that the customer could buy at `at`; nothing for unknown customers.

        `standing` is what the asker has read already, as of `at`: it is not read again.
        """
        ...


class NoTaxRates:
    """Implements `TaxRates` for a seller who charges no tax."""

    async def taxation(
        self, customer_id: str, at: datetime, *, standing: TaxStanding | None = None
    ) -> Taxation:
        """None of anything."""
        del customer_id, at, standing
        return UNTAXED
