"""Revenue as it is earned: day by day, straight-line over a line's own period.

Owns the amounts: cumulative rounding, so that the parts always sum to the line (policy P2). Days
are UTC days; a period covers the days from the one it begins on up to, and without, the one it ends
on, and at least one. What was earned before its document existed is recognised on the document's
day, but for what is billed in arrears: that is earned as it is had, and was not invoiced before its
end. What is not earned yet when it is voided never is, and what was is taken back then. A bad debt
was earned: it is a loss and no less revenue. A credit is
a negative line over the period that it gives back. Does not own reports (`adapters.db.queries`),
which compute the same in SQL.
"""

from datetime import date, timedelta
from fractions import Fraction
from typing import Final, Self

from pydantic import model_validator

from billing.money import Money, round_half_away
from billing.period import Period
from billing.value import Value

_ONE_DAY: Final = timedelta(days=1)


class EarnedLine(Value):
    """One line of an invoice or credit note as revenue; credits are negative."""

    amount: Money
    first_day: date
    end_day: date
    """The first day after it."""
    issued_on: date | None
    """None of time that was had in arrears and is on no invoice yet."""
    voided_on: date | None = None
    in_arrears: bool = False
    """Whether it is earned before it is invoiced."""

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if self.end_day <= self.first_day:
            raise ValueError("a line is earned over at least one day")
        if self.issued_on is None and not self.in_arrears:
            raise ValueError("what is paid in advance is invoiced before it is earned")
        return self

    @classmethod
    def over(
        cls,
        amount: Money,
        period: Period,
        *,
        issued_on: date | None,
        voided_on: date | None = None,
        in_arrears: bool = False,
    ) -> Self:
        """A line that is earned over the days of `period`."""
        first = period.start.date()
        return cls(
            amount=amount,
            first_day=first,
            end_day=max(period.end.date(), first + _ONE_DAY),
            issued_on=issued_on,
            voided_on=voided_on,
            in_arrears=in_arrears,
        )

    @property
    def last_day(self) -> date:
        """The last one on which something of it is earned."""
        return self.end_day - _ONE_DAY

    def recognised_before(self, day: date) -> Money:
        """What is earned at the beginning of `day`, rounded once from the beginning on."""
        known_on = self.first_day if self.issued_on is None else self.issued_on
        if self.in_arrears:
            known_on = min(self.first_day, known_on)
        if day <= known_on or self._is_void(day):
            return Money.zero(self.amount.currency)
        whole = (self.end_day - self.first_day).days
        elapsed = min(max((day - self.first_day).days, 0), whole)
        # Half away from zero, both ways: a credit mirrors its debit to the cent.
        minor = round_half_away(Fraction(self.amount.amount_minor * elapsed, whole))
        return self.amount.model_copy(update={"amount_minor": minor})

    def recognised_in(self, start: date, end: date) -> Money:
        """What is earned on the days from `start` up to, and without, `end`."""
        return self.recognised_before(end) - self.recognised_before(start)

    def deferred_before(self, day: date) -> Money:
        """What was invoiced and is not earned at the beginning of `day`."""
        if self._is_void(day) or not self._is_invoiced(day):
            return Money.zero(self.amount.currency)
        return self.amount - self.recognised_before(day)

    def accrued_before(self, day: date) -> Money:
        """What is earned at the beginning of `day` and is invoiced later."""
        if self._is_invoiced(day):
            return Money.zero(self.amount.currency)
        return self.recognised_before(day)

    def _is_invoiced(self, day: date) -> bool:
        return self.issued_on is not None and self.issued_on < day

    def _is_void(self, day: date) -> bool:
        return self.voided_on is not None and self.voided_on < day
