"""Telling staff: each outlet over real HTTP, what happens when it does not listen, and the page that shows it."""

import base64
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from integrations.alerts.base import Alert, NotTold, outlet
from integrations.alerts.telling import deliver, outlet_states, tell_staff
from integrations.models import AlertDelivery, StaffAlert
from loyalty.models import User
from tests.providers import Reply, opened
from tests.watchers import EVERYBODY, PagerDutyEvents, SignedWebhook, SlackWorkspace, Watcher

Status = AlertDelivery.Status


@dataclass
class Watchers:
    slack: SlackWorkspace
    pagerduty: PagerDutyEvents
    webhook: SignedWebhook

    @property
    def all(self) -> tuple[Watcher, ...]:
        return self.slack, self.pagerduty, self.webhook


@pytest.fixture
def watchers(settings: Any) -> Iterator[Watchers]:
    settings.ALLOW_PRIVATE_ADDRESSES, settings.OUTGOING_TIMEOUT = True, 0.5
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with ExitStack() as stack:
        slack, pagerduty, webhook = (
            stack.enter_context(opened(each)) for each in (SlackWorkspace(), PagerDutyEvents(), SignedWebhook())
        )
        secret = quote("whsec_" + base64.b64encode(webhook.secret).decode(), safe="")
        settings.ALERT_URLS = [
            f"slack+{slack.address}{slack.path}",
            pagerduty.address.replace("http://", f"pagerduty+http://{pagerduty.key}@"),
            webhook.address.replace("://", f"://{secret}@") + "/alerts",
            "mailto:operators@shop.example",
        ]
        yield Watchers(slack, pagerduty, webhook)


def tell(now: dt.datetime, key: str = "bounces", **said: str) -> bool:
    words = {
        "severity": "error", "title": "Spring: many messages come back", "text": "7 of 100 came back <really> & truly.",
        "link": "https://shop.example/staff/",
    }  # fmt: skip
    return tell_staff(key=key, now=now, **(words | said))


def deliveries(**which: Any) -> list[str]:
    return list(AlertDelivery.objects.filter(**which).order_by("pk").values_list("status", flat=True))


def test_everybody_is_told_once_however_often_it_is_said(db: None, watchers: Watchers, now: dt.datetime) -> None:
    assert tell(now)
    assert not tell(now)
    assert deliver(now=now) == 4
    assert deliver(now=now) == 0
    assert deliveries() == [Status.TOLD] * 4
    assert [len(each.taken) for each in watchers.all] == [1, 1, 1]
    alert = StaffAlert.objects.get()
    said = watchers.slack.taken[0]
    assert "&lt;really&gt; &amp; truly" in said["blocks"][0]["text"]["text"]
    assert "<https://shop.example/staff/|Look at it>" in said["blocks"][0]["text"]["text"]
    event = watchers.pagerduty.taken[0]
    assert (event["dedup_key"], event["payload"]["severity"]) == (str(alert.public_id), "error")
    webhook = watchers.webhook.taken[0]
    assert webhook["webhook-id"] == webhook["data"]["id"] == str(alert.public_id)
    assert mail.outbox[0].to == ["operators@shop.example"]
    assert mail.outbox[0].subject == "Spring: many messages come back"


def test_addresses_of_members_are_masked(db: None, watchers: Watchers, now: dt.datetime) -> None:
    tell(now, text="550 No such mailbox <ada@example.com>, +12125550123")
    deliver(now=now)
    assert "ada@example.com" not in str([watchers.slack.taken, watchers.pagerduty.taken, mail.outbox[0].body])
    assert "2125550123" not in StaffAlert.objects.get().text


@pytest.mark.parametrize("reply", [Reply(500), Reply(503, b"rollup_error"), Reply(429)])
def test_an_outlet_that_fails_for_now_is_told_later(
    db: None, watchers: Watchers, now: dt.datetime, reply: Reply
) -> None:
    for each in watchers.all:
        each.answers[EVERYBODY] = reply
    tell(now)
    assert deliver(now=now) == 1  # the email
    assert deliver(now=now) == 0  # nobody is asked again at once
    for each in watchers.all:
        each.answers.clear()
    assert deliver(now=now + dt.timedelta(minutes=2)) == 3
    assert [len(each.taken) for each in watchers.all] == [1, 1, 1]


@pytest.mark.parametrize("how", ["hangs_up_before", "hangs_up_after", "silent_after"])
def test_after_silence_the_same_id_is_told_again_and_pagerduty_opens_one_incident(
    db: None, watchers: Watchers, settings: Any, now: dt.datetime, how: str
) -> None:
    settings.ALERT_URLS = settings.ALERT_URLS[1:3]
    for each in watchers.all:
        getattr(each, how).add(EVERYBODY)
    tell(now)
    assert deliver(now=now) == 0
    for each in watchers.all:
        getattr(each, how).clear()
    assert deliver(now=now + dt.timedelta(minutes=2)) == 2
    assert len(watchers.pagerduty.incidents) == 1
    assert len({event["webhook-id"] for event in watchers.webhook.taken}) == 1


def test_retry_after_is_heeded(db: None, watchers: Watchers, settings: Any, now: dt.datetime) -> None:
    settings.ALERT_URLS = settings.ALERT_URLS[:1]
    watchers.slack.answers[EVERYBODY] = Reply(429, b"rate_limited", {"Retry-After": "1800"})
    tell(now)
    deliver(now=now)
    assert AlertDelivery.objects.get().due_at == now + dt.timedelta(minutes=30)


def test_what_nobody_takes_within_a_day_is_given_up(
    db: None, watchers: Watchers, settings: Any, now: dt.datetime
) -> None:
    settings.ALERT_URLS = settings.ALERT_URLS[:1]
    watchers.slack.answers[EVERYBODY] = Reply(500)
    tell(now)
    for hours in range(26):
        deliver(now=now + dt.timedelta(hours=hours))
    assert deliveries() == [Status.FAILED]
    assert 20 < len(watchers.slack.calls) <= 25


@pytest.mark.parametrize("reply", [Reply(404, b"no_service"), Reply(410, b"channel_is_archived"), Reply(403)])
def test_what_can_never_work_is_not_tried_again(
    db: None, watchers: Watchers, settings: Any, now: dt.datetime, reply: Reply
) -> None:
    settings.ALERT_URLS = settings.ALERT_URLS[:1]
    watchers.slack.answers[EVERYBODY] = reply
    tell(now)
    deliver(now=now)
    delivery = AlertDelivery.objects.get()
    assert (delivery.status, delivery.error) == (
        Status.FAILED, f"It answered {reply.status} {reply.body.decode()}".strip()
    )  # fmt: skip


def test_an_outlet_that_was_taken_out_is_not_told(
    db: None, watchers: Watchers, settings: Any, now: dt.datetime
) -> None:
    tell(now)
    settings.ALERT_URLS = settings.ALERT_URLS[3:]
    assert deliver(now=now) == 1
    assert [len(each.calls) for each in watchers.all] == [0, 0, 0]
    assert deliveries() == [Status.FAILED, Status.FAILED, Status.FAILED, Status.TOLD]


def test_a_worker_that_died_in_the_middle_leaves_it_to_another(db: None, watchers: Watchers, now: dt.datetime) -> None:
    tell(now)
    AlertDelivery.objects.update(claimed_until=now + dt.timedelta(minutes=1))
    assert deliver(now=now) == 0
    assert deliver(now=now + dt.timedelta(minutes=2)) == 4


@pytest.mark.parametrize("host", ["127.0.0.1:9", "169.254.169.254", "[::1]", "0x7f.1"])
def test_an_address_that_leads_inside_is_not_called(settings: Any, now: dt.datetime, host: str) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False
    alert = Alert(id="1", severity="info", title="A", text="B", link="https://shop.example", at=now)
    with pytest.raises(NotTold, match="private network"):
        outlet(f"slack://{host}/services/T/B/X").tell(alert)
    with pytest.raises(NotTold):
        outlet(f"slack+http://{host}/services/T/B/X").tell(alert)


# --- The page -------------------------------------------------------------------------------------------------------


def test_the_page_shows_each_outlet_and_sends_a_test(
    watchers: Watchers, manager: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    client, page = client_of(manager), reverse("integrations:sending")
    assert "Not tried yet" in client.get(page).text
    slack, pagerduty, *_ = outlet_states()
    told = client.post(reverse("integrations:alert-test", args=[slack.name]), follow=True)
    assert "was told." in told.text
    assert "Works" in told.text
    assert "Manager Person tried" in watchers.slack.taken[0]["text"]
    assert watchers.pagerduty.calls == []
    watchers.pagerduty.answers[EVERYBODY] = Reply(400, b"invalid event")
    refused = client.post(reverse("integrations:alert-test", args=[pagerduty.name]), follow=True)
    assert "was not told. It answered 400 invalid event" in refused.text
    assert [state.is_failing for state in outlet_states()] == [False, True, False, False]
    again = client.post(reverse("integrations:alert-test", args=[pagerduty.name]), follow=True)
    assert "a moment ago" in again.text


def test_no_secret_of_an_outlet_stands_on_the_page_or_in_a_row(
    watchers: Watchers, viewer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    for each in watchers.all:
        each.answers[EVERYBODY] = Reply(500)
    tell(now)
    deliver(now=now)
    text = client_of(viewer).get(reverse("integrations:sending")).text
    text += str(list(AlertDelivery.objects.values()))
    for secret in (watchers.slack.path, watchers.pagerduty.key, "whsec_"):
        assert secret not in text
    name = outlet_states()[0].name
    assert client_of(viewer).post(reverse("integrations:alert-test", args=[name])).status_code == 403


def test_without_outlets_the_page_says_who_is_told_all_the_same(
    viewer: User, client_of: Callable[[User], Client]
) -> None:
    page = client_of(viewer).get(reverse("integrations:sending")).text
    assert "Slack, PagerDuty, a webhook of your own or another address can be told as well." in page
    assert "For whoever runs the machine: <code>ALERT_URLS</code>" in page
