"""What an invoice's page says where no card can pay what is left."""

from datetime import UTC, datetime

import pytest

from api.hosted.invoice_facts import not_by_card
from billing.money import Money
from billing.sending import opened

DUE_AT = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [(49, "USD", "too little"), (49, "JPY", "too little"), (100_005, "KWD", "exactly that")],
)
def test_why_no_card_can_pay_it_is_true_of_the_currency(
    minor: int, currency: str, said: str
) -> None:
    left = Money(amount_minor=minor, currency=currency)
    invoice = opened(invoice_id="in_1", amount=left, due_at=DUE_AT, net_days=30)
    assert not invoice.is_chargeable
    assert said in not_by_card(invoice)
