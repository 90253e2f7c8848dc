"""Documents as they were made: kept once, and served again byte for byte (policy P29)."""

from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.tables.document import documents
from adapters.db.tables.document_counter import Document
from billing.value import Value


class KeptDocument(Value):
    """A PDF and its hash, as hexadecimal digits."""

    content: bytes
    sha256: str


class SqlDocuments:
    """PDFs by what they are of."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, document: Document, subject_id: str) -> KeptDocument | None:
        """What was made of it; None before anybody asked for it."""
        found = await self._connection.execute(
            select(documents.c.content, documents.c.sha256).where(
                documents.c.document == document, documents.c.subject_id == subject_id
            )
        )
        row = found.one_or_none()
        return None if row is None else KeptDocument(content=row.content, sha256=row.sha256)

    async def keep(self, document: Document, subject_id: str, content: bytes) -> None:
        """Stores the first one; whatever is made of the same later is dropped."""
        await self._connection.execute(
            insert(documents)
            .values(
                document=document,
                subject_id=subject_id,
                content=content,
                sha256=sha256(content).hexdigest(),
            )
            .on_conflict_do_nothing()
        )
