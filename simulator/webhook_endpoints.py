"""Webhook endpoints: who is told of which events.

Owns the endpoint object and its secret. Does not send anything (`deliveries`).
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from simulator.lists import CursorParameters, Page, page_of
from simulator.parameters import (
    NO_METADATA,
    Clearable,
    FormBoolean,
    FormList,
    Metadata,
    Parameters,
    Text,
    WebAddress,
)
from simulator.resource import Deleted, Resource, new_id

if TYPE_CHECKING:
    from simulator.operation import Operation


class WebhookEndpoint(Resource):
    """An endpoint. Stripe shows `secret` only in the answer to its creation."""

    KIND: ClassVar[str] = "webhook_endpoint"
    NOUN: ClassVar[str] = "webhook endpoint"
    PREFIX: ClassVar[str] = "we"

    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    api_version: str | None = None
    application: str | None = None
    description: str | None = None
    enabled_events: list[str]
    metadata: dict[str, str] = Field(default_factory=dict)
    secret: str | None = None
    status: Literal["enabled", "disabled"] = "enabled"
    url: str

    def wants(self, event_type: str) -> bool:
        """Whether this endpoint asked for events of that type."""
        return "*" in self.enabled_events or event_type in self.enabled_events


class WebhookEndpointView(WebhookEndpoint):
    """An endpoint as every answer but the first shows it: without the secret."""

    secret: str | None = Field(default=None, exclude=True)


class CreateParameters(Parameters):
    """What an endpoint is made from."""

    url: WebAddress
    enabled_events: FormList[Text] = Field(min_length=1)
    api_version: Literal["2026-10-28.endive"] | None = None
    description: Clearable | None = None
    metadata: Metadata = NO_METADATA


class UpdateParameters(Parameters):
    """What can be changed about an endpoint."""

    url: WebAddress | None = None
    enabled_events: FormList[Text] | None = Field(default=None, min_length=1)
    description: Clearable | None = None
    disabled: FormBoolean | None = None
    metadata: Metadata = NO_METADATA


def create(operation: "Operation", _: str, parameters: CreateParameters) -> WebhookEndpoint:
    """A new endpoint; the only answer that carries its secret."""
    endpoint = WebhookEndpoint(
        id=new_id(WebhookEndpoint.PREFIX),
        created=operation.now,
        livemode=operation.livemode,
        url=parameters.url,
        enabled_events=list(parameters.enabled_events),
        api_version=parameters.api_version,
        description=parameters.description or None,
        metadata=parameters.metadata.applied_to({}),
        secret=new_id("whsec"),
    )
    operation.create(endpoint, None)
    return endpoint


def retrieve(operation: "Operation", identifier: str, _: Parameters) -> WebhookEndpointView:
    """The endpoint without its secret, or 404."""
    return _view(operation.get(WebhookEndpoint, identifier))


def update(
    operation: "Operation", identifier: str, parameters: UpdateParameters
) -> WebhookEndpointView:
    """The endpoint with what was given changed."""
    endpoint = operation.get(WebhookEndpoint, identifier)
    fields: dict[str, object] = {"metadata": parameters.metadata.applied_to(endpoint.metadata)}
    if parameters.url is not None:
        fields["url"] = parameters.url
    if parameters.enabled_events is not None:
        fields["enabled_events"] = list(parameters.enabled_events)
    if parameters.description is not None:
        fields["description"] = parameters.description or None
    if parameters.disabled is not None:
        fields["status"] = "disabled" if parameters.disabled else "enabled"
    return _view(operation.save(endpoint.changed(**fields), None))


def delete(operation: "Operation", identifier: str, _: Parameters) -> Deleted:
    """Drop the endpoint; what is still owed to it is never sent."""
    endpoint = operation.get(WebhookEndpoint, identifier)
    operation.store.remove(endpoint)
    return Deleted(id=endpoint.id, object="webhook_endpoint")


def list_(operation: "Operation", _: str, parameters: CursorParameters) -> Page:
    """Endpoints, newest first, without their secrets."""
    page = page_of(operation.store, WebhookEndpoint, parameters, {}, url="/v1/webhook_endpoints")
    views = [_view(item) for item in page.data if isinstance(item, WebhookEndpoint)]
    return Page(data=list(views), has_more=page.has_more, url=page.url)


def _view(endpoint: WebhookEndpoint) -> WebhookEndpointView:
    return WebhookEndpointView.model_validate(endpoint.model_dump())
