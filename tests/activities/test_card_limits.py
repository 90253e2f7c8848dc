"""The networks' limit counts what one card refused, not what one saved method did."""

from billing import settlement
from billing.payment import Declined
from billing.subscription import SubscriptionState, SubscriptionStatus
from tests.activities.till import DUE_AT, Till

BROKE = "pm_card_chargeCustomerFail"
LIMIT = 15


async def _tried(till: Till, state: SubscriptionState, card: str) -> tuple[str, SubscriptionState]:
    """A method that was saved just now is tried at once: what came of it, and where it leads."""
    await till.save_card(card)
    asking = settlement.payment_method_changed(state, DUE_AT)
    outcome = (await till.collect(asking)).outcome
    after = settlement.collected(asking, state.open_invoices[0].invoice_id, outcome, DUE_AT)
    return outcome.decline.reason if isinstance(outcome, Declined) else outcome.kind, after


async def _nearly_at_the_limit(till: Till) -> SubscriptionState:
    """One card, saved anew before each of its declines; one more is allowed."""
    state = await till.after_collecting(await till.owing(BROKE))
    for _ in range(LIMIT - 2):
        reason, state = await _tried(till, state, BROKE)
        assert reason == "generic_decline"
    return state


async def test_a_card_that_is_saved_anew_each_time_is_asked_no_more_often(till: Till) -> None:
    state = await _nearly_at_the_limit(till)
    reason, state = await _tried(till, state, BROKE)
    assert reason == "generic_decline"
    for _ in range(2):
        reason, state = await _tried(till, state, BROKE)
        assert reason == "retry_limit_reached"
    assert (await _tried(till, state, "pm_card_mastercard"))[0] == "paid"


async def test_the_declines_of_another_card_are_not_counted(till: Till) -> None:
    state = await _nearly_at_the_limit(till)
    till.gateway.schedule_outcomes(till.gateway_customer_id, *["insufficient_funds"] * 2)
    for _ in range(2):
        reason, state = await _tried(till, state, "pm_card_visa")
        assert reason == "insufficient_funds"
    reason, state = await _tried(till, state, BROKE)
    assert reason == "generic_decline"
    assert (await _tried(till, state, BROKE))[0] == "retry_limit_reached"


async def test_a_new_invoice_of_an_active_subscription_asks_no_more_often(till: Till) -> None:
    """What is waived leaves it active; whatever it is charged then asks the same card."""
    state = await _nearly_at_the_limit(till)
    _, state = await _tried(till, state, BROKE)
    waived = state.changed(status=SubscriptionStatus.ACTIVE, open_invoices=())
    again = await till.billed(waived)
    assert again.open_invoices[0].attempts_made == 0
    outcome = (await till.collect(again)).outcome
    assert isinstance(outcome, Declined)
    assert outcome.decline.reason == "retry_limit_reached"
