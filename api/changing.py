"""Previewing a change and having it made, for whoever asks: a caller of the API or a hosted page.

Owns both. A preview is computed from what the database says, by the rules that the change itself
follows; the change is the workflow's, and what became of it is read from the database. Does not own
amounts (`billing.change`).
"""

from dataclasses import replace
from datetime import datetime

from adapters.db.queries import change_basis
from adapters.db.queries.change_basis import ChangeableSubscription
from adapters.quote_token import QuoteTokens
from api.change_view import ChangePreviewView, ChangeView
from api.commanding import give, require
from api.dependencies import Dependencies
from api.present import machine_now, present_by
from api.problems import Unavailable
from billing.agenda import overdue_boundary
from billing.change import ChangeRequest
from billing.errors import Conflict, NotFound
from billing.estimate import renewal_after
from billing.quote import Quote
from billing.requested_change import plan_request
from workflows.messages import ChangeSubscription


async def preview(
    deps: Dependencies, subscription_id: str, request: ChangeRequest
) -> ChangePreviewView:
    """What the change would do now, and a quote for it (policy P14).

    Raises `NotFound` (`subscription_not_found`), `Conflict` (`test_clock_advancing`;
    `period_ending` while the end of a period is being dealt with) and what the rules refuse.
    """
    found = await change_basis.get(deps.engine, subscription_id, price_id=request.price_id)
    if found is None:
        raise NotFound("subscription_not_found", f"no subscription {subscription_id}")
    state, now = found.state, _present_of(found)
    if overdue_boundary(state, now):
        raise Conflict("period_ending", "a period has just ended: try again in a moment")
    taxation = await deps.tax_rates.taxation(state.customer_id, now, standing=found.tax_standing)
    basis = replace(found.basis, taxation=taxation)
    plan = plan_request(state, request, basis, at=now)
    quote = Quote(
        subscription_id=subscription_id,
        version=state.version,
        at=now,
        price_id=plan.target.price_id,
        price_version=plan.target.price_version,
        quantity=plan.target.quantity,
        configuration=plan.target.configuration,
        total=plan.total,
    )
    token = QuoteTokens.of(deps.settings).write(quote)
    return ChangePreviewView.of(
        state,
        plan,
        renewal=renewal_after(state, plan, basis),
        balance=found.balance,
        quote=quote,
        token=token,
    )


async def make(deps: Dependencies, subscription_id: str, command: ChangeSubscription) -> ChangeView:
    """The change and what became of it, `declined` and `abandoned` included.

    Where the payment outlasts the caller's patience, it is `paying`. Raises as `give` does, and
    `Unavailable` only where nothing is known of the change.
    """
    try:
        await give(deps, subscription_id, command)
    except Unavailable as unanswered:
        try:
            return ChangeView.of(command.command_id, await require(deps, subscription_id))
        except NotFound:
            raise unanswered from None
    return ChangeView.of(command.command_id, await require(deps, subscription_id))


def _present_of(found: ChangeableSubscription) -> datetime:
    return machine_now() if found.clock is None else present_by(found.clock).now
