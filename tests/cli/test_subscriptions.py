"""`perennial subscriptions`: what operators see in a terminal and do there, as they type it.

Each story ends with the audit log: who did it, and why.
"""

import asyncio
import re
import shlex
import uuid
from datetime import timedelta
from typing import Any, get_args

import pytest

from adapters.db.engine import reading
from adapters.db.queries import audit
from billing.errors import Conflict
from billing.subscription import CommandName, SubscriptionStatus
from cli import commanding, purchase_commands, subscription_commands
from cli.checkout import find_root
from cli.commanding import signature
from cli.refusals import Unanswered
from tests.cli.terminal import Terminal
from tests.docs.pages import Page
from tests.histories.settling import BROKE
from tests.workflows.company import Company, Subscription, at
from workflows.messages import (
    SUBSCRIPTION_WORKFLOW,
    Cancel,
    SubscriptionStart,
    subscription_workflow_id,
)

WHY = ("--reason", "they asked for it")
OPERATORS = Page("docs/operators.md")


async def active(company: Company, **how: Any) -> Subscription:  # noqa: ANN401 - as `subscribe`
    subscription = await company.subscribe(await company.customer(), **how)
    await subscription.activated()
    await company.settle()
    return subscription


async def past_due(company: Company) -> tuple[Subscription, str]:
    """The renewal of 17 February was declined the day before; with its customer."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await subscription.activated()
    await company.save_card(customer, BROKE)
    await company.advance("2026-02-18T00:00")
    return subscription, customer


async def audited(
    company: Company, subscription: Subscription, *, reason: str = WHY[1]
) -> list[str]:
    """The commands, oldest first; each by the operator who typed it, with the reason."""
    async with reading(company.engine) as connection:
        entries = await audit.of_subject(connection, subscription.id, limit=50)
    for entry in entries:
        assert (entry.actor.kind, entry.actor.id) == ("operator", "ada")
        assert entry.reason == reason
    return [entry.command for entry in reversed(entries)]


async def test_a_past_due_customer_is_given_a_week_more(
    company: Company, terminal: Terminal
) -> None:
    """As `docs/operators.md` says, line by line."""
    subscription, customer = await past_due(company)
    find, show, give, look_back = told(
        "Why is this customer past due, what happens next, and give them a week more",
        {"cus_4a1b9c0d2e3f4a1b9c0d2e3f": customer, "sub_…": subscription.id},
    )

    listed = (await terminal.subscriptions(*find)).out
    assert subscription.id in listed
    assert "2026-03-17 09:30:00Z" in listed
    shown = (await terminal.subscriptions(*show)).out
    for said in ("Not paid:", "generic_decline", "2026-03-04 09:30:00Z", "extend-grace"):
        assert said in shown

    given = await terminal.subscriptions(*give)
    assert f"{subscription.id} is past_due" in given.out

    state = (await subscription.report()).state
    assert state.grace_until == at("2026-03-11T09:30")
    again = (await terminal.subscriptions(*show)).out
    assert "a grace runs until" in again
    reason = "waits for the new card"
    assert await audited(company, subscription, reason=reason) == [CommandName.EXTEND_GRACE]
    timeline = (await terminal.subscriptions(*look_back)).out
    row = next(line for line in timeline.splitlines() if "extend_grace" in line)
    assert "operator ada" in row
    assert reason in row


def told(question: str, names: dict[str, str]) -> list[tuple[str, ...]]:
    """What operators are told to type after `perennial subscriptions` to answer a question."""
    answer = OPERATORS.text.partition(f"## {question}\n")[2].partition("\n## ")[0]
    for example, real in names.items():
        answer = answer.replace(example, real)
    lines = re.findall(r"^perennial subscriptions (.+)$", answer, re.MULTILINE)
    return [tuple(shlex.split(line)) for line in lines]


async def test_a_cancellation_is_asked_for_undone_and_made_at_once(
    company: Company, terminal: Terminal
) -> None:
    subscription = await active(company)
    await terminal.subscriptions("cancel", subscription.id, *WHY)
    assert (await subscription.report()).state.cancellation is not None
    again = await terminal.refused("cancel", subscription.id, *WHY)
    assert again.endswith("(cancellation_pending)")
    await terminal.subscriptions("undo-cancel", subscription.id, *WHY)
    assert (await subscription.report()).state.cancellation is None

    ended = await terminal.subscriptions(
        "cancel", subscription.id, "--now", "--command-id", "cmd_1", *WHY
    )
    assert f"{subscription.id} is canceled" in ended.out
    await subscription.handle.result()
    repeated = await terminal.subscriptions(
        "cancel", subscription.id, "--now", "--command-id", "cmd_1", *WHY
    )
    assert "cmd_1 took effect" in repeated.out
    late = await terminal.refused("undo-cancel", subscription.id, *WHY)
    assert late == "the subscription is canceled (subscription_ended)"
    assert await audited(company, subscription) == [
        CommandName.CANCEL_AT_PERIOD_END,
        CommandName.UNDO_CANCEL,
        CommandName.CANCEL_NOW,
    ]


async def test_a_trial_is_extended_by_days_and_to_an_instant(
    company: Company, terminal: Terminal
) -> None:
    subscription = await active(company, trial_days=14)
    week = ("extend-trial", subscription.id, "--days", "7", "--command-id", "cmd_1", *WHY)
    for _ in range(2):  # the same command again, after an answer that was lost
        assert "cmd_1 took effect" in (await terminal.subscriptions(*week)).out
        trial = (await subscription.report()).state.trial
        assert trial is not None
        assert trial.end == at("2026-02-07T09:30")
    other = ("extend-trial", subscription.id, "--until", "2026-02-09", "--command-id", "cmd_1")
    assert (await terminal.refused(*other, *WHY)).endswith("(command_id_reused)")

    await terminal.subscriptions("extend-trial", subscription.id, "--until", "2026-02-10", *WHY)
    trial = (await subscription.report()).state.trial
    assert trial is not None
    assert trial.end == at("2026-02-10T00:00")
    assert await audited(company, subscription) == [CommandName.EXTEND_TRIAL] * 2


async def test_a_subscription_is_changed_up_at_once_and_down_later(
    company: Company, terminal: Terminal
) -> None:
    subscription = await active(company)
    more = await terminal.subscriptions("change", subscription.id, "--by", "2", *WHY)
    assert ": applied" in more.out
    fewer = await terminal.subscriptions("change", subscription.id, "--quantity", "3", *WHY)
    assert "scheduled" in fewer.out
    assert "2026-02-17 09:30:00Z renew: Team, quantity 3, begins" in fewer.out
    await terminal.subscriptions("undo-change", subscription.id, *WHY)

    state = (await subscription.report()).state
    assert (state.terms.quantity, state.pending_change) == (7, None)
    stale = await terminal.refused(
        "change", subscription.id, "--quantity", "9", "--if-version", str(state.version - 1), *WHY
    )
    assert stale.endswith("(stale_version)")
    assert await audited(company, subscription) == [
        CommandName.CHANGE,
        CommandName.CHANGE,
        CommandName.UNDO_CHANGE,
    ]


async def test_a_change_whose_payment_is_declined_says_so_and_why(
    company: Company, terminal: Terminal
) -> None:
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await subscription.activated()
    await company.save_card(customer, BROKE)

    said = await terminal.refused("change", subscription.id, "--quantity", "9", *WHY)

    assert "the payment was refused: `generic_decline`" in said
    assert (await subscription.report()).state.terms.quantity == 5
    assert await audited(company, subscription) == [CommandName.CHANGE]


async def test_a_pause_begins_and_ends(company: Company, terminal: Terminal) -> None:
    subscription = await active(company, price_id="club_void_m", seats=1)
    await terminal.subscriptions("pause", subscription.id, "--until", "2026-02-01T09:30Z", *WHY)
    report = await subscription.report()
    assert report.state.pause is not None
    assert report.state.pause.resumes_at == at("2026-02-01T09:30")
    resumed = await terminal.subscriptions("resume", subscription.id, *WHY)
    assert f"{subscription.id} is active" in resumed.out
    assert await audited(company, subscription) == [CommandName.PAUSE, CommandName.RESUME]


async def test_an_open_invoice_is_charged_now_and_another_is_waived(
    company: Company, terminal: Terminal
) -> None:
    subscription, customer = await past_due(company)
    refused = await terminal.refused("pay", subscription.id, *WHY)
    assert "the payment was refused: `generic_decline`" in refused
    await company.save_card(customer, "pm_card_visa")
    paid = await terminal.subscriptions("pay", subscription.id, *WHY)
    assert f"{subscription.id} is active" in paid.out
    nothing = await terminal.refused("pay", subscription.id, *WHY)
    assert nothing == "no invoice waits for a payment (nothing_to_pay)"

    other, _ = await past_due_again(company, customer, subscription)
    await terminal.subscriptions("waive", subscription.id, other, *WHY)
    await company.settle()
    assert (await subscription.report()).state.open_invoices == ()
    assert [i["status"] for i in await company.invoices()] == ["paid", "paid", "void"]
    assert await audited(company, subscription) == [
        CommandName.PAY_NOW,
        CommandName.PAY_NOW,
        CommandName.WAIVE_INVOICE,
    ]


async def past_due_again(
    company: Company, customer: str, subscription: Subscription
) -> tuple[str, str]:
    """The renewal of 17 March is declined, too; its invoice, and the customer."""
    await company.save_card(customer, BROKE)
    await company.advance("2026-03-18T00:00")
    [invoice] = (await subscription.report()).state.open_invoices
    return invoice.invoice_id, customer


async def test_what_waits_for_an_operator_is_shown_and_tried_again(
    company: Company, terminal: Terminal
) -> None:
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await subscription.activated()
    await forget_card(company, customer)
    renewing = asyncio.create_task(company.advance("2026-02-17T09:30"))
    async with asyncio.timeout(60):
        while (await subscription.report()).problem is None:  # noqa: ASYNC110 - a worker's work
            await asyncio.sleep(0.02)

    shown = (await terminal.subscriptions("show", subscription.id)).out
    assert "Needs an operator." in shown
    assert f"retry {subscription.id}" in shown
    await company.save_card(customer, "pm_card_visa")
    await renewing
    await terminal.subscriptions("retry", subscription.id, *WHY)
    await company.settle()
    assert [invoice["status"] for invoice in await company.invoices()] == ["paid", "paid"]
    assert await audited(company, subscription) == [CommandName.RETRY]


async def forget_card(company: Company, customer_id: str) -> None:
    """The card disappears at the gateway, and the news of it does not reach us."""
    async with company.parts.open_transaction() as tx:
        method_id = (await tx.customers.get(customer_id)).default_payment_method_id
    assert method_id is not None
    await company.gateway.detach_payment_method(method_id, key=f"detach:{method_id}")


async def test_a_list_is_filtered_and_told_in_json(company: Company, terminal: Terminal) -> None:
    late, customer = await past_due(company)
    filters = (
        *("--status", "past_due", "--customer", customer, "--plan", "team_m"),
        *("--next-billing-before", "2026-03-18", "--dunning-attempt", "1"),
    )
    [found] = (await terminal.process("subscriptions", "list", *filters, "--json")).json
    assert (found["id"], found["status"], found["quantity"]) == (late.id, "past_due", 5)
    none = await terminal.perennial("subscriptions", "list", "--dunning-attempt", "2", "--json")
    assert none.json == []
    one = (await terminal.perennial("subscriptions", "show", late.id, "--json")).json
    assert one["open_invoices"] == found["open_invoices"]
    assert [action["kind"] for action in one["next_actions"]] == ["collect", "give_up", "renew"]
    [first, *_] = (await terminal.perennial("subscriptions", "timeline", late.id, "--json")).json
    assert first["at"] == "2026-02-17T09:30:00Z"
    waived = await terminal.perennial(
        "subscriptions", "waive", late.id, found["open_invoices"][0]["id"], "--json", *WHY
    )
    assert waived.json["subscription_id"] == late.id


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "sub_none"), "no subscription sub_none (subscription_not_found)"),
        (("timeline", "sub_none"), "no subscription sub_none (subscription_not_found)"),
        (("resume", "sub_none", *WHY), "no subscription sub_none (subscription_not_found)"),
        (("resume", "sub_none", "--reason", " "), "(reason_required)"),
        (("resume", "sub_none", "--actor", " ", *WHY), "(actor_required)"),
        (("cancel", "sub_none", "--unused", "credit", *WHY), "(unused_needs_now)"),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence(
    terminal: Terminal, words: tuple[str, ...], said: str
) -> None:
    assert (await terminal.refused(*words)).endswith(said)


@pytest.mark.parametrize(
    "words",
    [
        ("cancel", "sub_1"),
        ("cancel", "sub_1", "--reason", "x", "--unused", "everything"),
        ("pause", "sub_1", "--reason", "x", "--until", "tomorrow"),
        ("list", "--status", "late"),
    ],
)
async def test_a_command_that_is_written_wrong_ends_with_two(
    terminal: Terminal, words: tuple[str, ...]
) -> None:
    assert (await terminal.perennial("subscriptions", *words)).code == 2


async def test_more_time_needs_one_end_and_something_that_ends(
    company: Company, terminal: Terminal
) -> None:
    subscription = await active(company)
    both = ("--days", "7", "--until", "2026-07-01")
    assert (await terminal.refused("extend-grace", subscription.id, *WHY)).endswith(
        "(until_or_days)"
    )
    assert (await terminal.refused("extend-grace", subscription.id, *both, *WHY)).endswith(
        "(until_or_days)"
    )
    nothing = await terminal.refused("extend-grace", subscription.id, "--days", "7", *WHY)
    assert nothing.endswith("(nothing_to_extend)")
    assert await audited(company, subscription) == []


async def test_a_lost_answer_says_how_to_ask_again(
    company: Company, database_url: str, monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    """Nobody works for this one."""
    started = await active(company)
    state = (await started.report()).state.model_copy(update={"subscription_id": "sub_asleep"})
    async with company.parts.open_transaction() as tx:
        await tx.subscriptions.save(state)
    sleeping = await company.client.start_workflow(
        SUBSCRIPTION_WORKFLOW,
        SubscriptionStart.of(state),
        id=subscription_workflow_id("sub_asleep"),
        task_queue=f"nobody-{uuid.uuid4().hex}",
    )
    monkeypatch.setenv("TEMPORAL_ADDRESS", terminal.temporal_address)
    signed = signature(reason="asked", actor="ada", command_id="cmd_lost")

    def given() -> None:
        commanding.give(
            find_root(),
            database_url,
            "sub_asleep",
            lambda _: Cancel(**signed),
            as_json=False,
            patience=timedelta(seconds=1),
        )

    with pytest.raises(Unanswered, match="--command-id cmd_lost: it counts once"):
        await asyncio.to_thread(given)
    await sleeping.terminate("nobody works for it")
    with pytest.raises(Conflict, match="workflow_not_running"):
        await asyncio.to_thread(given)


def test_every_status_can_be_asked_for() -> None:
    of_purchases = {SubscriptionStatus.COMPLETED}
    asked = set(get_args(subscription_commands.Status))
    assert asked == set(SubscriptionStatus) - of_purchases
    assert of_purchases <= set(get_args(purchase_commands.Status)) <= set(SubscriptionStatus)
