from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from adapters.mail.wording import letter
from billing.message import MessageKind
from billing.money import Money
from tests.adapters.mail.letters import ADA, AT, message


def test_the_trials_notice_says_when_it_ends_and_what_is_charged() -> None:
    written = letter(message(), to=ADA)
    assert written.subject == "Your trial of Team ends on January 31, 2026"
    assert written.body == (
        "Hello Ada Lovelace,\n"
        "\n"
        "your trial of Team ends on January 31, 2026 at 9:30\u202fAM UTC.\n"
        "\n"
        "If you want to keep it, there is nothing to do: you will then be charged $80.00 for the"
        " first period.\n"
        "\n"
        "If not, cancel before that date and you will not be charged.\n"
    )


def test_a_trial_that_nothing_can_be_charged_for_asks_for_a_payment_method() -> None:
    body = letter(message().model_copy(update={"amount": None}), to=ADA).body
    assert "save a payment method before that date" in body
    assert "charged" not in body


@pytest.mark.parametrize("kind", list(MessageKind))
def test_every_kind_has_a_subject_and_readable_paragraphs(kind: MessageKind) -> None:
    written = letter(message(kind), to=ADA.model_copy(update={"name": None}))
    assert "Team" in written.subject
    assert "\n" not in written.subject
    assert written.body.startswith("Hello,\n\n")
    assert "\n\n\n" not in written.body
    assert written.body.endswith(".\n") or written.body.endswith("/pay/1\n")
    assert not {"{", "}", "None"} & set(written.body.split())


@pytest.mark.parametrize(
    ("reason", "is_past", "expected"),
    [
        (None, False, "as you asked, your subscription to Team will end on January 31, 2026"),
        (None, True, "as you asked, your subscription to Team ended on January 28, 2026"),
        ("no_payment_method", True, "nothing was charged"),
        ("payment_failed", True, "You do not owe us anything"),
        ("parent_ended", True, "together with the subscription that it belonged to"),
        ("trial_used", True, "your subscription to Team ended on January 28, 2026"),
    ],
)
def test_an_end_is_explained_by_its_reason(
    reason: str | None, expected: str, *, is_past: bool
) -> None:
    changes: dict[str, object] = {"reason": reason}
    if is_past:
        changes["effective_at"] = AT
    ended = message(MessageKind.SUBSCRIPTION_CANCELED).model_copy(update=changes)
    written = letter(ended, to=ADA)
    assert expected in written.body
    assert ("as you asked" in written.body) is (reason is None)
    assert ("has ended" in written.subject) is is_past


@pytest.mark.parametrize(
    ("kind", "reason", "is_past", "expected"),
    [
        (
            MessageKind.SUBSCRIPTION_CANCELED,
            None,
            False,
            "what you have until then is charged then",
        ),
        (MessageKind.SUBSCRIPTION_CANCELED, None, True, "You are charged once more"),
        (MessageKind.SUBSCRIPTION_CANCELED, "payment_failed", True, "is still owed"),
        (MessageKind.SUBSCRIPTION_CANCELED, "parent_ended", True, "You are charged once more"),
        (MessageKind.SUBSCRIPTION_DOWNGRADED, None, True, "is still owed"),
        (MessageKind.TRIAL_WILL_END, None, False, "each period is charged at its end"),
    ],
)
def test_in_arrears_nobody_is_told_that_nothing_more_is_charged(
    kind: MessageKind, reason: str | None, expected: str, *, is_past: bool
) -> None:
    changes: dict[str, object] = {"reason": reason, "in_arrears": True}
    if is_past:
        changes["effective_at"] = AT
    body = letter(message(kind).model_copy(update=changes), to=ADA).body
    assert expected in body
    assert "not be charged again" not in body
    assert "do not owe" not in body


def test_a_failed_payment_says_when_it_is_tried_again() -> None:
    failed = message(MessageKind.PAYMENT_FAILED).model_copy(update={"reason": "insufficient_funds"})
    body = letter(failed, to=ADA).body
    assert "we could not collect $80.00 for Team: there were not sufficient funds." in body
    assert "We will try again on January 31, 2026 at 9:30\u202fAM UTC." in body


def test_a_failed_payment_without_another_try_asks_for_another_method() -> None:
    failed = message(MessageKind.PAYMENT_FAILED).model_copy(update={"effective_at": None})
    body = letter(failed, to=ADA).body
    assert "Please add another payment method" in body
    assert "try again" not in body


@pytest.mark.parametrize("reason", ["stolen_card", "lost_card", "fraudulent", "generic_decline"])
def test_delicate_reasons_are_not_told(reason: str) -> None:
    failed = message(MessageKind.PAYMENT_FAILED).model_copy(update={"reason": reason})
    body = letter(failed, to=ADA).body
    assert "your bank declined it" in body
    assert reason.split("_", maxsplit=1)[0] not in body


def test_a_payment_to_confirm_has_its_link_on_a_line_of_its_own() -> None:
    body = letter(message(MessageKind.PAYMENT_ACTION_REQUIRED), to=ADA).body
    assert "https://billing.example.com/pay/1" in body.splitlines()


def test_a_message_without_a_fact_that_its_text_needs_is_not_sent() -> None:
    lacking = message().model_copy(update={"effective_at": None})
    with pytest.raises(UndefinedError):
        letter(lacking, to=ADA)


@given(st.text())
def test_names_cannot_add_lines(name: str) -> None:
    strange = message().model_copy(update={"product_name": name})
    written = letter(strange, to=ADA.model_copy(update={"name": name}))
    assert len(written.subject.splitlines()) == 1
    assert written.body.splitlines()[1] == ""


def test_the_trials_end_is_past_from_its_very_instant() -> None:
    ended = message(MessageKind.SUBSCRIPTION_CANCELED).model_copy(
        update={"effective_at": AT + timedelta(seconds=1)}
    )
    assert "will end" in letter(ended, to=ADA).body


def test_a_failed_payment_has_its_page_on_a_line_of_its_own() -> None:
    body = letter(message(MessageKind.PAYMENT_FAILED), to=ADA).body
    assert "https://billing.example.com/pay/1" in body.splitlines()


def test_a_failed_payment_can_be_told_without_a_page() -> None:
    failed = message(MessageKind.PAYMENT_FAILED).model_copy(update={"url": None})
    assert "here:" not in letter(failed, to=ADA).body


@pytest.mark.parametrize(
    ("amount_minor", "expected"),
    [(2400, "From then on Team costs $24.00 per period."), (0, "Team costs nothing.")],
)
def test_a_planned_change_says_what_it_will_cost(amount_minor: int, expected: str) -> None:
    amount = Money(amount_minor=amount_minor, currency="USD")
    planned = message(MessageKind.CHANGE_SCHEDULED).model_copy(update={"amount": amount})
    body = letter(planned, to=ADA).body
    assert expected in body
    assert "you can undo it" in body


def test_a_pause_without_an_end_waits_for_a_payment_method() -> None:
    paused = message(MessageKind.SUBSCRIPTION_PAUSED)
    assert "by itself on January 31, 2026 at 9:30\u202fAM UTC" in letter(paused, to=ADA).body
    waiting = paused.model_copy(update={"effective_at": None})
    assert "as soon as you add a payment method" in letter(waiting, to=ADA).body


def test_the_notice_of_a_new_price_says_both_prices_and_the_date() -> None:
    before = Money(amount_minor=7000, currency="USD")
    notice = message(MessageKind.PRICE_WILL_CHANGE).model_copy(update={"amount_before": before})
    written = letter(notice, to=ADA)
    assert written.subject == "The price of Team changes on January 31, 2026"
    assert "changes with its renewal on January 31, 2026 at 9:30\u202fAM UTC." in written.body
    assert "Until then you pay $70.00 per period" in written.body
    assert "From then on it costs $80.00 per period." in written.body
    assert "you can cancel before that date" in written.body


def test_whoever_leaves_with_net_terms_reads_that_what_was_sent_stays_owed() -> None:
    invoiced = ADA.model_copy(update={"net_days": 30})
    canceled = message(MessageKind.SUBSCRIPTION_CANCELED)
    for reason in (None, "payment_failed", "parent_ended"):
        said = letter(canceled.model_copy(update={"reason": reason}), to=invoiced).body
        assert said.endswith("\n\nInvoices that you were sent and have not paid stay owed.\n")
        assert "charged" not in said
        charged = letter(canceled.model_copy(update={"reason": reason}), to=ADA).body
        assert "stay owed" not in charged
    in_arrears = canceled.model_copy(update={"in_arrears": True, "effective_at": AT})
    assert (
        "You are invoiced once more, for what you had until" in letter(in_arrears, to=invoiced).body
    )


@pytest.mark.parametrize("kind", [MessageKind.PAYMENT_REMINDER, MessageKind.SUBSCRIPTION_UNPAID])
def test_what_is_left_of_an_invoice_is_not_told_as_the_whole_of_it(kind: MessageKind) -> None:
    overdue = message(kind).model_copy(update={"reason": "overdue"})
    for locale, currency, amount in (
        ("en", "USD", "$80.00"),
        ("en", "JPY", "¥8,000"),
        ("de", "KWD", "8,000\N{NO-BREAK SPACE}KWD"),
    ):
        left = Money(amount_minor=8000, currency=currency)
        to = ADA.model_copy(update={"locale": locale})
        said = letter(overdue.model_copy(update={"amount": left}), to=to).body
        assert f"{amount} of it are not paid" in said, said
