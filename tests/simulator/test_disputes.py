"""Disputes, from the test cards that begin them to the bank's decision."""

import pytest
import stripe

from simulator.errors import ControlRefused
from tests.simulator.conftest import Simulator

_END_OF_THE_NINTH_DAY = (1_800_000_000 // 86_400 + 9) * 86_400 - 1


async def _disputed(
    simulator: Simulator, method: str = "pm_card_createDispute", *, amount: int = 6000
) -> tuple[stripe.PaymentIntent, stripe.Dispute]:
    paid = await simulator.paid(method, amount=amount)
    [dispute] = (await simulator.v1.disputes.list_async({"payment_intent": paid.id})).data
    return paid, dispute


async def _respond(simulator: Simulator, dispute: stripe.Dispute, text: str) -> stripe.Dispute:
    return await simulator.v1.disputes.update_async(
        dispute.id, {"evidence": {"uncategorized_text": text}}
    )


async def _refund(simulator: Simulator, paid: stripe.PaymentIntent, amount: int) -> stripe.Refund:
    return await simulator.v1.refunds.create_async({"payment_intent": paid.id, "amount": amount})


async def test_a_chargeback_takes_the_money_and_a_fee_at_once(simulator: Simulator) -> None:
    paid, dispute = await _disputed(simulator)
    assert (dispute.status, dispute.reason) == ("needs_response", "fraudulent")
    assert (dispute.amount, dispute.currency) == (6000, "usd")
    assert (dispute.charge, dispute.payment_intent) == (paid.latest_charge, paid.id)
    assert not dispute.is_charge_refundable
    details = dispute.payment_method_details
    assert details is not None
    assert details.card is not None
    assert (details.card.case_type, details.card.network_reason_code) == ("chargeback", "10.4")
    assert dispute.evidence_details.due_by == _END_OF_THE_NINTH_DAY
    [withdrawal] = dispute.balance_transactions
    assert (withdrawal.amount, withdrawal.fee, withdrawal.net) == (-6000, 1500, -7500)
    assert withdrawal.reporting_category == "dispute"
    charge = await simulator.v1.charges.retrieve_async(str(paid.latest_charge))
    assert charge.disputed
    assert (await simulator.event_types())[-4:] == [
        "charge.succeeded",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "payment_intent.succeeded",
    ]
    assert (await simulator.control.totals())["usd"].balance_minor == 0


async def test_a_dispute_names_the_reason_of_its_card(simulator: Simulator) -> None:
    _, dispute = await _disputed(simulator, "pm_card_createDisputeProductNotReceived")
    assert (dispute.reason, dispute.network_reason_code) == ("product_not_received", "13.1")


@pytest.mark.parametrize("number", ["4000000000000259", "4000000000002685", "4000000000001976"])
async def test_cards_are_disputed_by_their_numbers_too(simulator: Simulator, number: str) -> None:
    method = await simulator.v1.payment_methods.create_async(
        {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2030}}
    )
    _, dispute = await _disputed(simulator, method.id)
    assert dispute.status.endswith("needs_response")


async def test_an_inquiry_moves_no_money(simulator: Simulator) -> None:
    paid, inquiry = await _disputed(simulator, "pm_card_createDisputeInquiry")
    assert inquiry.status == "warning_needs_response"
    assert inquiry.is_charge_refundable
    assert inquiry.balance_transactions == []
    assert "charge.dispute.funds_withdrawn" not in await simulator.event_types()
    assert (await simulator.control.totals())["usd"].balance_minor == 6000
    assert (await _refund(simulator, paid, 100)).status == "succeeded"


async def test_a_disputed_charge_is_not_refunded(simulator: Simulator) -> None:
    paid, _ = await _disputed(simulator)
    with pytest.raises(stripe.InvalidRequestError, match="has been charged back") as caught:
        await _refund(simulator, paid, 100)
    assert caught.value.code == "charge_disputed"


async def test_evidence_goes_to_the_bank(simulator: Simulator) -> None:
    _, dispute = await _disputed(simulator)
    updated = await simulator.v1.disputes.update_async(
        dispute.id, {"evidence": {"product_description": "Seats", "customer_name": "Ada"}}
    )
    assert updated.status == "under_review"
    assert updated.evidence.product_description == "Seats"
    details = updated.evidence_details
    assert (details.has_evidence, details.submission_count) == (True, 1)
    assert details.submission_method == "manual"
    assert (await simulator.event_types())[-1] == "charge.dispute.updated"
    event = (await simulator.v1.events.list_async({"type": "charge.dispute.updated"})).data[0]
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes["status"] == "needs_response"


async def test_staged_evidence_waits_until_it_is_submitted(simulator: Simulator) -> None:
    _, dispute = await _disputed(simulator)
    staged = await simulator.v1.disputes.update_async(
        dispute.id,
        {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": False},
    )
    assert (staged.status, staged.evidence_details.submission_count) == ("needs_response", 0)
    submitted = await simulator.v1.disputes.update_async(dispute.id, {"submit": True})
    assert submitted.status == "won"


async def test_metadata_alone_answers_nothing(simulator: Simulator) -> None:
    _, dispute = await _disputed(simulator)
    updated = await simulator.v1.disputes.update_async(dispute.id, {"metadata": {"case": "7"}})
    assert (updated.status, updated.metadata["case"]) == ("needs_response", "7")
    assert not updated.evidence_details.has_evidence


async def test_winning_evidence_brings_the_money_back_and_allows_refunds(
    simulator: Simulator,
) -> None:
    paid, dispute = await _disputed(simulator)
    won = await _respond(simulator, dispute, "winning_evidence")
    assert (won.status, won.is_charge_refundable) == ("won", True)
    withdrawal, reversal = won.balance_transactions
    assert (withdrawal.amount, reversal.amount, reversal.fee) == (-6000, 6000, 0)
    assert reversal.reporting_category == "dispute_reversal"
    assert (await simulator.event_types())[-3:] == [
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]
    charge = await simulator.v1.charges.retrieve_async(str(paid.latest_charge))
    assert charge.disputed
    assert (await simulator.control.totals())["usd"].balance_minor == 6000
    assert (await _refund(simulator, paid, 100)).status == "succeeded"


async def test_losing_evidence_leaves_the_money_with_the_cardholder(simulator: Simulator) -> None:
    paid, dispute = await _disputed(simulator)
    lost = await _respond(simulator, dispute, "losing_evidence")
    assert (lost.status, lost.is_charge_refundable) == ("lost", False)
    assert len(lost.balance_transactions) == 1
    assert (await simulator.event_types())[-2:] == [
        "charge.dispute.updated",
        "charge.dispute.closed",
    ]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await _refund(simulator, paid, 100)
    assert caught.value.code == "charge_disputed"


async def test_an_accepted_dispute_is_lost_for_good(simulator: Simulator) -> None:
    _, dispute = await _disputed(simulator)
    assert (await simulator.v1.disputes.close_async(dispute.id)).status == "lost"
    assert (await simulator.event_types())[-1] == "charge.dispute.closed"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await simulator.v1.disputes.close_async(dispute.id)
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await _respond(simulator, dispute, "winning_evidence")
    with pytest.raises(ControlRefused, match="already closed"):
        await simulator.control.decide_dispute(dispute.id, won=True)


@pytest.mark.parametrize("text", ["losing_evidence", "winning_evidence"])
async def test_an_answered_inquiry_closes_without_a_loss(simulator: Simulator, text: str) -> None:
    _, inquiry = await _disputed(simulator, "pm_card_createDisputeInquiry")
    closed = await _respond(simulator, inquiry, text)
    assert (closed.status, closed.is_charge_refundable) == ("warning_closed", True)
    assert closed.balance_transactions == []
    assert (await simulator.control.totals())["usd"].balance_minor == 6000


async def test_an_inquiry_becomes_a_dispute_and_its_refunds_fail(simulator: Simulator) -> None:
    paid, inquiry = await _disputed(simulator, "pm_card_createDisputeInquiry")
    refund = await _refund(simulator, paid, 1000)
    dispute = await _respond(simulator, inquiry, "escalate_inquiry_evidence")
    assert (dispute.id, dispute.status, dispute.amount) == (inquiry.id, "needs_response", 6000)
    details = dispute.payment_method_details
    assert details is not None
    assert details.card is not None
    assert details.card.case_type == "chargeback"
    failed = await simulator.v1.refunds.retrieve_async(refund.id)
    assert failed.failure_reason == "charge_for_pending_refund_disputed"
    assert (await simulator.event_types())[-5:] == [
        "charge.dispute.updated",
        "refund.updated",
        "refund.failed",
        "charge.dispute.updated",
        "charge.dispute.funds_withdrawn",
    ]
    assert (await simulator.control.totals())["usd"].balance_minor == 0


async def test_a_dispute_is_no_inquiry_to_be_escalated(simulator: Simulator) -> None:
    _, dispute = await _disputed(simulator)
    assert (await _respond(simulator, dispute, "escalate_inquiry_evidence")).status == (
        "under_review"
    )
    with pytest.raises(ControlRefused, match="Only an inquiry"):
        await simulator.control.escalate_dispute(dispute.id)


async def test_any_payment_can_be_disputed_at_a_chosen_moment(simulator: Simulator) -> None:
    paid = await simulator.paid(amount=1000)
    await _refund(simulator, paid, 300)
    dispute_id = await simulator.control.dispute(paid.id, reason="subscription_canceled")
    dispute = await simulator.v1.disputes.retrieve_async(dispute_id)
    assert (dispute.amount, dispute.reason) == (700, "subscription_canceled")
    assert dispute.network_reason_code is None
    with pytest.raises(ControlRefused, match="disputed already"):
        await simulator.control.dispute(paid.id)
    await simulator.control.decide_dispute(dispute_id, won=False)
    assert (await simulator.v1.disputes.retrieve_async(dispute_id)).status == "lost"


async def test_an_inquiry_can_be_ordered_and_escalated(simulator: Simulator) -> None:
    paid = await simulator.paid(amount=1000)
    dispute_id = await simulator.control.dispute(str(paid.latest_charge), is_inquiry=True)
    await simulator.control.escalate_dispute(dispute_id)
    await simulator.control.decide_dispute(dispute_id, won=True)
    assert (await simulator.control.totals())["usd"].balance_minor == 1000


async def test_a_bank_debit_is_disputed_without_a_card(simulator: Simulator) -> None:
    customer, method = await simulator.customer("pm_usBankAccount_success")
    intent = await simulator.intent(customer, method)
    await simulator.v1.payment_intents.confirm_async(
        intent.id, {"mandate_data": {"customer_acceptance": {"type": "offline"}}}
    )
    with pytest.raises(ControlRefused, match="nothing left"):
        await simulator.control.dispute(intent.id)
    await simulator.control.settle(intent.id)
    dispute_id = await simulator.control.dispute(intent.id, reason="debit_not_authorized")
    dispute = await simulator.v1.disputes.retrieve_async(dispute_id)
    assert (dispute.payment_method_details, dispute.network_reason_code) == (None, None)


async def test_a_refunded_payment_leaves_nothing_to_dispute(simulator: Simulator) -> None:
    paid = await simulator.paid()
    await simulator.control.refund(paid.id)
    with pytest.raises(ControlRefused, match="nothing left"):
        await simulator.control.dispute(paid.id)


async def test_disputes_are_listed_by_charge_and_expanded(simulator: Simulator) -> None:
    paid, first = await _disputed(simulator)
    _, second = await _disputed(simulator)
    everything = await simulator.v1.disputes.list_async({"limit": 10})
    assert [dispute.id for dispute in everything.data] == [second.id, first.id]
    of_charge = await simulator.v1.disputes.list_async({"charge": str(paid.latest_charge)})
    assert [dispute.id for dispute in of_charge.data] == [first.id]
    whole = await simulator.v1.disputes.retrieve_async(
        first.id, {"expand": ["charge", "payment_intent"]}
    )
    assert isinstance(whole.charge, stripe.Charge)
    assert isinstance(whole.payment_intent, stripe.PaymentIntent)


async def test_files_and_unknown_disputes_are_refused(simulator: Simulator) -> None:
    _, dispute = await _disputed(simulator)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.disputes.update_async(dispute.id, {"evidence": {"receipt": "file_1"}})
    assert caught.value.code == "parameter_unknown"
    with pytest.raises(stripe.InvalidRequestError, match="No such dispute") as caught:
        await simulator.v1.disputes.retrieve_async("du_unknown")
    assert caught.value.param == "dispute"
