"""The journal and the outbox of a transaction: collected, and written as its last statement.

Owns that statement. Nobody reads either within the transaction that writes it, so that both cost
one round trip to the database together, however much has happened. Does not own what is posted
(`billing.ledger`) or told (`billing.event`).
"""

from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.statement import Statement
from adapters.db.tables.schema import DOCUMENT
from billing.event import DomainEvent
from billing.ledger import JournalEntry

_WRITE: Final = Statement(
    text("""
    WITH told AS (
        INSERT INTO domain_events (key, type, at, customer_id, subscription_id, details)
        SELECT key, type, at, customer_id, subscription_id, details
        FROM ROWS FROM (jsonb_to_recordset(:events) AS (
            key text, type text, at timestamptz, customer_id text, subscription_id text,
            details jsonb
        )) WITH ORDINALITY
        ORDER BY ordinality
        ON CONFLICT (key) DO NOTHING
    ),
    entry AS (
        INSERT INTO journal_entries (source_key, occurred_at, customer_id, invoice_id)
        SELECT source_key, occurred_at, customer_id, invoice_id
        FROM ROWS FROM (jsonb_to_recordset(:entries) AS (
            source_key text, occurred_at timestamptz, customer_id text, invoice_id text
        )) WITH ORDINALITY
        ORDER BY ordinality
        ON CONFLICT (source_key) DO NOTHING
        RETURNING id, source_key
    )
    INSERT INTO postings (entry_id, position, account, amount_minor, currency)
    SELECT entry.id, side.position, side.account, side.amount_minor, side.currency
    FROM entry JOIN jsonb_to_recordset(:postings) AS side (
        source_key text, position integer, account text, amount_minor bigint, currency text
    ) USING (source_key)
""").bindparams(*(bindparam(name, type_=DOCUMENT) for name in ("events", "entries", "postings")))
)


class Appended:
    """What happened in one transaction, and what it does to the books."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._events: list[DomainEvent] = []
        self._entries: dict[str, JournalEntry] = {}

    def tell(self, *events: DomainEvent) -> None:
        """Each is written once per key."""
        self._events += events

    def post(self, entry: JournalEntry) -> None:
        """Written once per source key; the first one counts."""
        self._entries.setdefault(entry.source_key, entry)

    async def write(self) -> None:
        """All that was collected, in its order."""
        if not self._events and not self._entries:
            return
        entries, events = self._entries.values(), self._events
        self._events, self._entries = [], {}
        await _WRITE.run(
            self._connection,
            {
                "events": events,
                "entries": [_columns(entry) for entry in entries],
                "postings": [side for entry in entries for side in _sides(entry)],
            },
        )


def _columns(entry: JournalEntry) -> dict[str, object]:
    return {
        "source_key": entry.source_key,
        "occurred_at": entry.occurred_at,
        "customer_id": entry.customer_id,
        "invoice_id": entry.invoice_id,
    }


def _sides(entry: JournalEntry) -> list[dict[str, object]]:
    return [
        {
            "source_key": entry.source_key,
            "position": position,
            "account": posting.account,
            "amount_minor": posting.amount.amount_minor,
            "currency": posting.amount.currency,
        }
        for position, posting in enumerate(entry.postings, start=1)
    ]
