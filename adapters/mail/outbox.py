"""Messages as files: one per message, readable by their owner alone."""

import asyncio
import os
import tempfile
from pathlib import Path

from adapters.mail.envelope import message_id, sealed
from billing.message import Message
from billing.ports.customers import CustomerRecord


class FilePost:
    """`Post` into a folder; a file is complete or absent, and written once per message key."""

    def __init__(self, folder: Path, *, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def path_of(self, message: Message) -> Path:
        """Where the message is, or will be."""
        return self._folder / f"{message.kind}-{message_id(message)}.eml"

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        """Raises `OSError` where the folder cannot be written.

        The date is the message's own instant: the file is the same whenever it is written.
        """
        mail = sealed(message, to=to, sender=self._sender, sent_at=message.at)
        await asyncio.to_thread(self._write, self.path_of(message), mail.as_bytes())

    def _write(self, path: Path, content: bytes) -> None:
        if path.exists():
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=self._folder, suffix=".unfinished")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(unfinished).replace(path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
