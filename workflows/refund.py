"""Bringing one refund to its end, as a durable workflow.

Owns the waiting: for the gateway while it is out of reach, for the bank while it decides, for an
operator where nothing else helps. Does not own what is done (`activities.refunding`) nor a refund
that fails after it succeeded, which the gateway's news alone brings to the books.
"""

from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.records import AuditEntry
    from activities.refunding import AdvanceRefund, Refunding
    from billing.refund import Refund, RefundState
    from workflows import timeouts
    from workflows.messages import REFUND_WORKFLOW, RefundReport, RefundStart, Retry
    from workflows.search_attributes import CURRENCY, CUSTOMER_ID, NEEDS_OPERATOR, changes
    from workflows.wording import instant, quoted

_MEANINGS: Final = {
    RefundState.PENDING: "The bank has not taken it yet. It is looked at once a day, and whenever"
    " Stripe has news. Nothing to do.",
    RefundState.SUCCEEDED: "The money is on its way to the customer's card.",
    RefundState.FAILED: "The money did not go back. The customer has it as balance, and a task"
    " waits for an operator.",
}


@workflow.defn(name=REFUND_WORKFLOW)
class RefundWorkflow:
    """From the credit note to the bank's answer."""

    @workflow.init
    def __init__(self, start: RefundStart) -> None:
        self._refund_id = start.refund_id
        self._refund: Refund | None = None
        self._problem: str | None = None
        self._nudges = 0
        self._asked: list[AuditEntry] = []
        self._attributes = workflow.info().typed_search_attributes

    @workflow.run
    async def run(self, start: RefundStart) -> RefundReport:
        """Returns once the gateway has paid the money back, or never will."""
        while True:
            seen = self._nudges
            await self._advance()
            self._describe()
            if self._problem is None and not self._is_pending() and not self._asked:
                return self.status()
            if workflow.info().is_continue_as_new_suggested() and seen == self._nudges:
                workflow.continue_as_new(start)
            await self._wait(seen)

    @workflow.signal
    def refund_news(self) -> None:
        """The gateway knows more about the refund."""
        self._nudges += 1

    @workflow.update
    def retry_now(self, command: Retry) -> RefundReport:
        """An operator mended what was wrong: it is tried again, and the page says what comes."""
        self._asked.append(
            AuditEntry(
                command_id=command.command_id,
                command="retry_refund",
                actor=command.actor,
                reason=command.reason,
                at=workflow.now(),
            )
        )
        self._nudges += 1
        return self.status()

    @workflow.query
    def status(self) -> RefundReport:
        """Where the refund stands."""
        return RefundReport(refund_id=self._refund_id, refund=self._refund, problem=self._problem)

    def _is_pending(self) -> bool:
        return self._refund is None or self._refund.state is RefundState.PENDING

    async def _advance(self) -> None:
        """Retried through any outage; what cannot succeed as things are is shown to an operator."""
        asked, self._asked = tuple(self._asked), []
        try:
            self._refund = await workflow.execute_activity_method(
                Refunding.advance_refund,
                AdvanceRefund(refund_id=self._refund_id, asked=asked),
                summary="look at the refund" if self._refund else "refund the payment",
                **timeouts.GATEWAY,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._problem = str(error.cause or error)
            workflow.logger.error("refund.needs_operator", extra={"problem": self._problem})
        else:
            self._problem = None

    async def _wait(self, seen: int) -> None:
        why = "the bank's answer" if self._problem is None else "an operator"
        try:
            await workflow.wait_condition(
                lambda: self._nudges != seen,
                timeout=timeouts.BANK_PATIENCE,
                timeout_summary=f"look again, if {why} has not come by then",
            )
        except TimeoutError:
            return

    def _describe(self) -> None:
        """What operators see and search for, brought up to date before every wait."""
        workflow.set_current_details(_details(self._refund_id, self._refund, self._problem))
        attributes = _search_attributes(self._refund, needs_operator=self._problem is not None)
        updates = changes(self._attributes, attributes)
        if updates:
            workflow.upsert_search_attributes(updates)
            self._attributes = attributes


def _search_attributes(refund: Refund | None, *, needs_operator: bool) -> TypedSearchAttributes:
    pairs: list[SearchAttributePair[Any]] = [SearchAttributePair(NEEDS_OPERATOR, needs_operator)]
    if refund is not None:
        pairs.append(SearchAttributePair(CUSTOMER_ID, refund.customer_id))
        pairs.append(SearchAttributePair(CURRENCY, refund.amount.currency))
    return TypedSearchAttributes(pairs)


def _details(refund_id: str, refund: Refund | None, problem: str | None) -> str:
    """The refund in one screen: what it is, where it stands, what is wrong."""
    lines = [f"# Refund of {refund.amount}" if refund else f"# Refund {refund_id}", ""]
    if problem is not None:
        lines += [_needs_operator(problem), ""]
    if refund is None:
        return "\n".join(lines)
    facts = [
        ("State", f"**{refund.state}**"),
        ("Customer", f"`{refund.customer_id}`"),
        ("Subscription", f"`{refund.subscription_id}`"),
        ("Invoice", f"`{refund.invoice_id}`"),
        ("Credit note", f"`{refund.credit_note_id}`"),
        ("Payment", f"`{refund.payment_id}`"),
        ("At Stripe", f"`{refund.gateway_refund_id}`" if refund.gateway_refund_id else "not yet"),
        ("Requested", instant(refund.requested_at)),
    ]
    if refund.failure_reason is not None:
        facts.append(("Failed", quoted(refund.failure_reason)))
    lines += ["| | |", "|---|---|", *(f"| {label} | {text} |" for label, text in facts), ""]
    return "\n".join([*lines, _MEANINGS[refund.state]])


def _needs_operator(problem: str) -> str:
    return (
        f"> **Needs an operator.** The refund cannot go on as things are: {quoted(problem)}. It is"
        " tried again once a day. Mend the cause, then send the update `retry_now`."
    )
