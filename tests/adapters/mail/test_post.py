from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.mail.console import ConsolePost
from adapters.mail.outbox import FilePost
from adapters.mail.post import EveryPost, post_from
from adapters.settings import Settings
from billing.errors import InvalidInput
from tests.adapters.mail.letters import ADA, message
from tests.adapters.mail.smtp_server import listening


def _settings(**changes: object) -> Settings:
    return Settings.model_validate(
        {
            "database_url": "postgresql://localhost/x",
            "stripe_api_key": "sk_test_x",
            "stripe_webhook_secret": "whsec_x",
            "link_secret": "secret of the test links",
            **changes,
        }
    )


def _files_in(folder: Path) -> int:
    return len(list(folder.iterdir()))


async def test_without_settings_messages_are_logged_without_personal_data() -> None:
    with capture_logs() as events:
        await post_from(_settings()).deliver(message(), to=ADA)
    (event,) = events
    assert event["event"] == "message.delivered"
    assert event["key"] == message().key
    assert "ada@example.com" not in str(event)
    assert "Lovelace" not in str(event)


async def test_a_message_goes_every_way_that_is_configured(tmp_path: Path) -> None:
    async with listening() as mailbox:
        post = post_from(
            _settings(mail_outbox=tmp_path, smtp_url=f"smtp+plain://127.0.0.1:{mailbox.port}")
        )
        with capture_logs() as events:
            await post.deliver(message(), to=ADA)
    assert len(mailbox.mails) == _files_in(tmp_path) == len(events) == 1


async def test_a_failure_is_not_logged_as_delivered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    post = EveryPost(FilePost(tmp_path / "file", sender="billing@example.org"), ConsolePost())
    with capture_logs() as events, pytest.raises(OSError, match="file"):
        await post.deliver(message(), to=ADA)
    assert events == []


def test_an_impossible_address_of_the_mail_server_fails_at_start_up() -> None:
    with pytest.raises(InvalidInput):
        post_from(_settings(smtp_url="http://mail.example.com"))
