"""The `perennial` command, as a user meets it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from adapters.db import migrations
from local.temporal import Server
from tests.cli.terminal import Ended, invoke
from workflows.messages import SUBSCRIPTION_TASK_QUEUE

_CHECKOUT = Path(__file__).resolve().parents[2]
_SECONDS = 60
_NOBODY_LISTENS = "127.0.0.1:1"


def perennial(*words: str, **variables: str) -> Ended:
    return invoke(words, {"COLUMNS": "200", **variables})


def test_migrate_brings_an_empty_database_to_the_newest_revision(
    empty_database_url: str,
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cli", "migrate"],
        check=False,
        capture_output=True,
        text=True,
        cwd=_CHECKOUT,
        env={"PATH": os.defpath, "DATABASE_URL": empty_database_url},
        timeout=_SECONDS,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert migrations.head() in ended.stdout
    assert migrations.current(empty_database_url) == migrations.head()


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(database_url: str) -> None:
    made = perennial(
        "api-keys", "create", "reports", "--scope", "reports:read", DATABASE_URL=database_url
    )
    secret = made.out.split()[-1]
    key_id = made.out.split(":")[0]
    assert secret.startswith("pk_")
    listed = perennial("api-keys", "list", DATABASE_URL=database_url).out
    assert key_id in listed
    assert "reports:read" in listed
    assert secret not in listed
    revoked = perennial("api-keys", "revoke", key_id, DATABASE_URL=database_url)
    assert revoked.code == 0
    again = perennial("api-keys", "list", DATABASE_URL=database_url).out
    assert len(re.findall(r"\d{4}-\d{2}-\d{2}", again)) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("api-keys", "revoke", "key_unknown"), "key_unknown"),
        (("api-keys", "create", "x", "--scope", "everything:all"), "unknown scope everything:all"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    database_url: str, words: tuple[str, ...], said: str
) -> None:
    ended = perennial(*words, DATABASE_URL=database_url)
    assert ended.code == 1
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("words", [("migrate",), ("api-keys", "list")])
def test_a_database_out_of_reach_is_said_in_a_sentence(words: tuple[str, ...]) -> None:
    url = f"postgresql://nobody:secret@{_NOBODY_LISTENS}/none"
    ended = perennial(*words, DATABASE_URL=url)
    assert ended.code == 1
    assert "the database does not answer" in ended.err
    assert "Traceback" not in ended.err
    assert "secret" not in ended.err


def test_the_doctor_names_every_part_that_does_not_answer_and_a_remedy() -> None:
    ended = perennial(
        "doctor",
        DATABASE_URL=f"postgresql://nobody:secret@{_NOBODY_LISTENS}/none",
        TEMPORAL_ADDRESS=_NOBODY_LISTENS,
        STRIPE_API_KEY="sk_test_x",
    )
    assert ended.code == 1
    assert "Traceback" not in ended.out + ended.err
    assert "secret@" not in ended.out
    for remedy in ("check DATABASE_URL", "check TEMPORAL_ADDRESS", "set STRIPE_WEBHOOK_SECRET"):
        assert remedy in ended.out


def test_a_failed_event_is_listed_with_its_error_and_replayed(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO webhook_inbox (event_id, type, payload, attempts, last_error,"
            " next_attempt_at) VALUES ('evt_bad', 'charge.updated', '{}', 7, 'X: [red]no[/red]',"
            " now() + interval '1 hour'), ('evt_new', 'charge.updated', '{}', 0, NULL, now())"
        )
    failed = perennial("webhooks", "list", "--failed", DATABASE_URL=database_url).out
    assert "evt_bad" in failed
    assert "X: [red]no[/red]" in failed
    assert "tried 7 times" in failed
    assert "evt_new" not in failed
    assert perennial("webhooks", "replay", "evt_bad", DATABASE_URL=database_url).code == 0
    with psycopg.connect(database_url) as connection:
        due = connection.execute(
            "SELECT attempts, next_attempt_at <= now() FROM webhook_inbox"
            " WHERE event_id = 'evt_bad'"
        ).fetchone()
    assert due == (0, True)
    unknown = perennial("webhooks", "replay", "evt_unknown", DATABASE_URL=database_url)
    assert (unknown.code, unknown.err) == (
        1,
        "no event 'evt_unknown' (webhook_not_found)\n",
    )


def test_the_doctor_sees_what_is_well(database_url: str, temporal_server: Server) -> None:
    ended = perennial(
        "doctor",
        DATABASE_URL=database_url,
        TEMPORAL_ADDRESS=temporal_server.address,
        STRIPE_API_KEY="sk_test_x",
        STRIPE_WEBHOOK_SECRET="whsec_x",
    )
    well = [line for line in ended.out.splitlines() if line.lstrip().startswith("ok")]
    for part in ("PostgreSQL", "migrations", "Temporal", "search attributes", "webhooks"):
        assert any(f" {part} " in line for line in well), ended.out
    assert f" task queue {SUBSCRIPTION_TASK_QUEUE} " in ended.out
    assert ended.code == 1
