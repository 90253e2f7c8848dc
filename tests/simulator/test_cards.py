"""The documented test cards."""

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from simulator.cards import KNOWN_CARDS, Authentication, KnownCard, passes_luhn
from simulator.declines import DECLINES
from tests.simulator.conftest import Simulator

_NAMED = [card for card in KNOWN_CARDS if card.name is not None]


@pytest.mark.parametrize("card", KNOWN_CARDS, ids=lambda card: card.number)
def test_every_card_is_a_possible_number_with_a_known_fate(card: KnownCard) -> None:
    assert passes_luhn(card.number)
    assert card.decline is None or card.decline in DECLINES


@given(st.sampled_from(KNOWN_CARDS), st.data())
def test_one_wrong_digit_is_always_noticed(card: KnownCard, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(card.number) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != card.number[position]]))
    assert not passes_luhn(card.number[:position] + other + card.number[position + 1 :])


@pytest.mark.parametrize("card", _NAMED, ids=lambda card: card.name)
async def test_every_shortcut_behaves_as_its_row_says(
    simulator: Simulator, card: KnownCard
) -> None:
    attempt = simulator.v1.payment_intents.create_async(
        {
            "amount": 2500,
            "currency": "usd",
            "payment_method": f"pm_card_{card.name}",
            "allowed_payment_method_types": ["card"],
            "confirm": True,
        }
    )
    if card.authentication is not Authentication.NEVER:
        assert (await attempt).status == "requires_action"
    elif card.decline is None:
        assert (await attempt).status == "succeeded"
    else:
        expected = DECLINES[card.decline]
        with pytest.raises(stripe.CardError) as caught:
            await attempt
        error = caught.value.error
        assert error is not None
        assert (caught.value.http_status, error.code) == (402, expected.code)
        assert error.decline_code == expected.decline_code
        assert error.advice_code == expected.advice_code
        assert error.network_decline_code == expected.network_decline_code


@pytest.mark.parametrize("card", _NAMED, ids=lambda card: card.name)
async def test_cards_that_charge_with_a_decline_are_refused_when_saved(
    simulator: Simulator, card: KnownCard
) -> None:
    customer = await simulator.v1.customers.create_async({})
    attach = simulator.v1.payment_methods.attach_async(
        f"pm_card_{card.name}", {"customer": customer.id}
    )
    if card.attaches:
        assert (await attach).customer == customer.id
    else:
        with pytest.raises(stripe.CardError):
            await attach
