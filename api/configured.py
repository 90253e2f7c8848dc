"""What a buyer chooses beside price and quantity, as callers write it and as it is shown.

Owns the fields that bodies and views have in common. Does not own what a price depends on
(`billing.configuration`).
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.fields import Body
from billing.configuration import MOST_BASE_MINOR, Configuration

_MOST_DIMENSIONS = 2

DimensionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
DimensionValue = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]


class Configured(Body):
    """A body that may say the cell of a matrix, or what a percentage is taken of."""

    dimensions: Annotated[
        dict[DimensionName, DimensionValue] | None, Field(max_length=_MOST_DIMENSIONS)
    ] = Field(
        default=None,
        description="Of a price with the model `matrix`: a value for each dimension",
        examples=[{"region": "eu", "size": "large"}],
    )
    base_amount_minor: Annotated[int, Field(strict=True, ge=0, le=MOST_BASE_MINOR)] | None = Field(
        default=None,
        description="Of a price with the model `percentage`: what it is taken of, in minor units",
    )

    @property
    def configuration(self) -> Configuration:
        """What is said; nothing where nothing is."""
        return Configuration.of(self.dimensions, self.base_amount_minor)

    @property
    def configuration_wanted(self) -> Configuration | None:
        """None where nothing is said."""
        is_said = self.dimensions is not None or self.base_amount_minor is not None
        return self.configuration if is_said else None
