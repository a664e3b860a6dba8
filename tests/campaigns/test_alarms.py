"""What somebody here hears of before members or providers tell them."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.actions import notices
from campaigns.actions.alarms import look_out
from campaigns.models import Campaign, Notice, Send
from campaigns.rules import alarms
from campaigns.sending import rates
from integrations.models import ProviderReport, StaffAlert
from loyalty.models import User
from tests.post_office import PostOffice

Kind, Status = Notice.Kind, Send.Status


@pytest.fixture
def hundred(running: Campaign, now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Messages that left half an hour ago, as many as a share needs to say something."""
    monkeypatch.setattr(alarms, "FEWEST_MESSAGES", 20)
    sends = list(running.sends.values_list("pk", flat=True))[:25]
    running.sends.filter(pk__in=sends).update(status=Status.SENT, sent_at=now - dt.timedelta(minutes=30))
    return sends


def kinds() -> list[str]:
    return sorted(Notice.objects.values_list("kind", flat=True))


def came_back(sends: list[int], at: dt.datetime) -> None:
    Send.objects.filter(pk__in=sends).update(status=Status.BOUNCED, failed_at=at)


@pytest.mark.parametrize(
    ("reported", "messages", "share", "is_told"),
    [
        (5, 100, alarms.BOUNCED, False),  # five in a hundred is not above 5 %
        (6, 100, alarms.BOUNCED, True),
        (99, 99, alarms.BOUNCED, False),  # too few to say
        (1, 100, alarms.COMPLAINED, False),  # one person is one person
        (2, 600, alarms.COMPLAINED, True),
        (2, 700, alarms.COMPLAINED, False),
    ],
)
def test_a_share_is_told_when_there_is_enough_of_it(reported: int, messages: int, share: float, is_told: bool) -> None:
    assert alarms.is_too_many(reported, messages, share) is is_told


def test_a_campaign_whose_messages_come_back_is_told_of_once_a_day(
    hundred: list[int], running: Campaign, marketer: User, now: dt.datetime, post_office: PostOffice
) -> None:
    came_back(hundred[:1], now)
    look_out(now=now)
    assert kinds() == []
    came_back(hundred[:4], now)
    for minutes in (0, 1, 2):
        look_out(now=now + dt.timedelta(minutes=minutes))
    assert kinds() == [Kind.BOUNCES]
    alert = StaffAlert.objects.get()
    assert "4 of the 25 messages of Spring" in alert.text
    assert alert.link.endswith(f"/staff/campaigns/{running.public_id}/sends/?kind=bounced")
    assert notices.email_notices(now=now) == 1
    assert post_office.letter_to(marketer.email)["Subject"] == "Spring: many messages come back"


def test_what_came_back_of_yesterdays_messages_is_no_news(hundred: list[int], now: dt.datetime) -> None:
    Send.objects.filter(pk__in=hundred).update(sent_at=now - dt.timedelta(hours=3))
    came_back(hundred[:4], now)
    look_out(now=now)
    assert kinds() == []


def test_complaints_are_told_as_the_worst_there_is(hundred: list[int], now: dt.datetime) -> None:
    Send.objects.filter(pk__in=hundred).update(sent_at=now - dt.timedelta(hours=20))
    Send.objects.filter(pk__in=hundred[:2]).update(status=Status.COMPLAINED, complained_at=now)
    look_out(now=now)
    assert kinds() == [Kind.COMPLAINTS]
    assert StaffAlert.objects.get().severity == StaffAlert.Severity.CRITICAL


def test_messages_in_doubt_are_told_when_no_report_settles_them(hundred: list[int], now: dt.datetime) -> None:
    Send.objects.filter(pk__in=hundred[:3]).update(status=Status.UNKNOWN, handed_off_at=now)
    look_out(now=now + dt.timedelta(minutes=14))
    assert kinds() == []
    look_out(now=now + dt.timedelta(minutes=16))
    assert kinds() == [Kind.DOUBTS]
    assert "3 messages of Spring may or may not have left" in StaffAlert.objects.get().text


def test_a_provider_that_wants_a_long_pause_is_told_of_and_a_short_one_is_not(db: None, now: dt.datetime) -> None:
    rates.pause("smtp", until=now + dt.timedelta(minutes=5), why="450 Slow down")
    look_out(now=now)
    assert not StaffAlert.objects.exists()
    rates.pause("smtp", until=now + dt.timedelta(minutes=40), why="421 Not for <ada@example.com>")
    for minutes in (0, 1):
        look_out(now=now + dt.timedelta(minutes=minutes))
    alert = StaffAlert.objects.get()
    assert alert.title == "smtp wants to be left alone"
    assert "421 Not for <…@…>" in alert.text


def test_reports_that_nobody_applies_are_told_of(db: None, now: dt.datetime) -> None:
    ProviderReport.objects.create(
        sender="mailgun", key="1", channel="email", kind="delivered", occurred_at=now, received_at=now
    )
    look_out(now=now + dt.timedelta(minutes=4))
    assert not StaffAlert.objects.exists()
    look_out(now=now + dt.timedelta(minutes=6))
    assert "waited for 6 minutes" in StaffAlert.objects.get().text
    ProviderReport.objects.update(applied_at=now)
    look_out(now=now + dt.timedelta(days=1))
    assert StaffAlert.objects.count() == 1


def test_the_campaigns_page_says_what_its_owner_was_told(
    hundred: list[int], running: Campaign, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    came_back(hundred[:4], now)
    look_out(now=now)
    page = client_of(marketer).get(reverse("campaigns:campaign", args=[running.public_id])).text
    assert "Many messages come back" in page


def test_looking_out_asks_little_however_many_messages_there_are(
    hundred: list[int], now: dt.datetime, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(7):
        look_out(now=now)
