"""Tests of messages: to oneself, to a colleague, to a phone; never around what a member agreed to."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from campaigns.actions import permits, suppressions, templates, trials
from campaigns.actions.trials import TestNotSent
from campaigns.models import Send, Template
from campaigns.rules import content as c
from integrations.models import MailboxMessage
from loyalty.actions import members
from loyalty.actions.members import join
from loyalty.actions.profiles import forget
from loyalty.models import User
from tests.conftest import person
from tests.post_office import PostOffice

CONTENT = c.Content(
    email={
        "en": c.Email(subject="Hello", blocks=[c.Text(text="Hello {{ member.first_name }}, come by."), c.Button()]),
        "es": c.Email(subject="Hola", blocks=[c.Text(text="Pase por la tienda.")]),
    },
    sms={"en": c.TextMessage(text="Come by, {{ member.first_name }}.")},
)


@pytest.fixture
def template(marketer: User, now: dt.datetime) -> Template:
    return templates.create_template(name="Ours", content=CONTENT, by=marketer, now=now)


@pytest.fixture
def send(template: Template, marketer: User, now: dt.datetime, post_office: PostOffice) -> Callable[..., None]:
    def go(to: str, **changes: Any) -> None:
        wanted = {
            "template": template,
            "channel": "email",
            "language": "en",
            "member": None,
            "by": marketer,
            "now": now,
        }
        trials.send_trial(**wanted | changes, to=to)

    return go


@pytest.fixture
def post(template: Template, client_of: Callable[[User], Client], post_office: PostOffice) -> Callable[..., Any]:
    """What the dialog sends: `post(user, to, channel="sms")`."""

    def go(user: User, to: str = "", **more: str) -> Any:
        data = {"channel": "email", "language": "en", "test-to": to, **more}
        url = reverse("campaigns:template-test", args=[template.public_id])
        return client_of(user).post(url, data, headers={"HX-Request": "true", "HX-Target": "test-form"})

    return go


def test_a_test_goes_to_a_colleague_and_the_trail_says_so_without_the_address(
    post: Callable[..., Any], marketer: User, template: Template, post_office: PostOffice
) -> None:
    answer = post(marketer, " Designer@Agency.example ", language="es")
    assert answer.status_code == 200
    assert "Sent to designer@agency.example" in answer["HX-Trigger"]
    assert post_office.recipients == ["designer@agency.example"]
    assert post_office.letters()[0]["Subject"] == "Hola"
    entry = LogEntry.objects.get_for_object(template).latest("pk")
    assert entry.actor == marketer
    assert entry.changes == {"test_sent": ["", "email in es to d•••@a•••"]}
    assert not Send.objects.exists()


def test_an_address_that_is_none_is_refused_beside_it(
    post: Callable[..., Any], marketer: User, post_office: PostOffice
) -> None:
    answer = post(marketer, "designer at agency")
    assert answer.status_code == 422
    assert "is not an email address" in answer.content.decode().partition('id="id_test-to_error"')[2]
    assert post_office.recipients == []


def test_who_may_not_run_campaigns_sends_tests_to_nobody_else(
    post: Callable[..., Any], viewer: User, marketer: User, post_office: PostOffice
) -> None:
    assert post(viewer, "stranger@example.com").status_code == 403
    marketer.groups.clear()
    wanted = Permission.objects.filter(codename__in=("change_template", "view_template", "view_pii"))
    marketer.user_permissions.set(wanted)
    marketer = User.objects.get(pk=marketer.pk)
    assert post(marketer, "stranger@example.com").status_code == 200
    assert post_office.recipients == [marketer.email]
    assert post(marketer, "+12125550123", channel="sms").status_code == 403


def test_a_member_who_did_not_agree_gets_no_test(
    send: Callable[..., None], marketer: User, now: dt.datetime, post_office: PostOffice
) -> None:
    ada = join(name="Ada", email="ada@example.com", source="till", now=now)
    with pytest.raises(TestNotSent, match="has not agreed to hear from you"):
        send("ada@example.com")
    members.set_consent(
        member=ada, channel="email", is_granted=True, wording="Yes", source="till", by=marketer, now=now
    )  # fmt: skip
    send("ada@example.com")
    assert post_office.recipients == ["ada@example.com"]


def test_a_colleague_who_is_a_member_as_well_gets_tests(
    send: Callable[..., None], now: dt.datetime, post_office: PostOffice
) -> None:
    colleague = person("Manager")
    join(name="Colleague", email=colleague.email, source="till", now=now)
    send(colleague.email)
    assert post_office.recipients == [colleague.email]


def test_an_address_that_is_left_alone_stays_so(send: Callable[..., None], marketer: User, now: dt.datetime) -> None:
    suppressions.suppress(channel="email", address="no@example.com", note="Asked", by=marketer, now=now)
    with pytest.raises(TestNotSent, match="is left alone: added by staff"):
        send("no@example.com")


def test_nobody_sends_more_tests_than_people_read(send: Callable[..., None], marketer: User, now: dt.datetime) -> None:
    for _ in range(trials.MOST_AN_HOUR):
        send(marketer.email)
    with pytest.raises(TestNotSent, match="20 tests within this hour"):
        send(marketer.email)
    send(marketer.email, by=person("Manager"))
    send(marketer.email, now=now + dt.timedelta(hours=1))


def test_a_text_goes_to_a_phone(post: Callable[..., Any], marketer: User, template: Template, settings: Any) -> None:
    assert post(marketer, "+1 212 555 0123", channel="sms").status_code == 403  # there is nobody to carry it
    settings.CHANNELS = settings.CHANNELS | {"sms": "integrations.channels.mailbox_phone.MailboxSms"}
    assert post(marketer, "12", channel="sms").status_code == 422
    assert post(marketer, "+1 212 555 0123", channel="sms").status_code == 200
    kept = MailboxMessage.objects.get(channel="sms")
    assert kept.recipient == "+12125550123"
    assert "Come by, Marketer." in kept.subject
    assert LogEntry.objects.get_for_object(template).latest("pk").changes["test_sent"][1] == "sms in en to •••23"


def test_no_test_leaves_where_a_rule_forbids_its_channel(
    send: Callable[..., None], marketer: User, now: dt.datetime, post_office: PostOffice
) -> None:
    permits.save_message_policy(
        policy=None, vertical="", state="", channel="email", provider="", verdict="deny",
        reason="Nobody carries this.", source="A law", as_of=now.date(), is_in_force=True,
    )  # fmt: skip
    for to in (marketer.email, "somebody@example.com"):
        with pytest.raises(TestNotSent, match="Nobody carries this"):
            send(to)
    assert post_office.taken == []


def test_view_in_browser_of_a_test_shows_the_whole_letter(
    send: Callable[..., None], marketer: User, client: Client, now: dt.datetime, post_office: PostOffice
) -> None:
    ada = join(name="Ada", email="ada@example.com", source="till", now=now)
    send(marketer.email, member=ada)
    [letter] = post_office.letters()
    html = letter.get_body(("html",)).get_content()
    view = re.search(r'href="([^"]+/v/[^"]+)"', html)
    assert view
    page = client.get(urlsplit(view[1]).path)
    assert "Hello Ada, come by." in page.content.decode()
    assert "sandbox" in page["Content-Security-Policy"]
    assert "default-src 'none'" in page["Content-Security-Policy"]
    forget(ada, now=now)
    assert "This was a test" in client.get(urlsplit(view[1]).path).content.decode()
