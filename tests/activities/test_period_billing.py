"""A period is billed once, and a trial begun once, however often they are asked for."""

from datetime import timedelta

from activities.period_billing import Billed, BillPeriod, NotBilled, StartTrial, TrialStarted
from adapters.db.tables.invoice import invoices
from adapters.db.tables.ledger import journal_entries
from billing import lifecycle
from billing.subscription import SubscriptionState, SubscriptionStatus
from tests.activities.till import DUE_AT, Till
from tests.adapters.db.company import START, subscription


async def test_a_period_billed_again_is_the_same_invoice_and_the_same_entry(till: Till) -> None:
    request = BillPeriod(state=subscription(), now=DUE_AT)

    first = await till.billing.bill_period(request)
    again = await till.billing.bill_period(
        request.model_copy(update={"now": DUE_AT + timedelta(days=9)})
    )

    assert first == again
    assert await till.count(invoices) == await till.count(journal_entries) == 1
    assert await till.event_types() == ["invoice.finalized", "subscription.renewed"]


async def test_a_period_billed_again_after_it_was_paid_owes_nothing(till: Till) -> None:
    await till.collect(await till.owing())

    after_a_reset = await till.billed(subscription())

    assert after_a_reset.open_invoices == ()
    assert till.taken_minor() == 8000


async def test_a_period_billed_again_after_a_decline_still_owes_it(till: Till) -> None:
    owing = await till.owing("pm_card_chargeCustomerFail")
    await till.collect(owing)

    assert (await till.billed(subscription())).open_invoices == owing.open_invoices


async def test_a_trial_begun_again_later_is_the_trial_that_was_begun_before(till: Till) -> None:
    state = waiting()
    first = await till.billing.start_trial(StartTrial(state=state, now=START))
    again = await till.billing.start_trial(
        StartTrial(
            state=state.model_copy(update={"checkout_completed_at": None}),
            now=START + timedelta(days=2),
        )
    )

    assert isinstance(first, TrialStarted)
    assert isinstance(again, TrialStarted)
    assert again.trial == first.trial
    assert await till.event_types() == ["subscription.trial_started"]


async def test_the_family_s_live_place_is_given_once(till: Till) -> None:
    await till.billing.bill_period(BillPeriod(state=waiting(), now=START))

    other = waiting().model_copy(update={"subscription_id": "sub_2"})
    refused = await till.billing.bill_period(BillPeriod(state=other, now=START))

    assert refused == NotBilled(reason="family_taken")
    assert await till.count(invoices) == 1


async def test_a_trial_does_not_convert_without_a_payment_method(till: Till) -> None:
    begun = await till.billing.start_trial(StartTrial(state=waiting(), now=START))
    assert isinstance(begun, TrialStarted)
    trialing = lifecycle.trial_started(waiting(), begun.trial)
    request = BillPeriod(state=trialing, now=begun.trial.end)

    assert await till.billing.bill_period(request) == NotBilled(reason="no_payment_method")
    await till.save_card("pm_card_visa")
    billed = await till.billing.bill_period(request)

    assert isinstance(billed, Billed)
    assert billed.anchor_at == billed.period.start == begun.trial.end


def waiting() -> SubscriptionState:
    """Ready to begin."""
    return subscription().model_copy(
        update={
            "status": SubscriptionStatus.INCOMPLETE,
            "anchor_at": None,
            "period_number": None,
            "period": None,
            "checkout_completed_at": START,
        }
    )
