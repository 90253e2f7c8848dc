"""Refunds never exceed what was captured."""

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.charges import Charge
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.operation import Operation
from simulator.payment_intents import CreateParameters as PaymentParameters
from simulator.payment_intents import create as create_payment
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


async def test_a_disputed_charge_is_not_refunded(simulator: Simulator) -> None:
    paid = await simulator.paid()
    await simulator.control.dispute(str(paid.latest_charge))
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await simulator.v1.refunds.create_async({"charge": str(paid.latest_charge)})
    assert caught.value.code == "charge_disputed"


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
