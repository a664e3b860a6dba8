"""The bytes we put together say what the mail that Django would make of the same message says."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.channels import letter
from integrations.channels.base import DeliveryFailed, Message
from integrations.channels.smtp import stuffed

OURS_TO_CHOOSE = {"date", "content-type", "content-transfer-encoding"}
LINES = st.sampled_from(
    [".", "..", ".a", "From me", "a" * 1_200, "é🍷 " * 300, "=3D", "=_part", "--=_part--", " ", "\t", ""]
)
TEXTS = st.lists(LINES | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=90)).map(
    "\n".join
)
SUBJECTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200).map(
    lambda text: " ".join(text.split())
)


def message(**wishes: Any) -> Message:
    usual = {"id": "1@shop.example", "to": "ada@example.com", "subject": "Hello", "text": "Come by."}
    return Message(**(usual | wishes))


def read(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)  # type: ignore[return-value]


def said(mail: EmailMessage) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """The headers, and each part's type, charset and decoded text."""
    headers = sorted(
        (name.lower(), str(value).strip())  # Django puts a space before what it has to break
        for name, value in mail.items()
        if name.lower() not in OURS_TO_CHOOSE
    )
    parts = [part for part in mail.walk() if not part.is_multipart()]
    return headers, [(part.get_content_type(), str(part.get_content_charset()), part.get_content()) for part in parts]


def by_django(asked: Message) -> EmailMessage:
    return read(letter.mail_of(asked).message().as_bytes(linesep="\r\n"))  # type: ignore[call-arg]


@given(subject=SUBJECTS, text=TEXTS.filter(bool), html=st.just("") | TEXTS, header=SUBJECTS)
@example(subject="🍷" * 60, text="one\r\ntwo\rthree\n", html="<p>é</p>", header="a " * 600 + "z")
@example(subject="=?utf-8?q?x?=", text=".", html="\n.\n", header="")
def test_it_says_what_django_says(subject: str, text: str, html: str, header: str) -> None:
    asked = message(subject=subject, text=text, html=html, headers={"X-Campaign": header, "Precedence": "bulk"})
    ours = read(letter.written(asked).content)
    assert said(ours) == said(by_django(asked))
    assert ours.get_content_type() == by_django(asked).get_content_type()
    assert ours["Date"]
    assert not ours.defects


@pytest.mark.parametrize("name", ["Harbor Wines", "Bücher & Wein", 'The "Old" Shop, Inc.', "Two\nlines", ""])
def test_it_is_from_the_shop_where_the_sender_is_a_bare_address(name: str, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "post@harbor.example"
    asked = message(sender_name=name)
    for mail in (read(letter.written(asked).content), by_django(asked)):
        (writer,) = mail["From"].addresses
        assert (writer.display_name, writer.addr_spec) == (" ".join(name.split()), "post@harbor.example")


def test_a_sender_with_a_name_of_its_own_keeps_it(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "The Cellar <post@harbor.example>"
    assert read(letter.written(message(sender_name="Harbor Wines")).content)["From"] == settings.DEFAULT_FROM_EMAIL


@given(text=TEXTS, subject=SUBJECTS)
def test_its_lines_are_short_ascii_and_end_as_mail_servers_want(text: str, subject: str) -> None:
    content = letter.written(message(text=text, html=text, subject=subject)).content
    assert content.isascii()
    lines = content.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 998


@given(text=TEXTS)
def test_no_line_of_it_ends_the_message_before_its_end(text: str) -> None:
    content = letter.written(message(text=text)).content
    on_the_wire = stuffed(content)
    assert on_the_wire.endswith(b"\r\n.\r\n")
    assert on_the_wire.count(b"\r\n.\r\n") == 1
    unstuffed = on_the_wire.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
    assert unstuffed.removesuffix(b"\r\n") == content.removesuffix(b"\r\n")


@pytest.mark.parametrize(
    ("address", "recipient"),
    [
        ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
        ("a.d+a@example.com", "a.d+a@example.com"),
        ('"ada lovelace"@example.com', '"ada lovelace"@example.com'),
    ],
)
def test_a_recipient_is_written_as_servers_read_it(address: str, recipient: str) -> None:
    written = letter.written(message(to=address))
    assert written.recipient == recipient
    assert read(written.content)["To"] == recipient


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com> NOTIFY=NEVER",
        "ada@exa mple.com",
        "ada",
        "@example.com",
        "ada\n@example.com",
        "a<b>@example.com",
    ],
)
def test_no_recipient_says_a_command(address: str) -> None:
    with pytest.raises(DeliveryFailed) as refusal:
        letter.written(message(to=address))
    assert refusal.value.permanent
