"""The post of a process, as its settings say: a log always, files and SMTP where configured."""

from adapters.mail.console import ConsolePost
from adapters.mail.outbox import FilePost
from adapters.mail.smtp import SmtpPost, SmtpServer
from adapters.settings import Settings
from billing.message import Message
from billing.ports.customers import CustomerRecord
from billing.ports.post import Post


class EveryPost:
    """`Post` by several ways, one after the other; fails with the first that fails."""

    def __init__(self, *posts: Post) -> None:
        self._posts = posts

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        """A message that one way failed for is delivered again by those before it."""
        for post in self._posts:
            await post.deliver(message, to=to)


def post_from(settings: Settings) -> Post:
    """Files before SMTP, because they are written once per key; the log last, as it says "done".

    Raises `InvalidInput` (`smtp_url_invalid`).
    """
    posts: list[Post] = []
    if settings.mail_outbox is not None:
        posts.append(FilePost(settings.mail_outbox, sender=settings.mail_from))
    if settings.smtp_url is not None:
        server = SmtpServer.from_url(settings.smtp_url)
        posts.append(SmtpPost(server, sender=settings.mail_from))
    return EveryPost(*posts, ConsolePost())
