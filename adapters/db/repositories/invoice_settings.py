"""What is printed on later invoices, written; and what of it an invoice freezes.

Owns the SQL that says whose setting counts when an invoice is finalised: the subscription's before
the customer's before the seller's, as `billing.particulars` says.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.repositories.document_number import ISSUER
from adapters.db.tables.invoice_settings import invoice_settings, sellers
from billing.particulars import InvoiceSettings, Seller

OWN: Final = ISSUER
"""The subject of the seller's own settings."""

FROZEN: Final = f"""
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'seller', jsonb_build_object(
            'name', seller.name, 'address', seller.address, 'tax_id', seller.tax_id
        ),
        'customer', jsonb_build_object(
            'name', customer.name, 'email', customer.email, 'locale', customer.locale,
            'address', customer.address, 'vat_id', customer.vat_id
        ),
        'settings', jsonb_build_object(
            'memo', coalesce(own.memo, theirs.memo, ours.memo),
            'purchase_order', coalesce(own.purchase_order, theirs.purchase_order),
            'footer', coalesce(own.footer, theirs.footer, ours.footer)
        )
    )) AS particulars
    FROM customers AS customer
    LEFT JOIN sellers AS seller ON seller.issuer = '{ISSUER}'
    LEFT JOIN invoice_settings AS own ON own.subject = :subscription_id
    LEFT JOIN invoice_settings AS theirs ON theirs.subject = :customer_id
    LEFT JOIN invoice_settings AS ours ON ours.subject = '{OWN}'
    WHERE customer.id = :customer_id
"""  # noqa: S608 - put together from constants
"""SQL that returns the `particulars` of an invoice of a customer and a subscription."""


class SqlInvoiceSettings:
    """Settings by subject: a customer's or a subscription's id, or `OWN`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, subject: str) -> InvoiceSettings:
        """What is set; nothing where nothing ever was."""
        found = await self._connection.execute(
            select(
                invoice_settings.c.memo,
                invoice_settings.c.purchase_order,
                invoice_settings.c.footer,
            ).where(invoice_settings.c.subject == subject)
        )
        row = found.one_or_none()
        return InvoiceSettings() if row is None else InvoiceSettings.model_validate(row._asdict())

    async def put(self, subject: str, settings: InvoiceSettings, *, changed_at: datetime) -> None:
        """Replaces what was set; invoices that are finalised already keep what they say."""
        if settings == InvoiceSettings():
            statement = delete(invoice_settings).where(invoice_settings.c.subject == subject)
            await self._connection.execute(statement)
            return
        values = settings.model_dump() | {"changed_at": changed_at}
        await self._connection.execute(
            insert(invoice_settings)
            .values(subject=subject, **values)
            .on_conflict_do_update(index_elements=[invoice_settings.c.subject], set_=values)
        )

    async def seller(self) -> Seller:
        """Who sells; nothing where it was not said yet."""
        found = await self._connection.execute(
            select(sellers.c.name, sellers.c.address, sellers.c.tax_id).where(
                sellers.c.issuer == ISSUER
            )
        )
        row = found.one_or_none()
        return Seller() if row is None else Seller.model_validate(row._asdict())

    async def put_seller(self, seller: Seller, *, changed_at: datetime) -> None:
        """Replaces who sells, for later invoices."""
        values = seller.model_dump() | {"changed_at": changed_at}
        await self._connection.execute(
            insert(sellers)
            .values(issuer=ISSUER, **values)
            .on_conflict_do_update(index_elements=[sellers.c.issuer], set_=values)
        )
