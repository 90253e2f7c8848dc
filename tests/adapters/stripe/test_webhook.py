import json
from collections.abc import Mapping
from datetime import UTC, datetime
from time import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from adapters.stripe.client import API_VERSION
from adapters.stripe.webhook import TOLERANCE_SECONDS, WebhookEvent, read_webhook
from billing.errors import InvalidInput

SECRET = "whsec_test"


def _event(**changes: object) -> Mapping[str, object]:
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": API_VERSION,
        "created": 1_767_225_600,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "payment_intent.succeeded",
        "data": {
            "object": {
                "id": "pi_1",
                "object": "payment_intent",
                "amount": 1000,
                "metadata": {
                    "perennial_invoice": "in_1",
                    "perennial_attempt": "2",
                    "perennial_subscription": "sub_1",
                    "someone_elses": "x",
                },
            }
        },
        **changes,
    }


def _signed(payload: bytes, *, at: float | None = None, secret: str = SECRET) -> str:
    timestamp = int(time() if at is None else at)
    return str(
        WebhookSignature.generate_signature_header(payload.decode(), secret, timestamp=timestamp)
    )


def _read(event: object) -> WebhookEvent:
    payload = json.dumps(event).encode()
    return read_webhook(payload, _signed(payload), secret=SECRET)


def _code(payload: bytes, signature: str | None) -> str:
    with pytest.raises(InvalidInput) as refused:
        read_webhook(payload, signature, secret=SECRET)
    return refused.value.code


def test_a_signed_event_is_read_with_our_ids() -> None:
    assert _read(_event()) == WebhookEvent(
        id="evt_1",
        type="payment_intent.succeeded",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        livemode=False,
        object_id="pi_1",
        object_type="payment_intent",
        invoice_id="in_1",
        attempt_number=2,
        subscription_id="sub_1",
    )


@pytest.mark.parametrize("metadata", [None, {}, {"perennial_attempt": "two"}])
def test_objects_of_others_are_read_without_our_ids(metadata: object) -> None:
    event = _read(
        _event(data={"object": {"id": "pi_1", "object": "payment_intent", "metadata": metadata}})
    )
    assert (event.invoice_id, event.attempt_number, event.subscription_id) == (None, None, None)


def test_ids_that_we_cannot_have_written_are_left_out() -> None:
    event = _read(
        _event(
            data={
                "object": {
                    "id": "pi_1",
                    "object": "payment_intent",
                    "metadata": {"perennial_invoice": "in_\0", "perennial_subscription": "x" * 300},
                }
            }
        )
    )
    assert (event.invoice_id, event.subscription_id) == (None, None)


def test_an_object_without_an_id_is_read() -> None:
    event = _read(_event(type="balance.available", data={"object": {"object": "balance"}}))
    assert event.object_id is None


@pytest.mark.parametrize("signature", [None, ""])
def test_a_missing_signature_is_refused(signature: str | None) -> None:
    assert _code(b"{}", signature) == "webhook_signature_missing"


def test_a_signature_by_another_secret_is_refused() -> None:
    payload = json.dumps(_event()).encode()
    assert _code(payload, _signed(payload, secret="whsec_other")) == "webhook_signature_invalid"


def test_a_changed_body_is_refused() -> None:
    payload = json.dumps(_event()).encode()
    changed = payload.replace(b'"pi_1"', b'"pi_2"')
    assert _code(changed, _signed(payload)) == "webhook_signature_invalid"


@given(st.text(min_size=1))
def test_nonsense_for_a_signature_is_refused(signature: str) -> None:
    assert _code(b"{}", signature) == "webhook_signature_invalid"


def test_an_old_signature_is_refused() -> None:
    payload = json.dumps(_event()).encode()
    old = _signed(payload, at=time() - TOLERANCE_SECONDS - 5)
    assert _code(payload, old) == "webhook_signature_stale"
    young = _signed(payload, at=time() - TOLERANCE_SECONDS + 60)
    assert read_webhook(payload, young, secret=SECRET).id == "evt_1"


def test_one_fitting_signature_of_several_is_enough() -> None:
    payload = json.dumps(_event()).encode()
    header = _signed(payload)
    rolled = header.replace("v1=", f"v1={'0' * 64},v1=")
    assert read_webhook(payload, rolled, secret=SECRET).id == "evt_1"


@pytest.mark.parametrize("version", ["2019-01-01", None, "2099-01-01.future"])
def test_an_event_of_another_version_is_refused(version: str | None) -> None:
    payload = json.dumps(_event(api_version=version)).encode()
    assert _code(payload, _signed(payload)) == "webhook_version_unsupported"


@pytest.mark.parametrize(
    "event",
    [
        [],
        None,
        "text",
        {},
        _event(id=None),
        _event(id="evt_1\0"),
        _event(created="yesterday"),
        _event(created=10**30),
        _event(created=-1),
        _event(type=""),
        _event(data={}),
        _event(data={"object": []}),
        _event(data={"object": {"id": "\ud800", "object": "payment_intent"}}),
    ],
    ids=repr,
)
def test_a_signed_body_that_is_no_event_is_refused(event: object) -> None:
    payload = json.dumps(event).encode()
    assert _code(payload, _signed(payload)) == "webhook_malformed"


@pytest.mark.parametrize("payload", [b"", b"{", b"[" * 100_000])
def test_a_signed_body_that_is_no_json_is_refused(payload: bytes) -> None:
    assert _code(payload, _signed(payload)) == "webhook_malformed"


def test_a_body_that_is_no_text_is_refused() -> None:
    assert _code(b"\xff\xfe", "t=1,v1=00") == "webhook_malformed"
