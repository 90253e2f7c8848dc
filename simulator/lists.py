"""Cursor lists, newest first.

Owns the list parameters and the page object. Source: https://docs.stripe.com/api/pagination
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from simulator.errors import InvalidRequest, no_such
from simulator.parameters import FormInteger, ParameterHash, Parameters, Text
from simulator.resource import Fields, Resource
from simulator.store import Store, Window


class CreatedRange(ParameterHash):
    """Bounds on `created`, in Unix seconds."""

    gt: FormInteger | None = None
    gte: FormInteger | None = None
    lt: FormInteger | None = None
    lte: FormInteger | None = None

    def comparisons(self) -> tuple[tuple[str, int], ...]:
        """The bounds that were given, as comparisons."""
        bounds = ((">", self.gt), (">=", self.gte), ("<", self.lt), ("<=", self.lte))
        return tuple((sign, bound) for sign, bound in bounds if bound is not None)


def _exact_instant(value: object) -> object:
    return {"gte": value, "lte": value} if isinstance(value, str | int) else value


class CursorParameters(Parameters):
    """The parameters of a list without a filter on `created`."""

    limit: Annotated[FormInteger, Field(ge=1, le=100)] = 10
    starting_after: Text | None = None
    ending_before: Text | None = None

    @model_validator(mode="after")
    def _one_cursor(self) -> Self:
        if self.starting_after is not None and self.ending_before is not None:
            raise InvalidRequest("Only one of starting_after and ending_before may be given.")
        return self

    def window(self) -> Window:
        """The part of the list that is asked for."""
        return Window(self.limit, self.starting_after, self.ending_before)


class ListParameters(CursorParameters):
    """The parameters that most lists share."""

    created: Annotated[CreatedRange | None, BeforeValidator(_exact_instant)] = None

    def window(self) -> Window:
        """The part of the list that is asked for."""
        created = () if self.created is None else self.created.comparisons()
        return Window(self.limit, self.starting_after, self.ending_before, created)


class Page(Fields):
    """A page of a list, as Stripe returns it."""

    object: Literal["list"] = "list"
    data: list[SerializeAsAny[Resource]]
    has_more: bool
    url: str


def page_of(
    store: Store,
    resource: type[Resource],
    parameters: CursorParameters,
    filters: Mapping[str, str],
    *,
    url: str,
) -> Page:
    """The page that the parameters ask for. Raises InvalidRequest for a cursor of nothing."""
    window = parameters.window()
    found = store.window(resource, filters, window)
    if found is None:
        param = "starting_after" if window.ending_before is None else "ending_before"
        raise no_such(
            resource.NOUN, window.starting_after or window.ending_before or "", param=param
        )
    resources, has_more = found
    return Page(data=list(resources), has_more=has_more, url=url)
