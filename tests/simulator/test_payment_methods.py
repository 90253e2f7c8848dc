"""Payment methods and their attachment."""

import pytest
import stripe

from tests.simulator.conftest import Simulator


async def test_a_card_by_number_shows_brand_and_last_digits_only(simulator: Simulator) -> None:
    method = await simulator.v1.payment_methods.create_async(
        {
            "type": "card",
            "card": {
                "number": "4242 4242 4242 4242",
                "exp_month": 12,
                "exp_year": 2034,
                "cvc": "123",
            },
            "billing_details": {"name": "Ada", "email": "ada@example.com"},
            "metadata": {"order": "7"},
        }
    )
    assert method.card is not None
    assert (method.card.brand, method.card.last4) == ("visa", "4242")
    assert method.billing_details.name == "Ada"
    assert "number" not in method.to_dict()["card"]
    sent = await simulator.control.requests(method="POST", path="/v1/payment_methods")
    assert sent[0].parameters["card[number]"] == "…4242"


async def test_a_token_makes_a_card(simulator: Simulator) -> None:
    method = await simulator.v1.payment_methods.create_async(
        {"type": "card", "card": {"token": "tok_mastercard"}}
    )
    assert method.card is not None
    assert method.card.brand == "mastercard"


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424241", "exp_month": 12, "exp_year": 2034}, "incorrect_number"),
        ({"number": "4111111111111111", "exp_month": 12, "exp_year": 2034}, "card_declined"),
        ({"number": "4242424242424242", "exp_month": 13, "exp_year": 2034}, "invalid_expiry_month"),
        ({"number": "4242424242424242", "exp_month": 1, "exp_year": 2020}, "invalid_expiry_year"),
        (
            {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "12"},
            "invalid_cvc",
        ),
        (
            {"number": "378282246310005", "exp_month": 12, "exp_year": 2034, "cvc": "123"},
            "invalid_cvc",
        ),
    ],
)
async def test_an_impossible_card_is_refused_with_its_own_code(
    simulator: Simulator, card: stripe.params.PaymentMethodCreateParamsCard, code: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await simulator.v1.payment_methods.create_async({"type": "card", "card": card})
    assert caught.value.code == code


async def test_a_method_belongs_to_one_customer(simulator: Simulator) -> None:
    _, method = await simulator.customer()
    other = await simulator.v1.customers.create_async({})
    with pytest.raises(stripe.InvalidRequestError):
        await simulator.v1.payment_methods.attach_async(method, {"customer": other.id})
    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        await simulator.intent(other.id, method)


async def test_attaching_twice_to_the_same_customer_changes_nothing(simulator: Simulator) -> None:
    customer, method = await simulator.customer()
    await simulator.v1.payment_methods.attach_async(method, {"customer": customer})
    assert (await simulator.event_types()).count("payment_method.attached") == 1


async def test_a_detached_method_cannot_be_used_again(simulator: Simulator) -> None:
    customer, method = await simulator.customer()
    detached = await simulator.v1.payment_methods.detach_async(method)
    assert detached.customer is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await simulator.intent(customer, method)


async def test_a_method_used_without_a_customer_is_spent(simulator: Simulator) -> None:
    method = await simulator.v1.payment_methods.create_async(
        {"type": "card", "card": {"token": "tok_visa"}}
    )
    parameters: stripe.params.PaymentIntentCreateParams = {
        "amount": 900,
        "currency": "eur",
        "payment_method": method.id,
        "allowed_payment_method_types": ["card"],
        "confirm": True,
    }
    assert (await simulator.v1.payment_intents.create_async(parameters)).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await simulator.v1.payment_intents.create_async(parameters)


async def test_the_list_of_a_customer_is_filtered_by_type(simulator: Simulator) -> None:
    customer, method = await simulator.customer()
    cards = await simulator.v1.customers.payment_methods.list_async(customer, {"type": "card"})
    debits = await simulator.v1.payment_methods.list_async(
        {"customer": customer, "type": "sepa_debit"}
    )
    assert [found.id for found in cards.data] == [method]
    assert debits.data == []
