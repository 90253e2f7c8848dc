"""What stands on an invoice besides its lines: who sells, who buys, and what either wants to read.

Owns the values, which are frozen into an invoice when it is finalised (policy P29), and whose
setting counts. Does not own how a document looks (`adapters/documents`) nor storage.
"""

from typing import Annotated, Final

from pydantic import StringConstraints

from billing.address import Address
from billing.locale import DEFAULT_LOCALE
from billing.value import Value

LONGEST_TEXT: Final = 2_000
LONGEST_LINE: Final = 200

Line = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_LINE)]
Lines = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]


class InvoiceSettings(Value):
    """What is printed on later invoices; of the subscription before the customer's, then ours."""

    memo: Lines | None = None
    """A note to the reader, above the lines."""
    purchase_order: Line | None = None
    """The customer's own number for the order."""
    footer: Lines | None = None

    def over(self, others: "InvoiceSettings") -> "InvoiceSettings":
        """These, and the others' where these say nothing."""
        said = self.model_dump(exclude_none=True)
        return InvoiceSettings.model_validate(others.model_dump() | said)


class Seller(Value):
    """The issuing entity, as documents name it."""

    name: Line | None = None
    address: Lines | None = None
    """Lines of text."""
    tax_id: Line | None = None


class Recipient(Value):
    """The customer, as they were when the invoice was finalised."""

    name: str | None = None
    email: str | None = None
    address: Address | None = None
    vat_id: str | None = None
    """As an invoice without VAT must say it (policy P4)."""
    locale: str = DEFAULT_LOCALE


class Particulars(Value):
    """Everything that is frozen; empty for invoices from before there were any."""

    seller: Seller = Seller()
    customer: Recipient = Recipient()
    settings: InvoiceSettings = InvoiceSettings()
