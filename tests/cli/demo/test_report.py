"""What the demo prints of a year."""

from io import StringIO

from rich.console import Console

from cli.demo import report
from cli.demo.finding import Finding
from cli.demo.target import Target
from tests.cli.demo.year import played, right_year

_TARGET = Target(
    api_url="http://api.test",
    api_key="pk_1",
    stripe_url="http://stripe.test",
    stripe_key="sk_test_1",
    temporal_ui_url="http://ui.test",
)


def shown() -> list[str]:
    """Every line, without the padding of tables."""
    console = Console(file=StringIO(), width=160)
    findings = [
        Finding(subject="One thing", is_well=True, detail="as it must be"),
        Finding(subject="Another", is_well=False, detail="otherwise"),
    ]
    report.show(console, [played(right_year())], findings, _TARGET)
    assert isinstance(console.file, StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_a_year_is_told_document_by_document() -> None:
    lines = shown()
    declined = "after 1 x generic_decline"
    told = [
        f"2026-04-01 invoice USD 160.00 Team, 10 seats paid (card), {declined}",
        f"2026-04-16 invoice USD 80.00 Team, 10 seats; Team, 10 seats void, {declined}",
        "2026-04-20 credit note USD 70.00 given back (USD 20.00 card, USD 50.00 balance)",
        "2026-05-01 invoice USD 160.00 Team, 10 seats paid (USD 120.00 card, USD 40.00 balance)",
        "2026-05-02 credit note USD 5.00 given back (card)",
        "2026-05-03 dispute USD 120.00 fraudulent lost",
        "2026-05-05 invoice USD 30.00 Team, 10 seats paid (transfer)",
    ]
    begin = lines.index(told[0])
    assert lines[begin : begin + len(told)] == told


def test_what_each_paid_and_got_back_is_summed_up() -> None:
    assert (
        "Zoe canceled (dispute_lost), team x 10 USD 280.00 USD 30.00 USD 40.00 USD 50.00"
        " USD 25.00 USD 120.00 USD 10.00"
    ) in shown()


def test_every_finding_is_marked_and_every_subscription_can_be_opened() -> None:
    lines = shown()
    assert {"ok One thing as it must be", "!! Another otherwise"} <= set(lines)
    assert "http://ui.test/namespaces/default/workflows/subscription%2Fsub_1" in lines


def test_invoices_alike_are_told_once() -> None:
    year = right_year()
    again = year["invoices"][1] | {"due_at": "2026-04-17T00:00:00Z"}
    year["invoices"].insert(2, again)
    console = Console(file=StringIO(), width=160)
    report.show(console, [played(year)], [], _TARGET)
    assert isinstance(console.file, StringIO)
    assert "2026-04-16 and until 2026-04-17, 2 in all" in console.file.getvalue()
