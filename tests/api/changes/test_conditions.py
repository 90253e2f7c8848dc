"""`If-Match` and `ETag`: commands that are based on what the caller has seen (policy P16)."""

import pytest

from tests.api.changes.subscriber import subscribed
from tests.api.shop import Shop, problem

APRIL = "2026-04-01T00:00:00Z"


async def test_an_answer_shows_the_version_that_the_next_command_is_based_on(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", seats=10, at=APRIL)
    read = await shop.client.get(ada.path)
    seen = read.headers["etag"]
    assert seen == f'"{read.json()["version"]}"'
    assert (await ada.command("change/preview", {"quantity": 8})).headers["etag"] == seen
    fewer = await ada.command("change", {"quantity": 8}, version=seen)
    assert fewer.status_code == 200, fewer.text
    assert fewer.headers["etag"] != seen
    assert fewer.headers["etag"] == f'"{fewer.json()["subscription"]["version"]}"'
    problem(await ada.command("undo_change", version=seen), 409, "stale_version")
    undone = await ada.command("undo_change", version=fewer.headers["etag"])
    assert undone.status_code == 200, undone.text
    assert (await shop.client.get(ada.path)).headers["etag"] == undone.headers["etag"]


async def test_every_command_based_on_a_stale_version_is_refused(
    shop: Shop, subtests: pytest.Subtests
) -> None:
    ada = await subscribed(shop, "team_monthly", at=APRIL)
    stale = f'"{(await ada.read())["version"] + 1}"'
    for name in (
        "cancel",
        "undo_cancel",
        "undo_change",
        "pause",
        "pay",
    ):
        with subtests.test(name=name):
            problem(await ada.command(name, version=stale), 409, "stale_version")


async def test_any_version_will_do_for_a_star(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", at=APRIL)
    answer = await ada.command("cancel", version="*")
    assert answer.status_code == 200, answer.text


async def test_another_condition_is_another_request(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", at=APRIL)
    answer = await ada.command("cancel", key="cancel-1", version='"999"')
    problem(answer, 409, "stale_version")
    again = await ada.command("cancel", key="cancel-1", version='"999"')
    assert (again.content, again.headers["idempotent-replayed"]) == (answer.content, "true")
    other = await ada.command("cancel", key="cancel-1", version="*")
    problem(other, 422, "idempotency_key_reused")


async def test_a_replayed_answer_shows_its_version_again(shop: Shop) -> None:
    ada = await subscribed(shop, "team_monthly", at=APRIL)
    first = await ada.command("cancel", key="cancel-1")
    again = await ada.command("cancel", key="cancel-1")
    assert again.headers["etag"] == first.headers["etag"]


async def test_a_condition_of_another_form_cannot_be_read(
    idle_shop: Shop, subtests: pytest.Subtests
) -> None:
    for condition in (
        "",
        "7",
        '"',
        '""',
        '"a"',
        'W/"7"',
        '"7", "8"',
        '"-7"',
        '"7.0"',
        '"\u0661"',
        f'"{10**18}"',
    ):
        with subtests.test(condition=condition):
            answer = await idle_shop.client.post(
                "/v1/subscriptions/sub_1/cancel",
                json={},
                headers=[(b"If-Match", condition.encode())],
            )
            problem(answer, 400, "if_match_invalid")


async def test_two_conditions_are_not_one(idle_shop: Shop) -> None:
    headers = [(b"If-Match", b'"7"'), (b"If-Match", b'"8"')]
    answer = await idle_shop.client.post("/v1/subscriptions/sub_1/cancel", json={}, headers=headers)
    problem(answer, 400, "if_match_invalid")
