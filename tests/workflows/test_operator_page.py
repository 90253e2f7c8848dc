"""The page that operators read: what it says in each situation, and that it fits."""

from urllib.parse import quote

import pytest

from billing.agenda import agenda
from billing.dunning import FinalAction
from billing.invoice import invoice_id
from billing.money import Money
from billing.payment import Declined
from billing.subscription import (
    AppliedCommand,
    ChangeResult,
    OpenInvoice,
    SubscriptionStatus,
)
from tests.workflows.situations import (
    NOW,
    RENEWED,
    SITUATIONS,
    STOLEN,
    active,
    past_due,
    paying_a_change,
    unpaid,
    with_final_action,
)
from workflows.decline_reasons import explained
from workflows.description import details_of, name_of, timer_summary

_TEMPORAL_ALLOWS = 20_000
_SUMMARY_ALLOWS = 400
_PROXIES_ALLOW = 8_000


def test_no_status_is_without_a_situation() -> None:
    assert {make().status for make in SITUATIONS.values()} == set(SubscriptionStatus)


def page(situation: str, *, problem: str | None = None) -> str:
    return details_of(SITUATIONS[situation](), problem=problem)


@pytest.mark.parametrize(
    ("situation", "said"),
    [
        ("incomplete", "the customer is at the checkout"),
        ("refused at the checkout", "**The first payment was refused.**"),
        ("expired", "| Ended\u00a0\u00a0 | 2026-01-18 09:30:00Z: the checkout was not completed"),
        ("trialing", "**2026-01-31 09:30:00Z** convert trial: the trial ends"),
        ("trial to be canceled", "**2026-01-31 09:30:00Z** cancel: the cancellation takes effect"),
        ("trial paused", "**The trial ended without a payment method.**"),
        ("active", "**2026-03-17 09:30:00Z** renew: the next period costs USD 80.00"),
        ("being collected", "**Being collected:** USD 80.00"),
        ("to be canceled", "| Cancels\u00a0\u00a0 | 2026-03-17 09:30:00Z |"),
        ("decreasing", "2026-03-17 09:30:00Z to Team, quantity 3: USD 48.00 every month |"),
        ("paying a change", "**A change is being paid:** USD 16.00, invoice `in_change`, for Team"),
        ("paying a change, authenticating", "bank wants them to confirm the payment"),
        ("past due, authenticating", "trying again without them is pointless"),
        ("in grace", "| Grace\u00a0\u00a0 | until 2026-03-11 09:30:00Z |"),
        ("waived", "**No longer owed:** USD 80.00"),
        ("processing", "neither paid nor past due"),
        ("unpaid", "**Dunning ended without the money.**"),
        ("paused", "| Paused\u00a0\u00a0 | 2026-02-18 12:00:00Z until 2026-04-19 12:00:00Z"),
        ("disputed", "**A payment is disputed** (`dp_1`)"),
        ("canceled", "2026-02-18 12:00:00Z: it was asked for"),
        ("purchase past due", "# Onboarding: USD 80.00 once"),
        ("purchase past due", "the purchase is canceled and its invoice is voided. Runbook"),
        ("purchase completed", "**Completed:** nothing is owed for it any more."),
        ("purchase called off", "**Canceled:** it was not paid for."),
    ],
)
def test_each_situation_is_told_in_words(situation: str, said: str) -> None:
    assert said in page(situation)


def test_of_a_debt_that_was_lost_nobody_is_told_that_paying_the_rest_helps() -> None:
    shown = details_of(unpaid().changed(lost_invoices=("in_lost",)), problem=None)
    assert "**A debt was written off** (`in_lost`)" in shown
    assert "active again" not in shown


def test_on_net_terms_another_card_is_of_use_on_the_invoice_s_page_alone() -> None:
    waiting = SITUATIONS["past due, authenticating"]()
    sent = tuple(each.model_copy(update={"net_days": 30}) for each in waiting.open_invoices)
    shown = details_of(waiting.changed(open_invoices=sent), problem=None)
    assert "use another card on the invoice's page" in shown


def test_who_is_suspended_on_net_terms_pays_on_the_invoice_s_page() -> None:
    owed = unpaid()
    sent = tuple(
        each.model_copy(update={"net_days": 30, "is_overdue": True}) for each in owed.open_invoices
    )
    shown = details_of(owed.changed(open_invoices=sent), problem=None)
    assert "**The grace of what was sent ended without the money.**" in shown
    assert "on its page, by `pay_now` or a transfer" in shown
    assert "another card" not in shown


def test_a_past_due_page_says_what_was_tried_why_it_failed_and_how_it_ends() -> None:
    state = past_due()
    shown = details_of(state, problem=None)
    assert (
        f"**Not paid:** USD 80.00, invoice `{invoice_id('sub_1', 1)}`, due 2026-02-17 09:30:00Z,"
        " tried once. Last answer: `insufficient_funds`, there is not enough money on the account"
        " behind the card. The next attempt is on 2026-02-20 09:30:00Z. If it is not paid by"
        " 2026-03-04 09:30:00Z, it is canceled and the invoice is voided." in shown
    )
    for action in agenda(state):
        assert f"**{action.at:%Y-%m-%d %H:%M:%S}Z** {action.kind.replace('_', ' ')}" in shown


def test_a_stolen_card_is_not_tried_again_and_another_is_asked_for() -> None:
    shown = details_of(past_due(STOLEN), problem=None)
    assert "do not tell the customer more than that it was declined" in shown
    assert "This payment method is not charged again by itself" in shown
    assert "The next attempt is on" not in shown


@pytest.mark.parametrize(
    ("action", "fallback", "said", "planned"),
    [
        (FinalAction.CANCEL, None, "it is canceled", "the subscription ends"),
        (FinalAction.UNPAID, None, "it becomes unpaid", "the subscription is unpaid"),
        (FinalAction.DOWNGRADE_TO_FREE, "team_free", "it goes on with the free", "the free plan"),
    ],
)
def test_the_final_action_is_named_with_its_date(
    action: FinalAction, fallback: str | None, said: str, planned: str
) -> None:
    state = past_due(sold=with_final_action(action, fallback=fallback))
    shown = details_of(state, problem=None)
    assert f"If it is not paid by 2026-03-04 09:30:00Z, {said}" in shown
    assert f"**2026-03-04 09:30:00Z** give up: USD 80.00 was not paid: {planned}" in shown


def test_a_grace_is_said_with_the_end_that_it_moved() -> None:
    assert (
        "If it is not paid by 2026-03-11 09:30:00Z (a grace runs until"
        " 2026-03-11 09:30:00Z), it is canceled" in page("in grace")
    )


def test_where_all_is_well_nothing_is_said_to_be_wrong() -> None:
    for situation in ("incomplete", "trialing", "active", "decreasing", "paused", "expired"):
        assert "What is wrong" not in page(situation)


def test_a_problem_is_the_first_thing_that_is_wrong_and_cannot_break_the_page() -> None:
    shown = page("past due", problem="no such\n\n# `method` (resource_missing)")
    wrong = shown.partition("## What is wrong, and what to do\n\n")[2]
    assert wrong.startswith("- **Needs an operator.**")
    assert "`no such # 'method' (resource_missing)`" in wrong
    assert "`stuck-workflow.md`" in wrong.splitlines()[0]
    assert "**`retry_now`**" in shown


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("Stripe refused the request (request_refused)", "which means: most often the saved"),
        ("something new (brand_new_code)", "`something new (brand_new_code)`. It is tried again"),
        ("no code at all", "`no code at all`. It is tried again"),
    ],
)
def test_an_error_is_explained_where_it_is_known(problem: str, said: str) -> None:
    assert said in page("active", problem=problem)


def test_a_lost_message_is_no_error_of_billing() -> None:
    shown = page("active", problem="message.x:1 was not delivered: no such address")
    assert "**A message did not reach the customer:**" in shown
    assert "Needs an operator" not in shown


def test_the_past_is_told_from_what_the_state_remembers() -> None:
    refused = AppliedCommand(
        command_id="chg_9",
        applied_at=NOW,
        revision=9,
        result=ChangeResult.DECLINED,
        decline="expired_card",
    )
    shown = details_of(active().model_copy(update={"applied": (refused,)}), problem=None)
    lately = shown.partition("## What happened lately\n\n")[2].partition("\n\n##")[0]
    refusal = f"the payment was refused and nothing changed ({explained('expired_card')})"
    assert lately.splitlines() == [
        f"- **2026-02-18 12:00:00Z** the change `chg_9`: {refusal}",
        "- **2026-02-17 09:30:00Z** billing period 2 began",
        "- **2026-01-17 09:30:00Z** the subscription was made",
        "- everything: `perennial subscriptions timeline sub_1`",
    ]


def test_nothing_can_be_done_to_what_is_over() -> None:
    assert page("canceled").endswith("Nothing: no update is taken any more.")


def test_a_change_that_is_gone_owes_nothing() -> None:
    gone = paying_a_change().changed(change=None)
    assert "The change that it was for is gone." in details_of(gone, problem=None)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_page_fits_into_an_address(situation: str) -> None:
    shown = page(situation, problem="Stripe refused the request (request_refused)")
    assert len(quote(shown)) < _PROXIES_ALLOW


def test_the_page_of_many_invoices_fits_into_an_address() -> None:
    state = unpaid().model_copy(update={"open_invoices": a_year_of_days()})
    shown = details_of(state, problem=None)
    assert "**362 more open invoices** like these." in shown
    assert "- and 357 more" in shown
    assert len(quote(shown)) < _PROXIES_ALLOW


def test_the_page_of_the_longest_names_is_one_that_temporal_takes() -> None:
    """A product named in an alphabet of four bytes a letter, and an error without an end."""
    name = "\N{GRINNING FACE}" * 120
    state = unpaid()
    terms = state.terms.model_copy(update={"product_name": name})
    state = state.model_copy(update={"terms": terms, "open_invoices": a_year_of_days()})
    shown = details_of(state, problem="\N{GRINNING FACE}" * 5_000)
    assert len(shown.encode()) < _TEMPORAL_ALLOWS
    assert len(name_of(state).encode()) < _SUMMARY_ALLOWS
    assert name_of(state).endswith("…")


def a_year_of_days() -> tuple[OpenInvoice, ...]:
    """Each billed, tried in vain and still owed."""
    return tuple(
        OpenInvoice(
            invoice_id=f"in_{number:024}",
            amount=Money(amount_minor=99_999_999, currency="USD"),
            due_at=RENEWED,
            attempts_made=4,
            next_attempt_at=RENEWED,
            last_decline="insufficient_funds",
        )
        for number in range(365)
    )


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_timer_says_in_a_line_what_it_waits_for(situation: str) -> None:
    for action in agenda(SITUATIONS[situation]()):
        told = timer_summary(action)
        assert told.startswith(f"{action.at:%Y-%m-%d %H:%M:%S}Z ")
        assert action.reason in told
        assert len(told.encode()) < _SUMMARY_ALLOWS


def test_a_name_cannot_leave_its_cell() -> None:
    state = SITUATIONS["decreasing"]()
    assert state.pending_change is not None
    target = state.pending_change.target.model_copy(update={"product_name": "A | B"})
    pending = state.pending_change.model_copy(update={"target": target})
    shown = details_of(state.model_copy(update={"pending_change": pending}), problem=None)
    assert "A \\| B" in shown


def test_a_reason_that_nobody_has_described_is_shown_as_it_is() -> None:
    assert explained("brand_new_code") == "`brand_new_code`"
    assert isinstance(STOLEN, Declined)
    assert explained(STOLEN.decline.reason).startswith("`stolen_card`, ")
