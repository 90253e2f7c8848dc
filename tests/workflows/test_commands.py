"""Commands: each takes effect once, and its id stands for nothing else (policy P32)."""

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.histories.settling import BROKE
from tests.workflows.company import OPERATOR, Company, at
from tests.workflows.test_dunning import owing
from workflows.messages import ExtendGrace, WaiveInvoice


async def test_a_commands_id_with_other_content_is_refused_and_changes_nothing(
    company: Company,
) -> None:
    """Otherwise an operator is told that a second grace, or a waiver, took effect (policy P32)."""
    async with company.working():
        subscription = await owing(company, BROKE)
        await company.advance("2026-06-02T00:00")
        grace = ExtendGrace(
            command_id="op-1", actor=OPERATOR, reason="asked for", until=at("2026-06-20T00:00")
        )
        first = await subscription.command("extend_grace", grace)
        again = await subscription.command(
            "extend_grace", grace.model_copy(update={"reason": "asked for again"})
        )
        assert (again.applied_at, again.revision) == (first.applied_at, first.revision)
        [invoice] = (await subscription.report()).state.open_invoices
        others = {
            "extend_grace": grace.model_copy(update={"until": at("2026-06-27T00:00")}),
            "waive_invoice": WaiveInvoice(
                command_id="op-1", actor=OPERATOR, reason="x", invoice_id=invoice.invoice_id
            ),
        }
        for name, command in others.items():
            with pytest.raises(WorkflowUpdateFailedError) as refused:
                await subscription.command(name, command)
            assert isinstance(refused.value.cause, ApplicationError)
            assert refused.value.cause.type == "command_id_reused"
        state = (await subscription.report()).state
        assert state.grace_until == at("2026-06-20T00:00")
        assert state.open_invoice(invoice.invoice_id) is not None
