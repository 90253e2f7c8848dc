"""Giving back of an invoice because somebody asks for it: the API's callers and operators.

Owns what may be asked for and its audit entry. Does not own the documents (`activities.crediting`)
nor carrying out the refund (`activities.refunding`).
"""

from activities.crediting import CreditRequest, issue_credit
from billing.actor import Actor
from billing.credit_note import (
    CreditNoteLine,
    CreditReason,
    Settled,
    UnusedPart,
    amount_lines,
)
from billing.errors import Conflict, NotFound
from billing.ids import effect_key
from billing.invoice import InvoiceRecord, InvoiceStatus
from billing.money import Money
from billing.ports.storage import Transaction
from billing.tax_reversal import total_left
from billing.value import Instant, Value


class RequestedCredit(Value):
    """Give back `amount_minor` of an invoice, or all that is left of it."""

    command_id: str
    invoice_id: str
    amount_minor: int | None
    to: UnusedPart
    """`refund`: to the sources; `credit`: all of it to the balance."""
    actor: Actor
    reason: str
    now: Instant

    @property
    def source(self) -> str:
        """The cause, under which it is given back once."""
        return effect_key("requested", self.command_id)


async def credit_on_request(tx: Transaction, request: RequestedCredit) -> tuple[str, ...]:
    """The ids of the refunds to be carried out; a repetition of the command gets the same ones.

    Raises `NotFound` (`invoice_not_found`); `Conflict`: `invoice_not_paid`, `charge_disputed` (also
    for the balance: the bank may take that money back), `nothing_to_refund`; and `InvalidInput`
    (`amount_too_large`).
    """
    settled = await tx.invoices.settled(request.invoice_id)
    invoice = await tx.invoices.get(request.invoice_id)
    if invoice is None:
        raise NotFound("invoice_not_found", f"no invoice {request.invoice_id}")
    lines: tuple[CreditNoteLine, ...] = ()
    if not await tx.credit_notes.of_source(invoice.subscription_id, request.source):
        if settled.is_disputed:
            raise Conflict("charge_disputed", "its payment is disputed: nothing can be given back")
        lines = await _lines(tx, invoice, settled, request.amount_minor)
    refund_ids = await issue_credit(
        tx,
        CreditRequest(
            source=request.source,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            reason=CreditReason.REQUESTED,
            unused=request.to,
            lines=lines,
            now=request.now,
        ),
    )
    await tx.audit.append(
        command_id=request.command_id,
        command="refund_invoice",
        subject=invoice.id,
        actor=request.actor,
        reason=request.reason,
        at=request.now,
    )
    return refund_ids


async def _lines(
    tx: Transaction, invoice: InvoiceRecord, settled: Settled, amount_minor: int | None
) -> tuple[CreditNoteLine, ...]:
    if invoice.status is not InvoiceStatus.PAID:
        raise Conflict("invoice_not_paid", f"{invoice.number} is {invoice.status}, not paid")
    debits = await tx.invoices.debits_of(invoice.id)
    charged = sum(total_left(debit).amount_minor for debit in debits)
    left = min(charged, settled.left.amount_minor)
    if left <= 0:
        raise Conflict("nothing_to_refund", f"of {invoice.number} nothing is left to give back")
    minor = left if amount_minor is None else amount_minor
    amount = Money(amount_minor=minor, currency=invoice.total.currency)
    return amount_lines(debits, amount, paid=settled.left)
