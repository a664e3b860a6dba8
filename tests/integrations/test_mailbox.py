"""The local mailbox: a real SMTP listener, rows, pages."""

import asyncio
import datetime as dt
import smtplib
import socket
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from integrations import actions, queries
from integrations.channels import mailbox
from integrations.channels.base import Message, channel
from integrations.models import MailboxMessage, ProviderReport
from loyalty.models import User


@pytest.fixture
def listener(transactional_db: None, settings: Any) -> Iterator[int]:
    """The product's own listener in a thread of its own, and the mail settings pointing at it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ready, loop, stop = Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with await mailbox.listen("127.0.0.1", port):
            ready.set()
            await stop.wait()
        await loop.run_in_executor(None, connections.close_all)

    thread = Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield port
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def letter(**headers: str) -> EmailMessage:
    mail = EmailMessage()
    for name, value in ({"Subject": "Hello", "Message-ID": "<1@shop.example>"} | headers).items():
        mail[name] = value
    mail.set_content("Come by.")
    mail.add_alternative("<p>Come by.</p><script>alert(1)</script>", subtype="html")
    return mail


def post(port: int, mail: EmailMessage, *recipients: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
        server.sendmail("shop@example.com", list(recipients) or ["ada@example.com"], mail.as_bytes())


def test_a_message_sent_over_smtp_is_a_row_and_a_report(listener: int) -> None:
    with channel("email") as outlet:
        outlet.send(Message(id="7@shop.example", to="ada@example.com", subject="Grüße 🍷", text="Hi", html="<p>Hi</p>"))
    message = MailboxMessage.objects.get()
    assert (message.recipient, message.subject, message.message_id) == (
        "ada@example.com",
        "Grüße 🍷",
        "<7@shop.example>",
    )
    report = ProviderReport.objects.get()
    assert (report.sender, report.kind, report.channel) == ("mailbox", "delivered", "email")
    assert (report.provider_id, report.message_id) == ("<7@shop.example>", "7@shop.example")
    assert (report.occurred_at, report.applied_at) == (message.received_at, None)


def test_the_same_message_twice_is_kept_once_and_told_once(listener: int) -> None:
    post(listener, letter())
    post(listener, letter())
    assert MailboxMessage.objects.count() == ProviderReport.objects.count() == 1


def test_each_recipient_has_a_copy(listener: int) -> None:
    post(listener, letter(), "ada@example.com", "bob@example.com")
    assert set(MailboxMessage.objects.values_list("recipient", flat=True)) == {"ada@example.com", "bob@example.com"}


def test_odd_mail_is_kept_all_the_same(listener: int) -> None:
    with smtplib.SMTP("127.0.0.1", listener, timeout=10) as server:
        for raw in (
            b"no headers at all",
            b"Subject: =?utf-8?b?AAAA?=\r\n\r\nnul",
            b"Subject: \xff\xfe\r\nMessage-ID: <" + b"x" * 600 + b"@y>\r\n\r\nbytes",
        ):
            server.sendmail("a@b.example", ["ada@example.com"], raw)
    assert MailboxMessage.objects.count() == 3
    for message in MailboxMessage.objects.all():
        assert queries.letter(message).text


def test_a_message_that_cannot_be_stored_is_refused_for_now(listener: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE integrations_mailboxmessage RENAME TO integrations_elsewhere")
    try:
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            post(listener, letter())
        assert refusal.value.smtp_code == 451
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE integrations_elsewhere RENAME TO integrations_mailboxmessage")
    post(listener, letter())
    assert MailboxMessage.objects.count() == 1


# --- Texts and notifications --------------------------------------------------------------------------------------

PHONE = {
    "sms": "integrations.channels.mailbox_phone.MailboxSms",
    "push": "integrations.channels.mailbox_phone.MailboxPush",
}
TO_ADA = Message(id="7@shop.example", to="+12125550123", subject="Hello", text="Come by:\nhttps://shop.example/c/1 —")


@pytest.fixture
def _phones_lead_to_the_mailbox(settings: Any) -> None:
    settings.CHANNELS = settings.CHANNELS | PHONE


@pytest.fixture
def phone_message(db: None, _phones_lead_to_the_mailbox: None) -> Callable[[str, Message], MailboxMessage]:
    def send(way: str, message: Message) -> MailboxMessage:
        with channel(way) as outlet:
            assert outlet.send(message) == message.id
        return MailboxMessage.objects.get(channel=way)

    return send


@pytest.mark.parametrize("way", ["sms", "push"])
@pytest.mark.usefixtures("db", "_phones_lead_to_the_mailbox")
def test_what_goes_to_a_phone_lies_in_the_mailbox_once_and_is_reported_once(way: str) -> None:
    for _ in range(2):
        with channel(way) as outlet:
            assert outlet.send(TO_ADA) == "7@shop.example"
    assert MailboxMessage.objects.get().channel == way
    report = ProviderReport.objects.get()
    assert (report.sender, report.kind, report.channel) == ("mailbox", "delivered", way)
    assert report.provider_id == report.message_id == "7@shop.example"


def test_a_text_is_read_in_the_browser_with_what_it_costs(
    phone_message: Callable[[str, Message], MailboxMessage], marketer: User, client_of: Callable[[User], Client]
) -> None:
    text = phone_message("sms", TO_ADA)
    client = client_of(marketer)
    assert "Come by: https://shop.example/c/1 —" in client.get("/staff/integrations/mailbox/").content.decode()
    answer = client.get(f"/staff/integrations/mailbox/{text.pk}/")
    page = answer.content.decode()
    assert 'href="https://shop.example/c/1"' in page
    assert [item["value"] for item in answer.context["cost"]] == [1, "UCS-2", 35, 35]
    assert '<span class="code-text">—</span>' in page


def test_a_notification_is_read_in_the_browser_with_where_it_leads(
    phone_message: Callable[[str, Message], MailboxMessage], marketer: User, client_of: Callable[[User], Client]
) -> None:
    push = Message(
        id="8@shop.example", to="ada", subject="<b>Hello</b>", text="Come by.", link="https://shop.example/c/2"
    )
    shown = phone_message("push", push)
    page = client_of(marketer).get(f"/staff/integrations/mailbox/{shown.pk}/").content.decode()
    assert 'href="https://shop.example/c/2"' in page
    assert "&lt;b&gt;Hello&lt;/b&gt;" in page
    assert "<b>Hello" not in page


def test_messages_are_narrowed_to_a_channel_and_counted(
    kept: MailboxMessage,
    phone_message: Callable[[str, Message], MailboxMessage],
    marketer: User,
    client_of: Callable[[User], Client],
) -> None:
    text = phone_message("sms", TO_ADA)
    client = client_of(marketer)
    shown = client.get("/staff/integrations/mailbox/", {"channel": "sms"})
    assert [letter.pk for letter in shown.context["letters"]] == [text.pk]
    assert [(tab["label"], tab["count"]) for tab in shown.context["tabs"]] == [
        ("All", 2),
        ("Email", 1),
        ("SMS", 1),
        ("Push", 0),
    ]
    assert [tab["label"] for tab in shown.context["tabs"] if tab["is_active"]] == ["SMS"]
    assert "No message came this way" in client.get("/staff/integrations/mailbox/?channel=push").content.decode()
    searched = client.get("/staff/integrations/mailbox/", {"q": "2125550123", "channel": "fax"})
    assert [tab["count"] for tab in searched.context["tabs"]] == [1, 0, 1, 0]


# --- Pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(db: None, now: dt.datetime) -> MailboxMessage:
    actions.take_mail(sender="shop@example.com", recipients=["ada@example.com"], raw=letter().as_bytes(), now=now)
    return MailboxMessage.objects.get()


def test_a_letter_is_read_in_the_browser(
    kept: MailboxMessage, marketer: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(marketer)
    assert "ada@example.com" in client.get("/staff/integrations/mailbox/").content.decode()
    page = client.get(f"/staff/integrations/mailbox/{kept.pk}/").content.decode()
    assert "Come by." in page
    assert "Message-ID: &lt;1@shop.example&gt;" in page
    assert "<script>alert(1)" not in page
    kept.refresh_from_db()
    assert kept.read_at


def test_the_frame_of_a_letter_runs_nothing_and_sends_nothing(
    kept: MailboxMessage, marketer: User, client_of: Callable[[User], Client]
) -> None:
    response = client_of(marketer).get(f"/staff/integrations/mailbox/{kept.pk}/html/")
    policy = {part.split()[0]: part.split()[1:] for part in response["Content-Security-Policy"].split(";")}
    assert policy["default-src"] == ["'none'"]
    assert "script-src" not in policy
    assert "allow-scripts" not in policy["sandbox"]
    assert "allow-forms" not in policy["sandbox"]
    assert "allow-same-origin" not in policy["sandbox"]
    assert response["X-Frame-Options"] == "SAMEORIGIN"


def test_letters_are_found_by_recipient_and_subject(
    kept: MailboxMessage, marketer: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(marketer)
    for search, is_found in (("ADA@", True), ("hell", True), ("nobody", False)):
        page = client.get("/staff/integrations/mailbox/", {"q": search}).content.decode()
        assert (f"/staff/integrations/mailbox/{kept.pk}/" in page) is is_found, search


def test_a_viewer_reads_no_letters(kept: MailboxMessage, viewer: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(viewer)
    for path in ("", f"{kept.pk}/", f"{kept.pk}/html/"):
        assert client.get(f"/staff/integrations/mailbox/{path}").status_code == 403
    assert client.post("/staff/integrations/mailbox/empty/").status_code == 403
    assert client.get("/staff/integrations/").status_code == 200
    assert MailboxMessage.objects.count() == 1


def test_a_stranger_is_asked_to_sign_in(kept: MailboxMessage) -> None:
    for path in ("", "mailbox/", f"mailbox/{kept.pk}/", f"mailbox/{kept.pk}/html/"):
        response = Client().get(f"/staff/integrations/{path}")
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


def test_an_admin_empties_the_mailbox(kept: MailboxMessage, admin: User, client_of: Callable[[User], Client]) -> None:
    assert client_of(admin).post("/staff/integrations/mailbox/empty/").status_code == 302
    assert not MailboxMessage.objects.exists()
