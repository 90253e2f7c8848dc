import asyncio
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from adapters.mail.outbox import FilePost
from tests.adapters.mail.letters import ADA, message


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_a_message_becomes_a_file_that_mail_programs_read(tmp_path: Path) -> None:
    post = FilePost(tmp_path / "outbox", sender="billing@example.org")
    await post.deliver(message(), to=ADA)
    mail = message_from_bytes(post.path_of(message()).read_bytes(), policy=policy.default)
    assert mail["Subject"] == "Your trial of Team ends on January 31, 2026"
    assert "$80.00" in mail.get_content()


async def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    post = FilePost(tmp_path / "outbox", sender="billing@example.org")
    await post.deliver(message(), to=ADA)
    assert post.path_of(message()).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "outbox").stat().st_mode & 0o777 == 0o700


async def test_one_key_is_written_once(tmp_path: Path) -> None:
    post = FilePost(tmp_path, sender="billing@example.org")
    await post.deliver(message(), to=ADA)
    first = post.path_of(message()).stat()
    await post.deliver(message().model_copy(update={"product_name": "Other"}), to=ADA)
    assert post.path_of(message()).stat() == first
    await post.deliver(message(key="another"), to=ADA)
    assert len(_files(tmp_path)) == 2


async def test_deliveries_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    post = FilePost(tmp_path, sender="billing@example.org")
    await asyncio.gather(*(post.deliver(message(), to=ADA) for _ in range(8)))
    (only,) = _files(tmp_path)
    assert only.read_bytes().endswith(b"charged.\r\n")


async def test_a_folder_that_cannot_be_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    post = FilePost(tmp_path / "file" / "outbox", sender="billing@example.org")
    with pytest.raises(OSError, match="file"):
        await post.deliver(message(), to=ADA)
