"""A customer's command to a subscription of theirs, given from a page.

Owns how a refusal comes back to the page: as a code, never as a failure. Does not own whose the
subscription is (`payable`, `portal`), its words (`refusals`) nor the waiting
(`api.workflow_calls`).
"""

from adapters.db.engine import reading
from adapters.db.queries.customers import Customer
from api.dependencies import Dependencies
from api.hosted.subscription_talk import hurried
from api.present import present_on
from api.problems import Unavailable
from api.workflow_calls import NotRunning, SubscriptionWorkflows
from billing.errors import Conflict, InvalidInput
from workflows.messages import AnyCommand


async def ask(
    deps: Dependencies, customer: Customer, subscription_id: str, command: AnyCommand
) -> str | None:
    """Has the command applied, once per command id; the code of its refusal, else None.

    `temporarily_unavailable` is a refusal too, of a command that may still be applied.
    """
    try:
        async with reading(deps.engine) as connection:
            await present_on(connection, customer.test_clock_id)
        await SubscriptionWorkflows.of(hurried(deps)).command(subscription_id, command)
    except (Conflict, InvalidInput, NotRunning, Unavailable) as error:
        return error.code
    return None
