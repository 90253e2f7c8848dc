"""Lines of invoices: what is charged or given back, for which time.

Owns a line's value, and how what cannot be collected goes from one invoice to the next (policy P5).
Does not own the document (`billing.invoice`) nor what discounts and taxes it
(`billing.assessment`).
"""

from billing.currency import largest_charge_minor
from billing.discount import LineDiscount
from billing.explanation import Explanation
from billing.money import Money
from billing.period import Period
from billing.proration import LineRef
from billing.tax import LineTax
from billing.value import Value


class InvoiceLine(Value):
    """One rounded amount for one thing over its own period."""

    description: str
    price_id: str | None
    """None for what has no price in the catalog: a one-off charge of some amount."""
    price_version: int | None
    quantity: int
    period: Period
    amount: Money
    """Before discounts; with tax where the price includes it."""
    credits: LineRef | None = None
    """The debit that a negative line gives back a part of; its amount is after discounts."""
    discounts: tuple[LineDiscount, ...] = ()
    """In the order in which they were applied."""
    explanation: Explanation | None = None
    """How the amount came about; None where it follows from another line."""
    item_id: str | None = None
    """The invoice item that it charges; such a line is never prorated."""
    tax: LineTax | None = None
    """Its share of the invoice's tax; None where none is charged."""

    @property
    def discount(self) -> Money:
        """What the discounts take off; not negative."""
        taken = (discount.amount for discount in self.discounts)
        return sum(taken, Money.zero(self.amount.currency))

    @property
    def net(self) -> Money:
        """After discounts; with tax where the price includes it."""
        return self.amount - self.discount if self.discounts else self.amount

    @property
    def total(self) -> Money:
        """What the line adds to the invoice: after discounts and with tax."""
        return self.net if self.tax is None else self.net + self.tax.added


def carried_over(total: Money, *, of: InvoiceLine) -> InvoiceLine | None:
    """What no charge can take of `total` and comes on the next invoice (policy P5, P6).

    That is all of what is below the minimum, or less than one step of the currency. Its line is
    named after the one that it is left of, and neither discounted nor taxed again. None where all
    can be taken, or nothing is owed.
    """
    owed, currency = total.amount_minor, total.currency
    left = owed - largest_charge_minor(owed, currency)
    if owed <= 0 or not left:
        return None
    amount = Money(amount_minor=left, currency=currency)
    return of.model_copy(
        update={
            "description": f"Carried over: {of.description}",
            "amount": amount,
            "discounts": (),
            "tax": None,
            "explanation": None,
        }
    )


def negated(line: InvoiceLine) -> InvoiceLine:
    """Takes a line off an invoice that goes on a later one."""
    return line.model_copy(
        update={"description": "Carried to the next invoice", "amount": -line.amount}
    )
