"""What a buyer chooses beside price and quantity, where the price depends on it.

Owns the value, and price models as they are sold with it. Does not own what that costs
(`billing.charge`).
"""

from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import Field

from billing.charge import combination_of
from billing.errors import InvalidInput
from billing.price_model import Matrix, Percentage, PriceModel
from billing.value import Value

MOST_BASE_MINOR: Final = 10**12

BaseAmount = Annotated[int, Field(ge=0, le=MOST_BASE_MINOR)]
"""What a percentage is taken of, in minor units of the currency that is paid in."""


class Configuration(Value):
    """The cell of a matrix and the base of a percentage; equal ones compare and hash as such."""

    choices: tuple[tuple[str, str], ...] = ()
    """A value for each dimension, in the order of the dimensions' names."""
    base_amount_minor: BaseAmount | None = None

    @classmethod
    def of(
        cls, dimensions: Mapping[str, str] | None = None, base_amount_minor: int | None = None
    ) -> Self:
        """With the dimensions in any order."""
        choices = tuple(sorted((dimensions or {}).items()))
        return cls(choices=choices, base_amount_minor=base_amount_minor)

    @property
    def values(self) -> tuple[str, ...]:
        """What is chosen, for people: in the order of the dimensions' names."""
        return tuple(value for _, value in self.choices)

    @property
    def dimensions(self) -> dict[str, str]:
        """The choices by the names of their dimensions."""
        return dict(self.choices)


PLAIN: Final = Configuration()
"""Nothing is chosen, as most prices want it."""


def configured(model: PriceModel, wanted: Configuration) -> PriceModel:
    """The model as it is sold: it costs what the configuration says, whoever asks.

    Raises `InvalidInput` (`dimension_required`, `dimension_unknown`, `combination_not_sold`,
    `base_amount_required`, `base_amount_unknown`).
    """
    for name in sorted(set(wanted.dimensions) - set(dimension_names(model))):
        raise InvalidInput(
            "dimension_unknown",
            f"the price does not depend on {name[:63]!r}",
            dimension=name[:63],
        )
    base = wanted.base_amount_minor
    if base is not None and not isinstance(model, Percentage):
        raise InvalidInput("base_amount_unknown", "the price is no percentage of an amount")
    match model:
        case Matrix():
            chosen = combination_of(model, wanted.dimensions)
            return model.model_copy(update={"chosen": chosen})
        case Percentage():
            if base is None:
                raise InvalidInput(
                    "base_amount_required", "the price is a percentage: say of which amount"
                )
            return model.model_copy(update={"base_amount_minor": base})
        case _:
            return model


def configuration_of(model: PriceModel) -> Configuration:
    """What it was sold with; `PLAIN` as the catalog has it."""
    match model:
        case Matrix(chosen=chosen) if chosen is not None:
            return Configuration.of(dict(zip(dimension_names(model), chosen, strict=True)))
        case Percentage():
            return Configuration.of(base_amount_minor=model.base_amount_minor)
        case _:
            return PLAIN


def kept(model: PriceModel, held: Configuration) -> Configuration:
    """What of a configuration the model depends on."""
    names = dimension_names(model)
    return Configuration.of(
        {name: value for name, value in held.choices if name in names},
        held.base_amount_minor if isinstance(model, Percentage) else None,
    )


def smallest(model: PriceModel) -> Configuration:
    """One that it is sold in: the first cell, or a percentage of nothing."""
    match model:
        case Matrix():
            cell = model.cells[0].at
            return Configuration.of(dict(zip(dimension_names(model), cell, strict=True)))
        case Percentage():
            return Configuration.of(base_amount_minor=0)
        case _:
            return PLAIN


def dimension_names(model: PriceModel) -> tuple[str, ...]:
    """In the order of the model; none where it is no matrix."""
    return tuple(each.name for each in model.dimensions) if isinstance(model, Matrix) else ()
