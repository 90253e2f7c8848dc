"""Tax: which rate applies to whom, and how much of an amount it is (policy P4).

Owns the table of rates by jurisdiction, reverse charge and exemption, and the arithmetic of one
rate. Does not own which lines share a rounding (`billing.assessment`), what is given back of a tax
(`billing.tax_reversal`), the form of VAT ids nor storage (`adapters`).
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from billing.country import Country
from billing.errors import InvalidInput
from billing.money import Money, round_half_away
from billing.value import Instant, Value

Region = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")]
"""What follows the country in ISO 3166-2: `NY` of `US-NY`."""
TaxCategory = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]
"""Which kind of thing is sold, where rates differ by that; chosen by the catalog's owner."""
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=6)]

EU: Final = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
        "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip
"""Members of the European Union, between which businesses account for VAT themselves."""


class TaxReason(StrEnum):
    """Why no tax is charged where there would be one."""

    REVERSE_CHARGE = "reverse_charge"
    EXEMPT = "exempt"

    @property
    def words(self) -> str:
        """As it stands on the invoice."""
        return _WORDS[self]


_WORDS: Final[Mapping[TaxReason, str]] = MappingProxyType(
    {
        TaxReason.REVERSE_CHARGE: "Reverse charge: the customer accounts for the VAT",
        TaxReason.EXEMPT: "The customer is exempt from tax",
    }
)


class TaxTreatment(Value):
    """Which rate of which jurisdiction applies; with a reason, none does."""

    jurisdiction: str
    """The country, or `country-region`."""
    name: str = "Tax"
    """What the tax is called there: VAT, sales tax."""
    rate: Percent
    reason: TaxReason | None = None
    category: TaxCategory | None = None
    """Of what is sold: what a report divides a rate by. Rounding together does not depend on it."""

    @model_validator(mode="after")
    def _no_rate_with_a_reason(self) -> Self:
        if self.reason is not None and self.rate:
            raise ValueError("what is not charged for a reason has the rate zero")
        return self


class LineTax(TaxTreatment):
    """The tax of one line: its share of what its invoice carries at that rate."""

    inclusive: bool = False
    """Whether it is a part of the line's amount, or comes on top."""
    amount: Money
    """Has the sign of its line."""

    @classmethod
    def under(cls, treatment: TaxTreatment, *, inclusive: bool, currency: str) -> Self:
        """The treatment of a line whose share is not known yet."""
        return cls(**dict(treatment), inclusive=inclusive, amount=Money.zero(currency))

    @property
    def kind(self) -> tuple[str, str, Decimal, TaxReason | None, bool]:
        """What lines have in common whose tax is rounded together."""
        return self.jurisdiction, self.name, self.rate, self.reason, self.inclusive

    @property
    def added(self) -> Money:
        """What it adds to the line's amount."""
        return Money.zero(self.amount.currency) if self.inclusive else self.amount

    def with_amount(self, minor: int) -> Self:
        """The same rate, another share."""
        amount = self.amount.model_copy(update={"amount_minor": minor})
        return self.model_copy(update={"amount": amount})


class Taxpayer(Value):
    """What of a customer decides which tax is charged."""

    country: Country | None = None
    """Unknown: nothing is taxed."""
    region: Region | None = None
    vat_id: str | None = None
    """Its form was checked: whoever has one is a business."""
    is_exempt: bool = False


class TaxRate(Value):
    """One row of the table: a rate from a day on, until a later row of the same place says else."""

    country: Country
    region: Region | None = None
    """None for the whole country, but for regions with rows of their own."""
    category: TaxCategory | None = None
    """None for everything, but for categories with rows of their own."""
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    rate: Percent
    effective_from: Instant

    @property
    def jurisdiction(self) -> str:
        """As invoices name it."""
        return self.country if self.region is None else f"{self.country}-{self.region}"

    @property
    def place(self) -> tuple[str, str | None, str | None, datetime]:
        """What there may be one row of."""
        return self.country, self.region, self.category, self.effective_from


class TaxTable(Value):
    """Where the seller is established, and the rates that it charges where."""

    seller_country: Country | None = None
    rates: tuple[TaxRate, ...] = ()

    @model_validator(mode="after")
    def _one_row_per_place_and_day(self) -> Self:
        seen: set[object] = set()
        for rate in self.rates:
            if rate.place in seen:
                raise ValueError(
                    f"{rate.jurisdiction} has two rates of the category {rate.category}"
                    f" from {rate.effective_from:%Y-%m-%d} on"
                )
            seen.add(rate.place)
        return self

    def taxation(self, taxpayer: Taxpayer, at: datetime) -> "Taxation":
        """How everything that a customer buys at `at` is taxed."""
        categories = {rate.category for rate in self.rates if rate.category is not None}
        return Taxation(
            by_category={
                category: treatment
                for category in sorted(categories)
                if (treatment := self.treatment(taxpayer, category, at)) is not None
            },
            otherwise=self.treatment(taxpayer, None, at),
        )

    def treatment(
        self, taxpayer: Taxpayer, category: str | None, at: datetime
    ) -> TaxTreatment | None:
        """None where nothing is charged because the seller does not have to.

        That is in places without a row, and for customers whose country is unknown.
        """
        if taxpayer.country is None:
            return None
        if self._reverses_charge(taxpayer):
            return _not_charged(taxpayer.country, TaxReason.REVERSE_CHARGE)
        rate = self._rate(taxpayer, category, at)
        if rate is None:
            return None
        if taxpayer.is_exempt:
            return _not_charged(rate.jurisdiction, TaxReason.EXEMPT, name=rate.name)
        return TaxTreatment(jurisdiction=rate.jurisdiction, name=rate.name, rate=rate.rate)

    def _reverses_charge(self, taxpayer: Taxpayer) -> bool:
        """A business in another country of the EU than the seller's."""
        is_abroad = taxpayer.country != self.seller_country
        in_union = taxpayer.country in EU and self.seller_country in EU
        return taxpayer.vat_id is not None and is_abroad and in_union

    def _rate(self, taxpayer: Taxpayer, category: str | None, at: datetime) -> TaxRate | None:
        """The row that says most about the place, then about the category, then the latest."""
        fitting = (
            rate
            for rate in self.rates
            if rate.country == taxpayer.country
            and rate.region in (None, taxpayer.region)
            and rate.category in (None, category)
            and rate.effective_from <= at
        )
        return max(
            fitting,
            key=lambda rate: (
                rate.region is not None,
                rate.category is not None,
                rate.effective_from,
            ),
            default=None,
        )


class Taxation(Value):
    """How a customer is taxed at one moment, by what is bought."""

    by_category: Mapping[str, TaxTreatment | None] = {}
    otherwise: TaxTreatment | None = None
    unknown: tuple[str, ...] = ()
    """Categories of which nobody knows how they are taxed."""

    def of(self, category: str | None) -> TaxTreatment | None:
        """None where no tax is charged. Raises `InvalidInput` (`tax_category_unknown`)."""
        if category in self.unknown:
            raise InvalidInput(
                "tax_category_unknown",
                f"nobody knows how {category} is taxed: correct it in the catalog, and migrate"
                " those who bought it",
                category=category,
            )
        treatment = self.by_category.get(category or "", self.otherwise)
        if treatment is None or category is None:
            return treatment
        return treatment.model_copy(update={"category": category})


UNTAXED: Final = Taxation()


def tax_on(net_minor: int, rate: Decimal) -> int:
    """The tax that comes on top of an amount, rounded once."""
    return round_half_away(net_minor * _share(rate))


def tax_within(gross_minor: int, rate: Decimal) -> int:
    """The tax in an amount that includes it: what the rounded net leaves (policy P4)."""
    return gross_minor - round_half_away(gross_minor / (1 + _share(rate)))


def _share(rate: Decimal) -> Fraction:
    return Fraction(rate) / 100


def _not_charged(jurisdiction: str, reason: TaxReason, *, name: str = "VAT") -> TaxTreatment:
    return TaxTreatment(jurisdiction=jurisdiction, name=name, rate=Decimal(0), reason=reason)
