"""The journal, appended to (policy P30)."""

from adapters.db.appended import Appended
from billing.ledger import JournalEntry


class SqlLedger:
    """Implements `billing.ports.books.Ledger`."""

    def __init__(self, appended: Appended) -> None:
        self._appended = appended

    async def post(self, entry: JournalEntry) -> None:
        """Once per source key. The database checks the balance again when it commits."""
        self._appended.post(entry)
