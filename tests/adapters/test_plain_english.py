"""How customers read declines."""

import pytest

from adapters.plain_english import why_declined


@pytest.mark.parametrize("reason", ["stolen_card", "lost_card", "fraudulent", None, "unheard_of"])
def test_delicate_and_unknown_declines_are_the_banks(reason: str | None) -> None:
    assert why_declined(reason) == "your bank declined it"
