"""Charging something once, now: its item, its invoice, its journal entry and the new state.

Owns what is written, in one transaction. Does not own collecting the money
(`activities.collection`), which is the subscription's like that of any other invoice.
"""

from typing import Annotated, Literal

from pydantic import Field
from temporalio import activity

from activities.overtaking import recorded_before
from activities.tax_question import TaxAnswer, asked
from billing import ledger
from billing.discount import DiscountUse
from billing.errors import Conflict, InvalidInput
from billing.event import DomainEvent
from billing.ids import effect_key
from billing.invoice import InvoiceDraft, InvoiceLine, InvoiceRecord, item_invoice_id
from billing.invoice_item import InvoiceItem
from billing.one_off_charge import charged, drafted
from billing.ports.storage import Transaction, UnitOfWork
from billing.ports.tax import NoTaxRates, TaxRates
from billing.pricing import check_not_too_large
from billing.subscription import SubscriptionState
from billing.value import Instant, Value


class ChargeItem(Value):
    """Charge `item` to `state`; `now` is the subscription's present."""

    state: SubscriptionState
    item: InvoiceItem
    now: Instant


class ItemCharged(Value):
    """The item has its invoice; `carried` is what it leaves to the next one."""

    kind: Literal["charged"] = "charged"
    invoice: InvoiceRecord
    carried: tuple[InvoiceLine, ...] = ()
    uses: tuple[DiscountUse, ...] = ()
    """What it takes of the subscription's discounts."""
    stored_revision: int


class ItemNotCharged(Value):
    """The subscription is recorded as ended: nothing is charged after a reset either."""

    kind: Literal["not_charged"] = "not_charged"
    stored_revision: None = None


class ItemRefused(Value):
    """It cannot be charged so, or not now; nothing was written."""

    kind: Literal["refused"] = "refused"
    error: Literal["Conflict", "InvalidInput"]
    code: str
    message: str
    stored_revision: None = None


ItemOutcome = Annotated[ItemCharged | ItemNotCharged | ItemRefused, Field(discriminator="kind")]


class OneOffCharges:
    """Activities that charge something beside what a subscription costs."""

    def __init__(self, *, open_transaction: UnitOfWork, taxes: TaxRates | None = None) -> None:
        """Without `taxes`, none are charged."""
        self._open_transaction = open_transaction
        self._taxes = taxes or NoTaxRates()

    @activity.defn
    async def charge_item(self, request: ChargeItem) -> ItemOutcome:
        """Invoices the item once, however often it is asked to (policy P32).

        It is discounted and taxed as `billing.one_off_charge.drafted` says.
        """
        tax = await asked(self._taxes, request.state.customer_id, request.now)
        try:
            async with self._open_transaction() as tx:
                return await _charge(tx, request, tax)
        except Conflict as error:
            return ItemRefused(error="Conflict", code=error.code, message=error.message)
        except InvalidInput as error:
            return ItemRefused(error="InvalidInput", code=error.code, message=error.message)


async def _charge(tx: Transaction, request: ChargeItem, tax: TaxAnswer) -> ItemOutcome:
    state, item, now = request.state, request.item, request.now
    recorded = await recorded_before(tx, state)
    known = await tx.invoices.get(item_invoice_id(state.subscription_id, item.id))
    if known is None:
        if recorded is not None and recorded.has_ended:
            return ItemNotCharged()
        if tax.refusal is not None:
            raise tax.refusal
    elif tax.cause is not None:
        raise tax.cause
    price = await tx.prices.of(state.terms)
    draft = drafted(state, item, price=price, taxation=tax.taxation, now=now)
    invoice = known or await _finalized(tx, draft, item)
    after = charged(state, invoice, carried=draft.carried, uses=draft.uses)
    stored = await tx.subscriptions.save(after)
    await tx.events.append(_event(state, invoice, now))
    return ItemCharged(
        invoice=invoice, carried=draft.carried, uses=draft.uses, stored_revision=stored
    )


async def _finalized(tx: Transaction, draft: InvoiceDraft, item: InvoiceItem) -> InvoiceRecord:
    check_not_too_large(draft.total, what="with tax it")
    await tx.items.add_invoiced(item, invoice_id=draft.id, at=draft.finalized_at)
    invoice = await tx.invoices.finalize(draft)
    entry = ledger.invoice_finalized(draft, from_balance=invoice.from_balance)
    if entry is not None:
        await tx.ledger.post(entry)
    return invoice


def _event(state: SubscriptionState, invoice: InvoiceRecord, now: Instant) -> DomainEvent:
    return DomainEvent(
        key=effect_key("invoice.finalized", invoice.id),
        type="invoice.finalized",
        at=now,
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        details={
            "invoice_id": invoice.id,
            "number": invoice.number,
            "amount_minor": invoice.total.amount_minor,
            "currency": invoice.total.currency,
            "period_start": invoice.period.start.isoformat(),
            "period_end": invoice.period.end.isoformat(),
        },
    )
