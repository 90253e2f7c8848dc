"""What the portal says about a subscription, in every situation that it can be in."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from adapters.hosted_link import HostedLinks
from api.hosted.portal.account import Holding
from api.hosted.portal.subscription_facts import SubscriptionFacts, facts_of
from billing import commands, pausing
from billing.interval import Interval, IntervalUnit
from billing.invoice_item import InvoiceItem
from billing.money import Money
from billing.parent import ParentEnd
from billing.period import Period
from billing.price import Price
from billing.price_model import PerUnit
from billing.sending import opened
from billing.subscription import SubscriptionState
from billing.upcoming import upcoming_period
from tests.billing.subscriptions import trialing
from tests.workflows import situations
from tests.workflows.situations import NOW, STOLEN

_LINKS = HostedLinks(public_url="https://billing.example", secret="a secret of the tests")
_PRICE = Price(
    id="team_monthly",
    product_id="team",
    currency="USD",
    model=PerUnit(unit_amount_minor=Decimal(1600)),
    interval=Interval(unit=IntervalUnit.MONTH),
    unit_name="seat",
)


_SETUP = InvoiceItem(
    id="ii_1",
    customer_id="cus_1",
    subscription_id="sub_1",
    description="Setup",
    quantity=1,
    amount=Money(amount_minor=2500, currency="USD"),
    period=Period(start=NOW, end=NOW + timedelta(days=1)),
    created_at=NOW,
)


def _facts(
    state: SubscriptionState, *, price: Price = _PRICE, items: tuple[InvoiceItem, ...] = ()
) -> SubscriptionFacts:
    following = upcoming_period(state, has_method=True)
    holding = Holding(
        state=state,
        price=price,
        planned_price=price,
        accrued_prices=() if following is None else (price,) * len(following.accrued),
        items=items,
        now=NOW,
    )
    return facts_of(holding, _LINKS)


def _texts(facts: SubscriptionFacts) -> list[str]:
    return [concern.text for concern in facts.concerns]


def test_in_arrears_it_says_what_was_had_until_the_next_boundary_or_the_end() -> None:
    running = situations.in_arrears()
    facts = _facts(running)
    assert facts.next_charge is not None
    assert facts.next_charge.startswith("$80.00 on March 17")
    leaving = _facts(commands.cancel_at_period_end(running, NOW))
    assert (leaving.status, leaving.next_charge) == ("Canceled", facts.next_charge)
    [owed] = _facts(situations.SITUATIONS["ended in arrears, owing"]()).concerns
    assert "We could not collect $80.00" in owed.text


def test_a_running_one_says_when_it_is_charged_next() -> None:
    facts = _facts(situations.active())
    assert (facts.status, facts.tone) == ("Active", "good")
    assert (facts.quantity, facts.price) == ("5 seats", "$16.00 per seat, every month")
    assert facts.next_charge == "$80.00 on March 17, 2026"
    assert facts.concerns == ()
    assert facts.undo is None
    assert facts.may_change
    assert facts.may_cancel


def test_what_waits_for_the_next_invoice_is_charged_with_it() -> None:
    assert _facts(situations.active(), items=(_SETUP,)).next_charge == "$105.00 on March 17, 2026"


def test_a_trial_says_until_when_it_is_free() -> None:
    facts = _facts(trialing(days=14))
    assert facts.status == "Free trial"
    assert facts.sentence == "Your free trial runs until January 31, 2026."
    assert facts.next_charge == "$80.00 on January 31, 2026"


def test_a_canceled_one_says_until_when_it_runs_and_can_be_kept() -> None:
    facts = _facts(commands.cancel_at_period_end(situations.active(), NOW))
    assert (facts.status, facts.tone, facts.next_charge) == ("Canceled", "quiet", "Nothing more")
    assert facts.undo is not None
    assert facts.undo.text == ("It ends on March 17, 2026. Until then you can use it as before.")
    assert facts.undo.action == "undo_cancel"
    assert not facts.may_cancel


def test_a_planned_decrease_is_what_is_charged_next_and_can_be_undone() -> None:
    facts = _facts(situations.decreasing())
    assert facts.quantity == "5 seats"
    assert facts.next_charge == "$48.00 on March 17, 2026"
    assert facts.undo is not None
    assert facts.undo.text.startswith("From March 17, 2026 on: Team, 3 seats, $48.00 every month.")
    assert facts.undo.action == "undo_change"


def test_an_overdue_one_says_why_and_leads_to_its_invoice() -> None:
    facts = _facts(situations.past_due())
    assert (facts.status, facts.tone) == ("Payment overdue", "bad")
    assert _texts(facts) == ["We could not collect $80.00: there were not sufficient funds."]
    [concern] = facts.concerns
    assert concern.link.label == "Pay $80.00"
    assert concern.link.url.startswith("https://billing.example/hosted/invoices/in_")


def test_what_a_customer_must_not_hear_is_not_said() -> None:
    assert _texts(_facts(situations.past_due(STOLEN))) == [
        "We could not collect $80.00: your bank declined it."
    ]


def test_an_unpaid_one_says_how_it_goes_on() -> None:
    facts = _facts(situations.unpaid())
    assert (facts.status, facts.tone) == ("Not paid", "bad")
    assert facts.sentence == "It goes on as soon as everything open is paid."
    assert facts.next_charge is None
    assert len(facts.concerns) == 1
    assert facts.may_cancel
    assert not facts.may_change
    lost = _facts(situations.unpaid().changed(lost_invoices=("in_lost",), open_invoices=()))
    assert lost.sentence == "It does not go on: it was not paid. Cancel it to subscribe anew."


def test_a_payment_on_its_way_asks_for_nothing() -> None:
    facts = _facts(situations.processing())
    assert _texts(facts) == ["Your payment of $80.00 is on its way; your bank may take a few days."]
    assert not facts.concerns[0].is_problem


@pytest.mark.parametrize("action_url", [None, "https://bank.example/"])
def test_a_change_that_is_being_paid_leads_to_its_page(action_url: str | None) -> None:
    facts = _facts(situations.paying_a_change(action_url=action_url))
    [concern] = facts.concerns
    assert concern.text.startswith("Your change to Team waits for its payment")
    assert ("until February 19, 2026 at 12:00\u202fPM UTC" in concern.text) is (
        action_url is not None
    )
    assert concern.link.url == (
        "https://billing.example/hosted/portal/subscriptions/sub_1/changes/chg_1"
    )
    assert not facts.may_change
    waits_for_customer = action_url is not None
    assert facts.may_cancel is waits_for_customer
    assert (facts.undo is not None) is waits_for_customer


def test_a_paused_one_says_when_it_goes_on() -> None:
    state = situations.active(situations.pausable())
    facts = _facts(pausing.paused(state, datetime.fromisoformat("2026-03-01T00:00:00Z"), NOW))
    assert facts.status == "Paused"
    assert facts.sentence == (
        "Paused since February 18, 2026; nothing is charged meanwhile."
        " It goes on by itself on March 1, 2026."
    )
    assert facts.next_charge is None


def test_a_trial_that_rests_waits_for_a_card() -> None:
    sentence = _facts(situations.paused_trial()).sentence
    assert sentence is not None
    assert sentence.endswith("It goes on as soon as you add a card.")


def test_an_ended_one_says_when_and_offers_nothing() -> None:
    facts = _facts(commands.cancel_now(situations.active(), NOW))
    assert (facts.status, facts.sentence) == ("Ended", "Ended on February 18, 2026.")
    assert facts.next_charge is None
    assert not facts.may_change
    assert not facts.may_cancel


def test_what_costs_nothing_is_free() -> None:
    free = _PRICE.model_copy(
        update={"model": PerUnit(unit_amount_minor=Decimal(0)), "maximum_quantity": 1}
    )
    nothing = situations.seats(1).period_amount.model_copy(update={"amount_minor": 0})
    state = situations.active()
    sold = state.terms.model_copy(update={"period_amount": nothing, "quantity": 1})
    free_plan = state.model_copy(update={"terms": sold})
    facts = _facts(free_plan, price=free)
    assert (facts.quantity, facts.price, facts.next_charge) == (None, "Free", "Nothing: it is free")
    owing = _facts(free_plan, price=free, items=(_SETUP,))
    assert owing.next_charge == "$25.00 on March 17, 2026"


def test_what_is_no_longer_owed_is_no_concern() -> None:
    state = situations.past_due()
    [invoice] = state.open_invoices
    given_up = invoice.model_copy(update={"given_up": True})
    assert _facts(state.changed(open_invoices=(given_up,))).concerns == ()


@pytest.mark.parametrize("name", situations.SITUATIONS)
def test_there_are_words_for_every_situation(name: str) -> None:
    facts = _facts(situations.SITUATIONS[name]())
    assert facts.status
    assert not any("None" in (text or "") for text in (facts.sentence, facts.next_charge))
    assert not any("None" in text for text in _texts(facts))


def test_an_addon_says_when_it_ends_with_what_it_belongs_to() -> None:
    end = ParentEnd(at=NOW + timedelta(days=3))
    facts = _facts(situations.active().changed(parent_id="sub_plan", parent_end=end))
    assert facts.sentence == (
        "It ends on February 21, 2026, with the subscription that it belongs to."
    )
    assert facts.next_charge == "Nothing more"


def test_what_was_sent_says_by_when_it_is_to_be_paid_and_is_a_problem_once_it_is_late() -> None:
    def concern(*, days: int, received: int | None = None) -> tuple[str, bool]:
        sent = opened(
            invoice_id="in_1",
            amount=Money(amount_minor=8000, currency="USD"),
            due_at=NOW + timedelta(days=days),
            net_days=30,
        )
        if received is not None:
            part = Money(amount_minor=received, currency="USD")
            sent = sent.model_copy(update={"received": part})
        state = situations.in_arrears().model_copy(update={"open_invoices": (sent,)})
        [told] = _facts(state).concerns
        return told.text, told.is_problem

    soon, late = concern(days=3), concern(days=-3)
    partly = concern(days=3, received=5000)
    assert partly[0].endswith(
        ". We have received $50.00 of the invoice so far. $80.00 are left to pay."
    )
    assert "over" not in partly[0]
    assert (soon[0][:34], soon[1]) == ("Your invoice over $80.00 is due on", False)
    assert (late[0][:35], late[1]) == ("Your invoice over $80.00 was due on", True)
