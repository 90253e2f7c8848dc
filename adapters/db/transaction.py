"""One database transaction with all of its repositories."""

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.appended import Appended
from adapters.db.repositories.api_keys import SqlApiKeys
from adapters.db.repositories.audit import SqlAuditLog
from adapters.db.repositories.balances import SqlBalances
from adapters.db.repositories.catalog import SqlCatalog
from adapters.db.repositories.checkout_sessions import SqlCheckoutSessions
from adapters.db.repositories.coupons import SqlCoupons
from adapters.db.repositories.credit_notes import SqlCreditNotes
from adapters.db.repositories.customers import SqlCustomers
from adapters.db.repositories.disputes import SqlDisputes
from adapters.db.repositories.documents import SqlDocuments
from adapters.db.repositories.entitlements import SqlEntitlements
from adapters.db.repositories.events import SqlEvents
from adapters.db.repositories.invoice_items import SqlInvoiceItems
from adapters.db.repositories.invoice_settings import SqlInvoiceSettings
from adapters.db.repositories.invoices import SqlInvoices
from adapters.db.repositories.ledger import SqlLedger
from adapters.db.repositories.messages import SqlMessageLog
from adapters.db.repositories.migrations import SqlMigrations
from adapters.db.repositories.operator_tasks import SqlOperatorTasks
from adapters.db.repositories.payment_attempts import SqlPaymentAttempts
from adapters.db.repositories.payment_methods import SqlPaymentMethods
from adapters.db.repositories.prices import SqlPrices
from adapters.db.repositories.received_payments import SqlReceivedPayments
from adapters.db.repositories.refunds import SqlRefunds
from adapters.db.repositories.subscriptions import SqlSubscriptions
from adapters.db.repositories.test_clocks import SqlTestClocks


class SqlTransaction:
    """Implements `billing.ports.storage.Transaction`, with what the API writes besides."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._appended = Appended(connection)
        self.customers = SqlCustomers(connection)
        self.prices = SqlPrices(connection)
        self.subscriptions = SqlSubscriptions(connection, self._appended)
        self.invoices = SqlInvoices(connection)
        self.items = SqlInvoiceItems(connection, self._appended)
        self.attempts = SqlPaymentAttempts(connection)
        self.received = SqlReceivedPayments(connection)
        self.balances = SqlBalances(connection)
        self.credit_notes = SqlCreditNotes(connection)
        self.coupons = SqlCoupons(connection)
        self.refunds = SqlRefunds(connection)
        self.disputes = SqlDisputes(connection)
        self.migrations = SqlMigrations(connection)
        self.tasks = SqlOperatorTasks(connection)
        self.ledger = SqlLedger(self._appended)
        self.events = SqlEvents(self._appended)
        self.messages = SqlMessageLog(connection)
        self.audit = SqlAuditLog(connection)
        self.api_keys = SqlApiKeys(connection)
        self.catalog = SqlCatalog(connection)
        self.entitlements = SqlEntitlements(connection, self._appended)
        self.checkout_sessions = SqlCheckoutSessions(connection)
        self.documents = SqlDocuments(connection)
        self.invoice_settings = SqlInvoiceSettings(connection)
        self.payment_methods = SqlPaymentMethods(connection)
        self.test_clocks = SqlTestClocks(connection)

    async def finish(self) -> None:
        """Writes what happened, and what it does to the books: before the transaction commits."""
        await self._appended.write()
