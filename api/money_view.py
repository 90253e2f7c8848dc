"""What the API says about an amount of money.

Owns the public shape: whole minor units, as everywhere inside, never a JSON float.
"""

from typing import Self

from pydantic import BaseModel, Field

from billing.money import Money


class MoneyView(BaseModel):
    """Whole minor units of a currency, and the same for people."""

    amount_minor: int = Field(examples=[8000])
    currency: str = Field(examples=["USD"])
    text: str = Field(examples=["USD 80.00"])

    @classmethod
    def of(cls, amount: Money) -> Self:
        """The amount, twice."""
        return cls(amount_minor=amount.amount_minor, currency=amount.currency, text=str(amount))
