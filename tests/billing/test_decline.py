import pytest

from billing.decline import Decline, DeclineKind


@pytest.mark.parametrize(
    ("code", "decline_code", "advice_code", "kind"),
    [
        ("card_declined", "generic_decline", None, DeclineKind.SOFT),
        ("card_declined", "insufficient_funds", "try_again_later", DeclineKind.SOFT),
        ("card_declined", "lost_card", None, DeclineKind.HARD),
        ("card_declined", "stolen_card", "do_not_try_again", DeclineKind.HARD),
        ("card_declined", "generic_decline", "do_not_try_again", DeclineKind.HARD),
        ("card_declined", "lost_card", "try_again_later", DeclineKind.SOFT),
        ("incorrect_cvc", "incorrect_cvc", "confirm_card_data", DeclineKind.HARD),
        ("incorrect_number", None, None, DeclineKind.HARD),
        ("card_declined", "an_advice_of_tomorrow", "never_seen", DeclineKind.SOFT),
        ("authentication_required", None, None, DeclineKind.AUTHENTICATION),
        (
            "card_declined",
            "authentication_required",
            "do_not_try_again",
            DeclineKind.AUTHENTICATION,
        ),
    ],
)
def test_advice_comes_before_codes(
    code: str, decline_code: str | None, advice_code: str | None, kind: DeclineKind
) -> None:
    decline = Decline(code=code, decline_code=decline_code, advice_code=advice_code)
    assert decline.kind is kind


def test_the_reason_is_the_most_specific_code() -> None:
    assert Decline(code="card_declined", decline_code="lost_card").reason == "lost_card"
    assert Decline(code="expired_card").reason == "expired_card"
