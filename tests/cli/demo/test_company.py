"""The demo's stories as they are written down."""

from collections import Counter

import pytest

from billing.money import Money
from cli.demo.company import STORIES
from cli.demo.life import at
from cli.demo.story import YEAR_END, Story


def test_every_customer_is_another_one() -> None:
    assert max(Counter(story.name for story in STORIES).values()) == 1


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_s_figures_come_to_the_balance_that_it_ends_with(story: Story) -> None:
    """Nothing is computed in a story; that it contradicts itself would be found on the system."""
    instants = [invoice.due_at for invoice in story.invoices]
    assert instants == sorted(set(instants))
    assert all(story.begins_at <= instant < at(YEAR_END) for instant in instants)
    balance = Counter[str]()
    for note in story.given_back:
        balance[note.to_balance.currency] += note.to_balance.amount_minor
    for invoice in story.invoices:
        assert invoice.by_card + invoice.by_transfer + invoice.from_balance in {
            invoice.total,
            Money.zero(invoice.total.currency),
        }
        assert (invoice.status == "paid") == (invoice.outcomes[-1:] in {(), ("paid",)})
        balance[invoice.total.currency] -= invoice.from_balance.amount_minor
    assert {currency: minor for currency, minor in balance.items() if minor} == story.balance
