"""Giving back paid time that is not used: after a cancellation, and for a pause (policy P17).

Owns which debits are credited for which part of the period. Does not own the amounts
(`billing.proration`) nor the documents and refunds (`activities.crediting`).
"""

from typing import Literal

from temporalio import activity

from activities.crediting import CreditRequest, issue_credit
from activities.overtaking import recorded_before
from billing.change import unused
from billing.credit_note import (
    CreditReason,
    UnusedPart,
    left_of,
    unused_lines,
    without_credits,
)
from billing.errors import Conflict
from billing.money import Money
from billing.period import Period
from billing.ports.storage import Transaction, UnitOfWork
from billing.subscription import SubscriptionState
from billing.value import Instant, Value


class GiveBack(Value):
    """Give back what is paid for `part`, once per `source`."""

    state: SubscriptionState
    part: Period
    invoice_id: str | None = None
    """Only of what this invoice charged."""
    source: str
    reason: CreditReason
    unused: UnusedPart
    now: Instant


class GivenBack(Value):
    """What was issued, or why nothing can be."""

    refund_ids: tuple[str, ...] = ()
    """Refunds to be carried out."""
    refusal: Literal["charge_disputed"] | None = None
    not_paid_yet: Money | None = None
    """What of the unused time nobody has paid: it is carried to the next invoice (policy P5)."""


class UnusedTime:
    """Activities that give back, one database transaction each."""

    def __init__(self, *, open_transaction: UnitOfWork) -> None:
        self._open_transaction = open_transaction

    @activity.defn
    async def give_back(self, request: GiveBack) -> GivenBack:
        """Issues credit notes for the part of every debit that is not used."""
        async with self._open_transaction() as tx:
            return await given_back(tx, request)


async def given_back(tx: Transaction, request: GiveBack) -> GivenBack:
    """The same as a part of something else that is written."""
    state, part = request.state, request.part
    await recorded_before(tx, state)
    debits = await tx.invoices.debits(
        state.subscription_id, ending_after=state.running_period.start
    )
    if request.invoice_id is not None:
        debits = tuple(d for d in debits if d.ref.invoice_id == request.invoice_id)
    known = await tx.credit_notes.of_source(state.subscription_id, request.source)
    asked = unused_lines(
        tuple(unused(state, without_credits(debits, known), part.start)),
        part,
        state.terms.proration,
    )
    lines = tuple(asked)
    credit = CreditRequest(
        source=request.source,
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        reason=request.reason,
        unused=request.unused,
        lines=lines,
        now=request.now,
    )
    try:
        refund_ids = await issue_credit(tx, credit)
    except Conflict as error:
        if error.code != "charge_disputed":
            raise
        return GivenBack(refusal="charge_disputed")
    given = await tx.credit_notes.of_source(state.subscription_id, request.source)
    disputed = {debit.ref for debit in debits if debit.is_disputed}
    return GivenBack(
        refund_ids=refund_ids,
        not_paid_yet=left_of(
            [line for line in lines if line.debit not in disputed],
            given,
            currency=state.terms.currency,
        ),
    )
