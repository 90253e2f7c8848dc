"""The API's description of itself."""

from typing import Any

import jsonschema
import pytest

from api.openapi_example import example_of
from tests.api.shop import Shop

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
async def document(idle_shop: Shop) -> Any:  # noqa: ANN401 - JSON
    """The OpenAPI document as it is served."""
    return (await idle_shop.client.get("/openapi.json")).json()


def _operations(document: Any) -> list[tuple[str, str, Any]]:  # noqa: ANN401 - JSON
    return [
        (path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]


async def test_every_operation_is_named_tagged_and_shown_by_example(document: Any) -> None:  # noqa: ANN401 - JSON
    schemas = document["components"]["schemas"]
    names = set()
    for path, method, operation in _operations(document):
        names.add(operation["operationId"])
        assert operation["tags"], path
        answers = [r for s, r in operation["responses"].items() if s.startswith("2")]
        assert answers, path
        for answer in answers:
            if not operation["operationId"].endswith("_pdf"):
                assert "application/json" in answer["content"], path
            shown = answer["content"].get("application/json")
            if shown is None:
                continue
            validator = jsonschema.Draft202012Validator(
                {**shown["schema"], "components": {"schemas": schemas}}
            )
            assert list(validator.iter_errors(shown["example"])) == [], (method, path)
        body = operation.get("requestBody")
        if body is not None and path.startswith("/v1") and "webhooks" not in path:
            schema = body["content"]["application/json"]["schema"]
            assert schemas[schema["$ref"].rpartition("/")[2]]["examples"]
    assert len(names) == len(_operations(document))


async def test_every_post_under_an_api_key_takes_an_idempotency_key(document: Any) -> None:  # noqa: ANN401 - JSON
    for path, method, operation in _operations(document):
        headers = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "header"}
        expected = method == "post" and bool(operation["security"])
        assert ("Idempotency-Key" in headers) == expected, path


async def test_an_answer_that_shows_a_version_documents_its_etag(document: Any) -> None:  # noqa: ANN401 - JSON
    showing = {
        operation["operationId"]
        for _, _, operation in _operations(document)
        for answer in operation["responses"].values()
        if "ETag" in answer.get("headers", {})
    }
    assert {"read_subscription", "cancel_subscription", "change_subscription"} <= showing
    assert showing.isdisjoint({"list_subscriptions", "read_invoice"})


async def test_every_command_can_be_based_on_a_version(document: Any) -> None:  # noqa: ANN401 - JSON
    for path, method, operation in _operations(document):
        headers = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "header"}
        is_command = method == "post" and path.startswith("/v1/subscriptions/{subscription_id}/")
        expected = is_command and not path.endswith("/preview")
        assert ("If-Match" in headers) == expected, path


async def test_every_problem_is_documented_as_a_problem(document: Any) -> None:  # noqa: ANN401 - JSON
    for path, _, operation in _operations(document):
        for status, response in operation["responses"].items():
            if status.startswith("2") or path == "/readyz":
                continue
            assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_an_example_follows_its_schema() -> None:
    schemas = {"Item": {"type": "object", "properties": {"customer": {"type": "string"}}}}
    schema = {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
    assert example_of(schema, schemas)[0]["customer"].startswith("cus_")
