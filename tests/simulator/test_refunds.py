"""Refunds never exceed what was captured."""

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.charges import Charge
from simulator.document import JsonObject
from simulator.errors import ControlRefused, InvalidRequest
from simulator.operation import Operation
from simulator.payment_confirmation import create as create_payment
from simulator.payment_intents import CreateParameters as PaymentParameters
from simulator.refunds import CreateParameters, create
from simulator.store import Store
from tests.simulator.conftest import Simulator

_FORM: JsonObject = {
    "amount": 1000,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "allowed_payment_method_types": ["card"],
    "confirm": True,
}


async def test_partial_refunds_add_up_to_the_charge(simulator: Simulator) -> None:
    paid = await simulator.paid(amount=1000)
    first = await simulator.v1.refunds.create_async(
        {"payment_intent": paid.id, "amount": 300, "reason": "requested_by_customer"}
    )
    rest = await simulator.v1.refunds.create_async({"payment_intent": paid.id})
    assert (first.amount, rest.amount, rest.status) == (300, 700, "succeeded")
    charge = await simulator.v1.charges.retrieve_async(str(paid.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.refunds.create_async({"payment_intent": paid.id})
    assert caught.value.code == "charge_already_refunded"
    assert (await simulator.control.totals())["usd"].refunded_minor == 1000


async def test_more_than_is_left_is_refused_and_moves_nothing(simulator: Simulator) -> None:
    paid = await simulator.paid(amount=1000)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        await simulator.v1.refunds.create_async({"payment_intent": paid.id, "amount": 1001})
    assert (await simulator.v1.refunds.list_async({"payment_intent": paid.id})).data == []


async def test_a_refund_says_whose_payment_it_pays_back(simulator: Simulator) -> None:
    paid = await simulator.paid(amount=1000)
    refund = await simulator.v1.refunds.create_async(
        {"payment_intent": paid.id, "amount": 300, "metadata": {"refund": "re_ours"}}
    )
    assert (refund.payment_intent, refund.charge) == (paid.id, paid.latest_charge)
    assert (refund.customer, refund.payment_method) == (paid.customer, paid.payment_method)
    assert refund.metadata is not None
    assert refund.metadata["refund"] == "re_ours"
    for absent in ("failure_reason", "failure_balance_transaction", "pending_reason", "livemode"):
        assert absent not in refund.to_dict()


async def test_a_payment_without_a_successful_charge_is_not_refunded(simulator: Simulator) -> None:
    customer, method = await simulator.customer("pm_card_chargeCustomerFail")
    intent = await simulator.intent(customer, method)
    with pytest.raises(stripe.CardError):
        await simulator.v1.payment_intents.confirm_async(intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        await simulator.v1.refunds.create_async({"payment_intent": intent.id})
    failed = (await simulator.v1.charges.list_async({"payment_intent": intent.id})).data[0]
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        await simulator.v1.refunds.create_async({"charge": failed.id})


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"charge": "ch_unknown"}, "resource_missing", "id"),
        ({"payment_intent": "pi_unknown"}, "resource_missing", "payment_intent"),
        ({"amount": 100}, None, None),
        ({"payment_intent": "pi_unknown", "amount": 0}, "parameter_invalid_integer", "amount"),
        ({"payment_intent": "pi_unknown", "currency": "usd"}, "parameter_unknown", "currency"),
    ],
)
async def test_what_is_no_refund_is_refused(
    simulator: Simulator,
    params: stripe.params.RefundCreateParams,
    code: str | None,
    param: str | None,
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.refunds.create_async(params)
    error = caught.value.error
    assert error is not None
    assert (error.code, error.param) == (code, param)


async def test_a_refund_tells_of_itself_and_of_its_charge(simulator: Simulator) -> None:
    paid = await simulator.paid(amount=1000)
    await simulator.v1.refunds.create_async({"payment_intent": paid.id, "amount": 300})
    assert (await simulator.event_types())[-2:] == ["refund.created", "charge.refunded"]
    event = (await simulator.v1.events.list_async({"type": "charge.refunded"})).data[0]
    assert event.data.object["amount_refunded"] == 300
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes["amount_refunded"] == 0


async def test_a_pending_refund_counts_at_once_and_succeeds_later(simulator: Simulator) -> None:
    paid = await simulator.paid("pm_card_pendingRefund", amount=1000)
    refund = await simulator.v1.refunds.create_async({"payment_intent": paid.id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.refunds.create_async({"payment_intent": paid.id})
    assert caught.value.code == "charge_already_refunded"
    await simulator.control.settle_refund(refund.id)
    settled = await simulator.v1.refunds.retrieve_async(refund.id)
    assert settled.status == "succeeded"
    assert "pending_reason" not in settled.to_dict()
    assert (await simulator.event_types())[-1] == "refund.updated"
    with pytest.raises(ControlRefused, match="status of succeeded"):
        await simulator.control.settle_refund(refund.id)


@pytest.mark.parametrize("method", ["pm_card_pendingRefund", "pm_card_refundFail"])
async def test_a_failed_refund_leaves_the_charge_to_be_refunded(
    simulator: Simulator, method: str
) -> None:
    paid = await simulator.paid(method, amount=1000)
    refund = await simulator.v1.refunds.create_async({"payment_intent": paid.id, "amount": 400})
    await simulator.control.settle_refund(refund.id, failure="lost_or_stolen_card")
    failed = await simulator.v1.refunds.retrieve_async(
        refund.id, {"expand": ["failure_balance_transaction"]}
    )
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    returned = failed.failure_balance_transaction
    assert isinstance(returned, stripe.BalanceTransaction)
    assert (returned.type, returned.amount, returned.source) == ("refund_failure", 400, refund.id)
    charge = await simulator.v1.charges.retrieve_async(str(paid.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert (await simulator.event_types())[-2:] == ["refund.updated", "refund.failed"]
    assert (await simulator.control.totals())["usd"].balance_minor == 1000
    with pytest.raises(ControlRefused, match="status of failed"):
        await simulator.control.settle_refund(refund.id, failure="unknown")
    again = await simulator.v1.refunds.create_async({"payment_intent": paid.id})
    assert again.amount == 1000


async def test_a_pending_refund_can_be_stopped_in_the_dashboard(simulator: Simulator) -> None:
    paid = await simulator.paid("pm_card_pendingRefund", amount=1000)
    refund = await simulator.v1.refunds.create_async({"payment_intent": paid.id})
    await simulator.control.cancel_refund(refund.id)
    canceled = await simulator.v1.refunds.retrieve_async(refund.id)
    assert (canceled.status, canceled.failure_reason) == ("canceled", "merchant_request")
    assert (await simulator.control.totals())["usd"].refunded_minor == 0
    succeeded = await simulator.v1.refunds.create_async(
        {"payment_intent": (await simulator.paid()).id}
    )
    with pytest.raises(ControlRefused, match="status of succeeded"):
        await simulator.control.cancel_refund(succeeded.id)


async def test_a_refund_in_the_dashboard_comes_from_no_request(simulator: Simulator) -> None:
    paid = await simulator.paid(amount=1000)
    refund = await simulator.v1.refunds.retrieve_async(await simulator.control.refund(paid.id, 300))
    assert refund.amount == 300
    assert refund.to_dict()["metadata"] == {}
    event = (await simulator.v1.events.list_async({"type": "refund.created"})).data[0]
    assert event.request is not None
    assert (event.request.id, event.request.idempotency_key) == (None, None)
    rest = await simulator.control.refund(str(paid.latest_charge))
    assert (await simulator.v1.refunds.retrieve_async(rest)).amount == 700
    with pytest.raises(ControlRefused, match="charge_already_refunded"):
        await simulator.control.refund(paid.id)


async def test_only_documented_failures_can_be_ordered(simulator: Simulator) -> None:
    with pytest.raises(ControlRefused, match="no such failure"):
        await simulator.control.settle_refund("re_any", failure="bad_mood")
    with pytest.raises(ControlRefused, match="resource_missing"):
        await simulator.control.settle_refund("re_any")


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.integers(1, 700), max_size=8))
def test_no_sequence_of_refunds_pays_back_more_than_was_captured(amounts: list[int]) -> None:
    operation = Operation(Store(None), 1_800_000_000, False, "http://localhost", None)
    create_payment(operation, "", PaymentParameters.model_validate(_FORM))
    [charge] = operation.store.all_where(Charge, {})
    accepted = 0
    for amount in amounts:
        try:
            accepted += create(
                operation, "", CreateParameters(charge=charge.id, amount=amount)
            ).amount
        except InvalidRequest:
            assert accepted + amount > 1000
        assert operation.get(Charge, charge.id).amount_refunded == accepted <= 1000
    operation.store.close()
