import pytest

from adapters.mail.envelope import sealed
from billing.errors import InvalidInput
from billing.message import MessageKind
from tests.adapters.mail.letters import ADA, AT, message


def test_the_mail_names_its_parties_and_its_key() -> None:
    mail = sealed(message(), to=ADA, sender="billing@example.org", sent_at=AT)
    assert mail["To"] == "Ada Lovelace <ada@example.com>"
    assert mail["From"] == "billing@example.org"
    assert mail["Date"].datetime == AT
    assert mail["Message-ID"].endswith("@example.org>")


def test_one_key_has_one_message_id() -> None:
    first, again, other = (
        sealed(message(key=key), to=ADA, sender="b@example.org", sent_at=AT)["Message-ID"]
        for key in ("a", "a", "b")
    )
    assert first == again != other


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com, eve@example.com",
        "<ada@example.com>",
        "ada @example.com",
        f"{'a' * 300}@example.com",
        "\ud800@example.com",
    ],
    ids=repr,
)
def test_an_address_that_cannot_receive_mail_is_refused(email: str) -> None:
    customer = ADA.model_copy(update={"email": email})
    with pytest.raises(InvalidInput) as refused:
        sealed(message(), to=customer, sender="billing@example.org", sent_at=AT)
    assert refused.value.code == "mail_address_invalid"


def test_names_of_people_stay_in_their_header() -> None:
    customer = ADA.model_copy(update={"name": 'Ada "X" <eve@example.com>,\r\nBcc: eve@example.com'})
    mail = sealed(message(), to=customer, sender="billing@example.org", sent_at=AT)
    assert [address.addr_spec for address in mail["To"].addresses] == ["ada@example.com"]
    assert mail["Bcc"] is None


def test_lines_are_short_and_links_whole() -> None:
    url = f"https://billing.example.com/pay/{'x-' * 60}"
    asked = message(MessageKind.PAYMENT_ACTION_REQUIRED).model_copy(update={"url": url})
    lines = sealed(asked, to=ADA, sender="b@example.org", sent_at=AT).get_content().splitlines()
    assert url in lines
    assert max(len(line) for line in lines if line != url) <= 72
