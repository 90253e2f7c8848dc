"""Events: what happened to which object, as Stripe records it.

Owns the event object and reading it. Does not own publishing (`operation`) nor sending
(`deliveries`).
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

from simulator.config import API_VERSION
from simulator.document import JsonObject
from simulator.lists import ListParameters, Page, page_of
from simulator.parameters import FormList, Parameters, Text
from simulator.resource import Fields, Resource

if TYPE_CHECKING:
    from simulator.operation import Operation


class EventData(Fields):
    """The object as it was right after the event, and the former values of what changed."""

    object: JsonObject
    previous_attributes: JsonObject | None = None

    @model_serializer(mode="wrap")
    def _without_absent_attributes(self, handler: SerializerFunctionWrapHandler) -> JsonObject:
        data: JsonObject = handler(self)
        if data.get("previous_attributes") is None:
            data.pop("previous_attributes", None)
        return data


class EventRequest(Fields):
    """The request that caused the event; nulls when none did."""

    id: str | None
    idempotency_key: str | None


class Event(Resource):
    """An event, with exactly the fields that Stripe returns."""

    KIND: ClassVar[str] = "event"
    NOUN: ClassVar[str] = "event"
    PREFIX: ClassVar[str] = "evt"

    object: Literal["event"] = "event"
    api_version: str | None = API_VERSION
    data: EventData
    pending_webhooks: int
    request: EventRequest | None
    type: str


class EventListParameters(ListParameters):
    """Filters of the event list."""

    type: Text | None = None
    types: FormList[Text] = ()


def retrieve(operation: "Operation", identifier: str, _: Parameters) -> Event:
    """The event, or 404."""
    return operation.get(Event, identifier)


def list_(operation: "Operation", _: str, parameters: EventListParameters) -> Page:
    """Events, newest first."""
    filters = {} if parameters.type is None else {"type": parameters.type}
    return page_of(operation.store, Event, parameters, filters, url="/v1/events")
