"""One database transaction with all of its repositories."""

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.repositories.audit import SqlAuditLog
from adapters.db.repositories.customers import SqlCustomers
from adapters.db.repositories.events import SqlEvents
from adapters.db.repositories.invoices import SqlInvoices
from adapters.db.repositories.ledger import SqlLedger
from adapters.db.repositories.messages import SqlMessageLog
from adapters.db.repositories.payment_attempts import SqlPaymentAttempts
from adapters.db.repositories.prices import SqlPrices
from adapters.db.repositories.subscriptions import SqlSubscriptions


class SqlTransaction:
    """Implements `billing.ports.storage.Transaction`, with what the API writes besides."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.customers = SqlCustomers(connection)
        self.prices = SqlPrices(connection)
        self.subscriptions = SqlSubscriptions(connection)
        self.invoices = SqlInvoices(connection)
        self.attempts = SqlPaymentAttempts(connection)
        self.ledger = SqlLedger(connection)
        self.events = SqlEvents(connection)
        self.messages = SqlMessageLog(connection)
        self.audit = SqlAuditLog(connection)
