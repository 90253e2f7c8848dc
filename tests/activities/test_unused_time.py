"""Paid time that is given back, once per cause, and what of it nobody has paid yet."""

from decimal import Decimal

from activities.unused_time import GiveBack, GivenBack, UnusedTime
from adapters.db.engine import transactions
from adapters.db.tables.credit_note import credit_notes
from billing.credit_note import CreditReason, UnusedPart
from billing.invoice import InvoiceDraft, negated
from billing.tax import LineTax, TaxTreatment
from tests.activities.till import Till
from tests.adapters.db.company import PERIOD, START, draft, sell, subscribe, subscription
from tests.adapters.db.reversals import debit, usd, with_credit, with_line

_CARRIED = 40
_SALES_TAX = LineTax.under(
    TaxTreatment(jurisdiction="US-NY", name="Sales tax", rate=Decimal("8.875")),
    inclusive=False,
    currency="USD",
)


def _dearer(paid: InvoiceDraft) -> InvoiceDraft:
    """A change from the period's start on that costs too little more to be collected."""
    more = draft(1)
    [line] = more.lines
    dearer = line.model_copy(update={"amount": usd(paid.total.amount_minor + _CARRIED)})
    changed = more.model_copy(update={"lines": (dearer,), "total": dearer.amount})
    changed = with_credit(changed, of=debit(paid), minor=paid.total.amount_minor)
    return with_line(changed, negated(line.model_copy(update={"amount": usd(_CARRIED)})))


def _carrying(invoice: InvoiceDraft, minor: int) -> InvoiceDraft:
    """The invoice, so much of it left to the next one."""
    *lines, carried = invoice.lines
    return invoice.model_copy(
        update={"lines": (*lines, carried.model_copy(update={"amount": usd(-minor)}))}
    )


def _taxed(invoice: InvoiceDraft, *minors: int) -> InvoiceDraft:
    """The invoice with so much tax on top of its lines, in their order."""
    lines = tuple(
        line.model_copy(update={"tax": _SALES_TAX.with_amount(minor)} if minor else {})
        for line, minor in zip(invoice.lines, minors, strict=True)
    )
    return invoice.model_copy(
        update={"lines": lines, "total": sum((line.total for line in lines), usd(0))}
    )


async def _give_back(till: Till, *, of: str | None = None) -> GivenBack:
    unused_time = UnusedTime(open_transaction=transactions(till.engine))
    return await unused_time.give_back(
        GiveBack(
            state=subscription(),
            part=PERIOD,
            invoice_id=of,
            source="pause:sub_1",
            reason=CreditReason.PAUSED,
            unused=UnusedPart.CREDIT,
            now=START,
        )
    )


async def test_what_is_not_paid_yet_is_told_alike_by_every_repetition(till: Till) -> None:
    await subscribe(till.engine)
    paid = draft()
    async with transactions(till.engine)() as tx:
        await sell(tx, paid)
        await sell(tx, _dearer(paid))

    first, again = await _give_back(till), await _give_back(till)

    assert first.not_paid_yet == again.not_paid_yet == usd(_CARRIED)
    assert await till.count(credit_notes) == 1


async def test_what_is_not_paid_yet_is_told_with_its_tax_by_every_repetition(till: Till) -> None:
    await subscribe(till.engine)
    paid = draft()
    async with transactions(till.engine)() as tx:
        await sell(tx, _taxed(paid, 710))
        await sell(tx, _taxed(_carrying(_dearer(paid), _CARRIED + 4), 714, -710, 0))

    first, again = await _give_back(till), await _give_back(till)

    assert first.not_paid_yet == again.not_paid_yet == usd(_CARRIED + 4)
    assert await till.count(credit_notes) == 1


async def test_where_all_is_paid_nothing_is_left(till: Till) -> None:
    await subscribe(till.engine)
    async with transactions(till.engine)() as tx:
        await sell(tx, draft())

    assert (await _give_back(till)).not_paid_yet == usd(0)


async def test_of_one_invoice_nothing_is_given_back_of_another(till: Till) -> None:
    await subscribe(till.engine)
    before, late = draft(), draft(1)
    async with transactions(till.engine)() as tx:
        await sell(tx, before)
        await sell(tx, late)

    await _give_back(till, of=late.id)

    async with transactions(till.engine)() as tx:
        [note] = await tx.credit_notes.of_source("sub_1", "pause:sub_1")
    assert {line.debit.invoice_id for line in note.lines} == {late.id}
