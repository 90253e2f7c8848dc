"""Everything that is on record of one customer, as the API lists it.

Owns the reading of lists to their end.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

from cli.demo.answers import (
    Balance,
    CreditNote,
    CreditNotePage,
    Dispute,
    DisputePage,
    Invoice,
    InvoicePage,
)
from cli.demo.client import Client

_PAGE: Final = 100

PageT = TypeVar("PageT", InvoicePage, CreditNotePage, DisputePage)


@dataclass(frozen=True, slots=True)
class Records:
    """One customer's."""

    api: Client
    customer_id: str

    async def invoices(self) -> tuple[Invoice, ...]:
        """Every invoice, the one due first first."""
        pages = await self._pages(InvoicePage, "/v1/invoices")
        found = [invoice for page in pages for invoice in page.data]
        return tuple(sorted(found, key=lambda invoice: (invoice.due_at, invoice.number)))

    async def credit_notes(self) -> tuple[CreditNote, ...]:
        """All that was given back, the earliest first."""
        pages = await self._pages(CreditNotePage, "/v1/credit_notes")
        found = [note for page in pages for note in page.data]
        return tuple(sorted(found, key=lambda note: (note.issued_at, note.number)))

    async def disputes(self) -> tuple[Dispute, ...]:
        """Payments that a bank has taken back, for now or for good."""
        pages = await self._pages(DisputePage, "/v1/disputes")
        return tuple(dispute for page in pages for dispute in page.data)

    async def balance(self) -> Balance:
        """What the customer has in their favour."""
        return await self.api.read(Balance, f"/v1/customers/{self.customer_id}/balance")

    async def _pages(self, kind: type[PageT], path: str) -> list[PageT]:
        query: dict[str, str | int] = {"customer": self.customer_id, "limit": _PAGE}
        pages = [await self.api.read(kind, path, query)]
        while (cursor := pages[-1].next_cursor) is not None:
            pages.append(await self.api.read(kind, path, query | {"cursor": cursor}))
        return pages
