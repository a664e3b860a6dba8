"""How long the history of messages is kept, and that no figure rests on it."""

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.actions.history import forget_old_history
from campaigns.models import Campaign, Send, SendMove
from campaigns.queries import history, results
from campaigns.queries.permits import standing
from config.shared.retention import drop_older, months_before
from integrations.models import ProviderReport
from loyalty.models import User
from tests.campaigns.world import Outlet, report, send_all

Kind = ProviderReport.Kind


@pytest.fixture
def told(running: Campaign, outlet: type[Outlet], at_the_end: dt.datetime) -> Campaign:
    """All left; some arrived, some came back, one was complained of."""
    outlet.during = lambda message: str(message.id)
    send_all(at_the_end)
    for place, send in enumerate(running.sends.order_by("pk")):
        kind = ("delivered", "bounced", "complained")[place % 3]
        report(kind, send=send, at=at_the_end, is_permanent=True)
    SendMove.objects.update(at=at_the_end)
    return running


def after(months: float, since: dt.datetime) -> dt.datetime:
    return since + dt.timedelta(days=30.5 * months)


def test_moves_and_reports_go_after_their_months_and_no_figure_changes(told: Campaign, at_the_end: dt.datetime) -> None:
    figures, tally = results.results_of(told), history.tally(told)
    assert forget_old_history(now=after(24, at_the_end)) == (0, 0)
    moves, reports = SendMove.objects.count(), ProviderReport.objects.count()
    assert forget_old_history(now=after(26, at_the_end)) == (moves, reports)
    assert not SendMove.objects.exists()
    assert (results.results_of(told), history.tally(told)) == (figures, tally)


def test_the_pages_of_a_campaign_whose_history_is_gone_still_open(
    told: Campaign, at_the_end: dt.datetime, client: Client, manager: User
) -> None:
    client.force_login(manager)
    before = client.get(reverse("campaigns:sends", args=[told.public_id])).content
    forget_old_history(now=after(26, at_the_end))
    assert client.get(reverse("campaigns:sends", args=[told.public_id])).content.count(b"<tr>") == before.count(b"<tr>")
    send = told.sends.first()
    assert send
    assert client.get(reverse("campaigns:send", args=[told.public_id, send.public_id])).status_code == 200
    lines = client.get(reverse("campaigns:sends", args=[told.public_id]), {"format": "history"})
    assert len(b"".join(lines.streaming_content).splitlines()) == 1  # type: ignore[attr-defined]


def test_addresses_stay_left_alone_when_the_reports_of_why_are_gone(told: Campaign, at_the_end: dt.datetime) -> None:
    left_alone = set(standing().values_list("address", "reason", "note"))
    assert left_alone
    forget_old_history(now=after(26, at_the_end))
    assert set(standing().values_list("address", "reason", "note")) == left_alone


def test_what_people_asked_for_and_what_nobody_has_applied_stays(db: None, at_the_end: dt.datetime) -> None:
    def said(kind: str, **more: Any) -> None:
        ProviderReport.objects.create(
            sender="twilio", key=str(uuid4()), kind=kind, channel="sms", address="+12125550123",
            occurred_at=at_the_end, received_at=at_the_end, **{"applied_at": at_the_end} | more,
        )  # fmt: skip

    said(Kind.UNSUBSCRIBED)
    said(Kind.SUBSCRIBED)
    said(Kind.DELIVERED, applied_at=None)
    said(Kind.DELIVERED)
    assert forget_old_history(now=after(100, at_the_end)) == (0, 1)
    assert ProviderReport.objects.count() == 3


def test_a_shop_may_keep_it_for_ever_or_for_a_month(told: Campaign, at_the_end: dt.datetime, settings: Any) -> None:
    settings.HISTORY_RETENTION_MONTHS = 0
    assert forget_old_history(now=after(500, at_the_end)) == (0, 0)
    settings.HISTORY_RETENTION_MONTHS = 1
    assert forget_old_history(now=after(1.2, at_the_end))[0] > 0


def test_old_rows_go_page_by_page_and_what_there_is_no_time_for_waits(told: Campaign, at_the_end: dt.datetime) -> None:
    moves, than = SendMove.objects.count(), at_the_end + dt.timedelta(days=1)
    newest = SendMove.objects.latest("pk")
    SendMove.objects.filter(pk=newest.pk).update(at=than)
    every, now = SendMove.objects.all(), dt.timedelta(0)
    assert drop_older(every, field="at", than=than, within=now, page=3) == 3
    assert drop_older(every, field="at", than=than, within=dt.timedelta(minutes=1), page=3) == moves - 4
    assert list(every) == [newest]


@pytest.mark.parametrize(
    ("now", "months", "expected"),
    [
        ((2026, 3, 31), 1, (2026, 2, 28)),
        ((2026, 3, 29), 25, (2024, 2, 29)),
        ((2026, 1, 15), 1, (2025, 12, 15)),
        ((2026, 12, 31), 12, (2025, 12, 31)),
        ((2026, 6, 30), 4, (2026, 2, 28)),
    ],
)
def test_months_are_those_of_the_calendar(now: Any, months: int, expected: Any) -> None:
    assert months_before(dt.datetime(*now, 9, 30, tzinfo=dt.UTC), months) == dt.datetime(
        *expected, 9, 30, tzinfo=dt.UTC
    )


def test_a_message_is_found_by_the_beginning_of_an_address_as_a_member_is(
    told: Campaign, client: Client, manager: User, viewer: User
) -> None:
    send = told.sends.order_by("pk").first()
    assert send
    beginning = send.recipient.split("@")[0].upper()
    own = told.sends.filter(recipient=send.recipient).count()
    assert history.found(results.sends_of(told), beginning, may_see=True).count() == own
    assert not history.found(results.sends_of(told), send.recipient, may_see=False).exists()
    Send.objects.filter(pk=send.pk).update(recipient="was.written.to@example.com")
    assert history.found(results.sends_of(told), "was.written", may_see=True).get() == send
    number = send.member.external_id or ""
    assert history.found(results.sends_of(told), number, may_see=False).count() == own
