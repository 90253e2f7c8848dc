"""A counter where money is given back: paid invoices, a gateway at hand, and the books.

Owns the steps that the tests of refunds and disputes share. Invoices are billed and paid by the
activities themselves; the gateway's dashboard and the banks are played by the tests.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.disputes import take_in_dispute
from activities.external_refund import take_in_refund
from activities.refunding import AdvanceRefund, Refunding
from activities.requested_credit import RequestedCredit, credit_on_request
from adapters.db.engine import snapshot, transactions
from adapters.db.queries import books, operator_tasks
from adapters.db.transaction import SqlTransaction
from billing.actor import Actor, ActorKind
from billing.credit_note import UnusedPart
from billing.dispute import Dispute
from billing.ledger import Account
from billing.money import Money
from billing.ports.storage import Transaction, UnitOfWork
from billing.refund import Refund
from billing.subscription import SubscriptionState
from tests.activities.till import DUE_AT, Till
from tests.adapters.db.company import subscription, terms

OPERATOR: Final = Actor(kind=ActorKind.OPERATOR, id="test")
SEATS: Final = 10
"""At $16.00: an invoice is $160.00."""


def usd(minor: int) -> Money:
    """So many cents."""
    return Money(amount_minor=minor, currency="USD")


@dataclass(slots=True)
class Counter:
    """What tests do at it, and what they look at."""

    till: Till
    state: SubscriptionState = field(
        default_factory=lambda: subscription().model_copy(update={"terms": terms(SEATS)})
    )
    connection: AsyncConnection | None = None
    """Where everything is done in one transaction of the test's, which rolls it back."""

    @property
    def open_transaction(self) -> UnitOfWork:
        if self.connection is None:
            return transactions(self.till.engine)
        return self._within

    @property
    def refunding(self) -> Refunding:
        return Refunding(
            open_transaction=self.open_transaction,
            gateway=self.till.gateway,
            real_now=lambda: self.till.real_now,
        )

    async def sell(self, *, card: str = "pm_card_visa") -> str:
        """The next period, billed and paid; the invoice's id."""
        await self.till.save_card(card)
        billed = await self.till.billed(self.state)
        [invoice] = billed.open_invoices
        self.state = await self.till.after_collecting(billed)
        return invoice.invoice_id

    async def sell_for_balance_and_card(self) -> str:
        """$160.00 paid as $40.00 balance and $120.00 card; the invoice's id."""
        earlier = await self.sell()
        await self.give_back(earlier, 4000, to=UnusedPart.CREDIT)
        return await self.sell()

    async def give_back(
        self,
        invoice_id: str,
        minor: int | None = None,
        *,
        to: UnusedPart = UnusedPart.REFUND,
        command_id: str | None = None,
    ) -> tuple[str, ...]:
        """The ids of the refunds to be carried out."""
        request = RequestedCredit(
            command_id=command_id or f"cmd_{invoice_id}_{minor}_{to}",
            invoice_id=invoice_id,
            amount_minor=minor,
            to=to,
            actor=OPERATOR,
            reason="asked for",
            now=DUE_AT,
        )
        async with self.open_transaction() as tx:
            return await credit_on_request(tx, request)

    async def refund(self, invoice_id: str, minor: int | None = None) -> str:
        """The id of the one refund that is to be carried out."""
        [refund_id] = await self.give_back(invoice_id, minor)
        return refund_id

    async def advance(self, refund_id: str) -> Refund:
        return await self.refunding.advance_refund(AdvanceRefund(refund_id=refund_id))

    async def hear_of_refund(self, gateway_refund_id: str) -> Refund | None:
        """As a webhook brings it: what the gateway says now is taken in."""
        news = await self.till.gateway.read_refund(gateway_refund_id)
        async with self.open_transaction() as tx:
            attempt = await tx.attempts.by_payment(news.payment_id or "")
            assert attempt is not None
            return await take_in_refund(tx, attempt, news, real_now=self.till.real_now)

    async def hear_of_dispute(self, dispute_id: str) -> Dispute | None:
        """As a webhook brings it: what the gateway says now is taken in."""
        news = await self.till.gateway.read_dispute(dispute_id)
        async with self.open_transaction() as tx:
            attempt = await tx.attempts.by_payment(news.payment_id or "")
            assert attempt is not None
            return await take_in_dispute(tx, attempt, news, real_now=self.till.real_now)

    async def payment_of(self, invoice_id: str) -> str:
        """The gateway's payment that paid the invoice."""
        async with self.open_transaction() as tx:
            settled = await tx.invoices.settled(invoice_id)
        assert settled.payment_id is not None
        return settled.payment_id

    async def gateway_id(self, refund_id: str) -> str:
        """What the gateway calls a refund of ours."""
        async with self.open_transaction() as tx:
            refund = await tx.refunds.get(refund_id)
        assert refund is not None
        assert refund.gateway_refund_id is not None
        return refund.gateway_refund_id

    async def balance_minor(self) -> int:
        """What the customer has in their favour."""
        async with self.open_transaction() as tx:
            return (await tx.balances.of("cus_1", "USD")).amount_minor

    async def tasks(self) -> list[str]:
        """The kinds of what waits for an operator, sorted."""
        async with self._reading() as connection:
            page = await operator_tasks.page_of(connection, limit=100)
        return sorted(found.task.kind.value for found in page.items)

    async def accounts(self) -> dict[str, int]:
        """Every account that is not zero, as debits less credits; the books must balance."""
        async with self._reading() as connection:
            found = await books.read(connection)
        assert found.balance, found.comparisons
        balances = {row.account: row.balance_minor for row in found.trial_balance}
        return {account.value: balances[account] for account in Account if balances.get(account, 0)}

    async def rows(self, table: str) -> int:
        """How many there are."""
        async with self._reading() as connection:
            query = text(f"SELECT count(*) FROM {table}")  # noqa: S608 - named by the test
            return int(await connection.scalar(query) or 0)

    @asynccontextmanager
    async def _within(self) -> AsyncIterator[Transaction]:
        assert self.connection is not None
        transaction = SqlTransaction(self.connection)
        yield transaction
        await transaction.finish()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        if self.connection is not None:
            yield self.connection
            return
        async with snapshot(self.till.engine) as connection:
            yield connection
