"""One request at work: what a handler may see and do.

Owns the frame of a single execution: its instant, its store and the events it publishes. Does not
know HTTP, idempotency or faults; those are settled before a handler runs.
"""

from dataclasses import dataclass
from typing import TypeVar

from simulator.document import JsonObject
from simulator.errors import InvalidRequest, no_such
from simulator.events import Event, EventData, EventRequest
from simulator.resource import Resource, new_id
from simulator.store import Store
from simulator.webhook_endpoints import WebhookEndpoint

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Operation:
    """The frame of one request. `now` is in Unix seconds; `public_url` has no trailing slash."""

    store: Store
    now: int
    livemode: bool
    public_url: str
    settlement_seconds: float | None
    request_id: str | None = None
    idempotency_key: str | None = None

    def get(self, resource: type[R], identifier: str, *, param: str = "id") -> R:
        """The object of that kind, or InvalidRequest `resource_missing` naming `param`."""
        found = self.store.find(resource, identifier)
        if found is None:
            raise no_such(resource.NOUN, identifier, param=param)
        return found

    def create(self, resource: Resource, event_type: str | None) -> None:
        """Store a new object and publish its event."""
        self.store.insert(resource)
        if event_type is not None:
            self.publish(event_type, resource)

    def save(self, resource: R, event_type: str | None, *, before: R | None = None) -> R:
        """Store a changed object and publish its event, with the former values of what changed."""
        self.store.replace(resource)
        if event_type is not None:
            self.publish(event_type, resource, before=before)
        return resource

    def publish(
        self, event_type: str, resource: Resource, *, before: Resource | None = None
    ) -> None:
        """Record an event and owe it to every endpoint that wants it."""
        endpoints = [
            endpoint
            for endpoint in self.store.all_where(WebhookEndpoint, {"status": "enabled"})
            if endpoint.wants(event_type)
        ]
        snapshot = resource.public()
        previous = None if before is None else _former_values(before.public(), snapshot)
        event = Event(
            id=new_id(Event.PREFIX),
            created=self.now,
            livemode=self.livemode,
            type=event_type,
            data=EventData(object=snapshot, previous_attributes=previous),
            pending_webhooks=len(endpoints),
            request=EventRequest(id=self.request_id, idempotency_key=self.idempotency_key),
        )
        self.store.insert(event)
        for endpoint in endpoints:
            self.store.owe(event=event.id, endpoint=endpoint.id, due_at=float(self.now))


def _former_values(before: JsonObject, after: JsonObject) -> JsonObject:
    return {name: value for name, value in before.items() if after.get(name) != value}


def unsupported(param: str, value: str) -> InvalidRequest:
    """A value that Stripe knows and the simulator does not imitate; refused rather than ignored."""
    return InvalidRequest(f"The simulator does not support {param}={value}.", param=param)
