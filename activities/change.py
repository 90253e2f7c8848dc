"""Changing what a subscription buys: the plan of it, its invoice and the new state.

Owns what is written when a change begins, and the free plan that dunning falls back to. Does not
own what a change costs (`billing.change`), collecting it (`activities.collection`) nor when it is
in force (`billing.changing`).
"""

from typing import Annotated, Final, Literal

from pydantic import Field
from temporalio import activity

from activities.overtaking import recorded_before
from activities.tax_question import TaxAnswer, asked
from billing import changing, ledger
from billing.change import ChangeRequest, PlannedChange
from billing.errors import BooksBroken, Conflict, InvalidInput
from billing.event import DomainEvent
from billing.ids import effect_key
from billing.invoice import (
    InvoiceRecord,
    InvoiceStatus,
    change_invoice_id,
    draft_for_change,
)
from billing.offer import Offer, terms_of
from billing.ports.storage import Transaction, UnitOfWork
from billing.ports.tax import NoTaxRates, TaxRates
from billing.price import Price
from billing.proration import Debit
from billing.quote import Quote, check_quote
from billing.requested_change import ChangeBasis, asks_for_another_price, plan_request
from billing.subscription import ChangeResult, SubscriptionState, Terms
from billing.tax import Taxation
from billing.value import Instant, Value

_MOST_PLANS: Final = 4


class BeginChange(Value):
    """Begin the change `change_id` of `state`; `now` is the subscription's present."""

    state: SubscriptionState
    change_id: str
    request: ChangeRequest
    quote: Quote | None
    now: Instant


class ChangeBegun(Value):
    """What the change does to the state; it follows from these facts."""

    kind: Literal["begun"] = "begun"
    result: ChangeResult
    plan: PlannedChange
    invoice: InvoiceRecord | None = None
    """What pays for it; None where nothing is to be paid."""
    stored_revision: int


class ChangeRefused(Value):
    """The rules refuse it; nothing was written."""

    kind: Literal["refused"] = "refused"
    error: Literal["Conflict", "InvalidInput"]
    code: str
    message: str
    stored_revision: None = None


ChangeOutcome = Annotated[ChangeBegun | ChangeRefused, Field(discriminator="kind")]


class FindFallback(Value):
    """Ask for the free plan of `state`."""

    state: SubscriptionState


class Fallback(Value):
    """The terms to sell instead; None where nothing fitting is on sale any more."""

    terms: Terms | None


class Changing:
    """Activities that replace what is sold, each in one database transaction."""

    def __init__(self, *, open_transaction: UnitOfWork, taxes: TaxRates | None = None) -> None:
        """Without `taxes`, none are charged."""
        self._open_transaction = open_transaction
        self._taxes = taxes or NoTaxRates()

    @activity.defn
    async def begin_change(self, request: BeginChange) -> ChangeOutcome:
        """Plans the change and invoices what is to be paid first, once per change (policy P11).

        Where the tax is not known, what costs nothing now is planned all the same.
        """
        at = request.now if request.quote is None else request.quote.at
        tax = await asked(self._taxes, request.state.customer_id, at)
        try:
            return await self._begun(request, tax)
        except Conflict as error:
            return ChangeRefused(error="Conflict", code=error.code, message=error.message)
        except InvalidInput as error:
            return ChangeRefused(error="InvalidInput", code=error.code, message=error.message)

    async def _begun(self, request: BeginChange, tax: TaxAnswer) -> ChangeBegun:
        """Planned anew where a refund took of the same debits while the plan was made."""
        for _ in range(_MOST_PLANS - 1):
            try:
                async with self._open_transaction() as tx:
                    return await _begin(tx, request, tax)
            except BooksBroken as outdated:
                if outdated.code != "credit_exceeds_debit":
                    raise
        async with self._open_transaction() as tx:
            return await _begin(tx, request, tax)

    @activity.defn
    async def find_fallback(self, request: FindFallback) -> Fallback:
        """The free plan that dunning ends with (policy P18)."""
        sold = request.state.terms
        if sold.free_fallback_price_id is None:
            return Fallback(terms=None)
        async with self._open_transaction() as tx:
            try:
                found = await _on_sale(tx, sold.free_fallback_price_id)
                offer = found.in_currency(sold.currency).keeping(sold.configuration)
            except InvalidInput:
                return Fallback(terms=None)
        terms = terms_of(
            offer,
            quantity=offer.price.smallest_quantity,
            trial=None,
            segment=None,
            anchored_at=sold.anchored_at,
        )
        fits = terms.family == sold.family
        is_free = terms.period_amount.amount_minor == 0
        return Fallback(terms=terms if fits and is_free else None)


async def _on_sale(tx: Transaction, price_id: str) -> Offer:
    """What is on sale under the id, or what replaces it. Raises as `Prices.offer` does."""
    try:
        return await tx.prices.offer(price_id)
    except InvalidInput as gone:
        instead = gone.details.get("replaced_by")
        if not isinstance(instead, str):
            raise
        return await tx.prices.offer(instead)


async def plan_of(
    tx: Transaction,
    state: SubscriptionState,
    request: ChangeRequest,
    at: Instant,
    *,
    taxation: Taxation,
    price_version: int | None = None,
) -> PlannedChange:
    """What the change costs and does at the instant `at`.

    Another price is the one that is on sale, or the `price_version` that was promised. Raises what
    `billing.requested_change.plan_request` raises.
    """
    another = asks_for_another_price(state, request)
    begins_to_cost = another or not state.terms.costs
    customer = await tx.customers.get(state.customer_id) if begins_to_cost else None
    basis = ChangeBasis(
        current_price=await tx.prices.of(state.terms),
        offer=await _offer(tx, request, at, price_version) if another else None,
        segment=None if customer is None else customer.segment,
        has_method=customer is None or customer.can_be_billed,
        debits=await _debits(tx, state),
        migration_price=await _migration_price(tx, state),
        taxation=taxation,
    )
    return plan_request(state, request, basis, at=at)


async def _offer(
    tx: Transaction, request: ChangeRequest, at: Instant, price_version: int | None
) -> Offer:
    price_id = request.price_id or ""
    if price_version is None:
        return await tx.prices.offer(price_id, now=at)
    return await tx.prices.version_offered(price_id, price_version)


async def _migration_price(tx: Transaction, state: SubscriptionState) -> Price | None:
    """What the subscription is to move to; a change of its quantity moves with it (policy P33)."""
    plan = state.waiting_migration
    if plan is None:
        return None
    return await tx.prices.of(plan.target)


async def _debits(tx: Transaction, state: SubscriptionState) -> tuple[Debit, ...]:
    if state.period is None:
        return ()
    return await tx.invoices.debits(
        state.subscription_id, ending_after=state.period.start, with_sent=True
    )


def after_change(
    state: SubscriptionState, begun: ChangeBegun, change_id: str, now: Instant
) -> SubscriptionState:
    """The state that a change leads to: stored here, and followed by the workflow."""
    match begun.result:
        case ChangeResult.SCHEDULED:
            return changing.change_scheduled(state, begun.plan, change_id, now)
        case _ if begun.invoice is not None:
            return changing.change_paid_first(state, begun.plan, begun.invoice, change_id, now)
        case _:
            return changing.change_in_force(state, begun.plan, change_id, now)


async def _begin(tx: Transaction, request: BeginChange, tax: TaxAnswer) -> ChangeBegun:
    state, now = request.state, request.now
    recorded = await recorded_before(tx, state)
    plan, invoice = await _planned(tx, request, tax, recorded)
    result = ChangeResult.APPLIED
    if plan.is_deferred:
        result = ChangeResult.SCHEDULED
    elif invoice is not None and invoice.amount_due.amount_minor > 0 and invoice.net_days is None:
        result = ChangeResult.PAYING
    begun = ChangeBegun(result=result, plan=plan, invoice=invoice, stored_revision=0)
    after = after_change(state, begun, request.change_id, now)
    stored = await tx.subscriptions.save(after)
    await tx.events.append(_event(after, request, begun))
    return begun.model_copy(update={"stored_revision": stored})


def _begun_before(request: BeginChange, recorded: SubscriptionState | None) -> PlannedChange | None:
    """By an earlier try of this activity, whose answer was lost, and without an invoice."""
    state, quote = request.state, request.quote
    if recorded is None or state.lineage is None or recorded.lineage != state.lineage:
        return None
    at = request.now if quote is None else quote.at
    return changing.begun_before(state, recorded, request.change_id, at)


async def _planned(
    tx: Transaction, request: BeginChange, tax: TaxAnswer, recorded: SubscriptionState | None
) -> tuple[PlannedChange, InvoiceRecord | None]:
    """The plan and its invoice; of one that was begun before, the same again."""
    state, now, quote = request.state, request.now, request.quote
    known = await tx.invoices.get(change_invoice_id(state.subscription_id, request.change_id))
    wanted, at = request.request, now
    if quote is not None:
        wanted = ChangeRequest(
            price_id=quote.price_id, quantity=quote.quantity, configuration=quote.configuration
        )
        at = quote.at
    if known is not None:
        if known.status is InvoiceStatus.VOID:
            raise Conflict("change_not_paid", "the payment of this change was not completed")
        if tax.cause is not None:
            raise tax.cause
        again = await plan_of(
            tx,
            state,
            wanted,
            known.period.start,
            taxation=tax.taxation,
            price_version=await _invoiced_version(tx, known, wanted),
        )
        return again, known
    before = _begun_before(request, recorded)
    if before is not None:
        return before, None
    if quote is not None:
        check_quote(quote, state, now)
    plan = await plan_of(
        tx,
        state,
        wanted,
        at,
        taxation=tax.taxation,
        price_version=None if quote is None else quote.price_version,
    )
    if plan.lines and tax.refusal is not None:
        raise tax.refusal
    if quote is not None and plan.total != quote.total:
        raise Conflict("quote_expired", "the price has changed since it was previewed")
    if not plan.lines:
        return plan, None
    return plan, await _invoiced(tx, request, plan)


async def _invoiced_version(
    tx: Transaction, invoice: InvoiceRecord, wanted: ChangeRequest
) -> int | None:
    """Of the price that it charges, whatever has been published since."""
    charged = await tx.invoices.debits_of(invoice.id)
    versions = (line.price_version for line in charged if line.price_id == wanted.price_id)
    return next(versions, None)


async def _invoiced(tx: Transaction, request: BeginChange, plan: PlannedChange) -> InvoiceRecord:
    state = request.state
    draft = draft_for_change(
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        change_id=request.change_id,
        lines=plan.lines,
        carried=plan.carried,
        uses=plan.uses,
        at=plan.at,
        now=request.now,
    )
    invoice = await tx.invoices.finalize(draft)
    entry = ledger.invoice_finalized(draft, from_balance=invoice.from_balance)
    if entry is not None:
        await tx.ledger.post(entry)
    return invoice


def _event(state: SubscriptionState, request: BeginChange, begun: ChangeBegun) -> DomainEvent:
    before, target = request.state.terms, begun.plan.target
    kind = f"subscription.change_{begun.result}"
    return DomainEvent(
        key=effect_key(kind, state.subscription_id, request.change_id),
        type=kind,
        at=request.now,
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        details={
            "change_id": request.change_id,
            "from_price": before.price_id,
            "from_quantity": before.quantity,
            "to_price": target.price_id,
            "to_quantity": target.quantity,
            "total_minor": begun.plan.total.amount_minor,
            "currency": begun.plan.total.currency,
            "invoice_id": None if begun.invoice is None else begun.invoice.id,
        },
    )
