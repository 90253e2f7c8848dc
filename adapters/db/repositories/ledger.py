"""The journal, appended to (policy P30)."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.ledger import JournalEntry

_POST: Final = text("""
    WITH entry AS (
        INSERT INTO journal_entries (source_key, occurred_at, customer_id, invoice_id)
        VALUES (:source_key, :occurred_at, :customer_id, :invoice_id)
        ON CONFLICT (source_key) DO NOTHING
        RETURNING id
    )
    INSERT INTO postings (entry_id, position, account, amount_minor, currency)
    SELECT entry.id, side.position, side.account, side.amount_minor, side.currency
    FROM entry, unnest(
        CAST(:accounts AS text[]), CAST(:amounts_minor AS bigint[]), CAST(:currencies AS text[])
    ) WITH ORDINALITY AS side (account, amount_minor, currency, position)
""")


class SqlLedger:
    """Implements `billing.ports.storage.Ledger`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def post(self, entry: JournalEntry) -> None:
        """Once per source key. The database checks the balance again when it commits."""
        await self._connection.execute(
            _POST,
            {
                "source_key": entry.source_key,
                "occurred_at": entry.occurred_at,
                "customer_id": entry.customer_id,
                "invoice_id": entry.invoice_id,
                "accounts": [posting.account for posting in entry.postings],
                "amounts_minor": [posting.amount.amount_minor for posting in entry.postings],
                "currencies": [posting.amount.currency for posting in entry.postings],
            },
        )
