"""Every message of a campaign, with all that became of it; the numbers add up whatever happens."""

import csv
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.actions.campaigns import cancel_campaign, pause_campaign
from campaigns.actions.reports import apply_reports
from campaigns.actions.sends import send_due
from campaigns.models import Campaign, PlanStep, Send, SendMove
from campaigns.queries import history, results
from campaigns.queries.permits import standing
from campaigns.rules.progress import after_report
from campaigns.sending import dispatch
from integrations.channels.base import DeliveryFailed, OutcomeUnknown
from integrations.models import ProviderReport
from loyalty.models import Member, User
from tests.campaigns.world import Outlet, report, rule, send_all, states
from tracking.models import Event

Status, Kind = Send.Status, ProviderReport.Kind


@pytest.fixture
def mixed(running: Campaign, outlet: type[Outlet], manager: User, at_the_end: dt.datetime) -> Campaign:
    """Some arrived, some came back, some were refused, one is in doubt, and the rest was cancelled."""
    seen: list[str] = []

    def during(message: Any) -> str:
        seen.append(message.id)
        if len(seen) == 1:
            raise DeliveryFailed("550 no such mailbox", permanent=True)
        if len(seen) == 2:
            raise OutcomeUnknown("No answer")
        if len(seen) == 5:
            pause_campaign(campaign=running, by=manager, now=at_the_end)
        return str(message.id)

    outlet.during = during
    send_due(now=at_the_end)
    left = list(running.sends.filter(status=Status.SENT).order_by("pk"))
    report("delivered", send=left[0], at=at_the_end)
    report("bounced", send=left[1], at=at_the_end, is_permanent=True, reason="550 unknown user")
    report("complained", send=left[2], at=at_the_end)
    cancel_campaign(campaign=running, by=manager, now=at_the_end)
    return running


def test_whoever_takes_a_list_of_messages_out_of_the_house_leaves_a_trace(
    mixed: Campaign, viewer: User, client_of: Callable[[User], Client]
) -> None:
    for shape in ("csv", "history"):
        answer: Any = client_of(viewer).get(f"/staff/campaigns/{mixed.public_id}/sends/", {"format": shape})
        b"".join(answer.streaming_content)
    traces = Event.objects.filter(name="members.exported", subject=str(viewer.pk))
    assert [trace.properties["filters"]["campaign"] for trace in traces] == [str(mixed.public_id)] * 2
    assert all(trace.properties["is_masked"] for trace in traces)


def test_each_state_belongs_to_one_end_so_that_the_ends_add_up_to_all_that_was_planned(mixed: Campaign) -> None:
    tally = history.tally(mixed)
    assert sum(count for _, _, count in tally.ends) == tally.planned == mixed.sends.count()
    assert {Status.FAILED, Status.UNKNOWN, Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED} < set(states(mixed))
    for status in Status.values:
        mixed.sends.update(status=status)
        tally = history.tally(mixed)
        assert [count for _, _, count in tally.ends if count] == [tally.planned], status


def test_the_history_tells_the_moves_the_provider_and_the_reader_in_one_order(
    mixed: Campaign, at_the_end: dt.datetime
) -> None:
    bounced = mixed.sends.get(status=Status.BOUNCED)
    told = history.happenings(bounced, may_see=True)
    assert [row["title"] for row in told if row["icon"] != "webhook"] == [
        "Planned", "Taken up by a worker", "Being handed to the provider", "Taken by the provider", "Bounced",
    ]  # fmt: skip
    assert [row["title"] for row in told if row["icon"] == "webhook"] == ["mailgun reported: bounced"]
    assert "550 unknown user" in [row["text"] for row in told]
    assert [row["at"] for row in told] == sorted(row["at"] for row in told)


def test_a_message_has_a_page_that_says_all_of_it(mixed: Campaign, client: Client, manager: User) -> None:
    client.force_login(manager)
    send = mixed.sends.get(status=Status.UNKNOWN)
    page = client.get(reverse("campaigns:send", args=[mixed.public_id, send.public_id])).content.decode()
    assert "This message is in doubt" in page
    assert "No answer" in page
    assert "It did not leave" in page
    listed = client.get(reverse("campaigns:sends", args=[mixed.public_id]), {"kind": "bounced"}).content.decode()
    bounced = mixed.sends.get(status=Status.BOUNCED)
    assert reverse("campaigns:send", args=[mixed.public_id, bounced.public_id]) in listed
    assert reverse("campaigns:send", args=[mixed.public_id, send.public_id]) not in listed


def test_a_message_that_waits_says_that_it_is_not_written_and_when_it_leaves(
    running: Campaign, client: Client, manager: User
) -> None:
    client.force_login(manager)
    send = running.sends.order_by("pk")[0]
    url = reverse("campaigns:send", args=[running.public_id, send.public_id])

    def said(campaign: str, *, due: dt.timedelta = dt.timedelta(days=2), **of_send: Any) -> str:
        Campaign.objects.filter(pk=running.pk).update(status=campaign)
        running.sends.filter(pk=send.pk).update(due_at=timezone.now() + due, **of_send)
        return client.get(url).content.decode()

    day = timezone.localtime(timezone.now() + dt.timedelta(days=2))
    page = said("RUNNING")
    assert f"Not written yet: it leaves on {day:%A, %B} {day.day}, " in page
    assert "What it will say" in page
    assert "as soon as it is its turn" in said("RUNNING", due=-dt.timedelta(hours=1))
    assert "once the campaign goes on, and not before" in said("PAUSED")
    assert "once the campaign is started" in said("DRAFT")
    assert "once the better wording is chosen" in said("RUNNING", waits_for_winner=True)
    assert "What it would have said" in said("CANCELLED", status=Status.CANCELLED)
    page = said("RUNNING", status=Status.SENT)
    assert "What it said" in page
    assert "Not written yet" not in page


def test_the_list_names_what_was_filled_in_and_nobody_made_up(mixed: Campaign, client: Client, manager: User) -> None:
    PlanStep.objects.filter(plan__campaign=mixed).update(subject="{{ member.first_name }}, try {{ offer.name }}")
    client.force_login(manager)
    address, send = reverse("campaigns:sends", args=[mixed.public_id]), mixed.sends.first()
    assert send
    page = client.get(address).content.decode()
    assert page.count("{first name}, try {offer}") == mixed.sends.count()
    of_one = reverse("campaigns:send", args=[mixed.public_id, send.public_id])
    assert "{first name}, try {offer}" in client.get(of_one).content.decode()


def test_the_list_and_what_it_is_filtered_by_use_one_word_for_one_thing(
    mixed: Campaign, client: Client, manager: User
) -> None:
    client.force_login(manager)
    for status, kind, word in (("PENDING", "waiting", "Waiting"), ("UNKNOWN", "unknown", "In doubt")):
        mixed.sends.update(status=status)
        page = client.get(reverse("campaigns:sends", args=[mixed.public_id])).content.decode()
        assert re.search(rf'<option value="{kind}"[^>]*>{word}</option>', page)
        assert re.search(rf'<span class="badge [^"]*">{word}</span>', page)
        assert f"</strong> {word.lower()}</a>" in page


def test_the_list_as_a_file_says_what_the_page_says_in_words_by_the_shops_clock_and_runs_nothing(
    mixed: Campaign, client: Client, manager: User, settings: Any
) -> None:
    client.force_login(manager)
    send = mixed.sends.select_related("member", "action__step").get(status=Status.BOUNCED)
    Member.objects.filter(pk=send.member_id).update(name='=HYPERLINK("https://x.example")')
    mixed.sends.filter(pk=send.pk).update(due_at=dt.datetime(2026, 1, 5, 14, 30, tzinfo=dt.UTC))
    settings.TIME_ZONE = "America/New_York"
    answer: Any = client.get(reverse("campaigns:sends", args=[mixed.public_id]), {"format": "csv", "kind": "bounced"})
    (row,) = csv.DictReader(b"".join(answer.streaming_content).decode().splitlines())
    assert row["Member"] == '\'=HYPERLINK("https://x.example")'
    assert (row["Channel"], row["Status"]) == (send.get_channel_display(), "Bounced")
    assert row["Subject"]
    assert row["Due (America/New_York)"] == "2026-01-05 09:30:00-05:00"


def test_somebody_is_found_by_name_and_by_address(mixed: Campaign) -> None:
    send = mixed.sends.select_related("member").get(status=Status.BOUNCED)
    for words in (send.member.name, send.recipient, send.recipient.upper(), send.provider_id):
        assert send in history.found(results.sends_of(mixed), words, may_see=True)
    assert not history.found(results.sends_of(mixed), "nobody of that name", may_see=True).exists()
    assert not history.found(results.sends_of(mixed), send.recipient, may_see=False).exists()


def test_the_history_can_be_taken_along_with_every_move(mixed: Campaign, client: Client, manager: User) -> None:
    client.force_login(manager)
    answer = client.get(reverse("campaigns:sends", args=[mixed.public_id]), {"format": "history"})
    lines = b"".join(answer.streaming_content).decode().strip().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 1 + SendMove.objects.filter(send__campaign=mixed).count()


# --- What providers report ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["accepted", "delivered", "bounced", "complained"])
@pytest.mark.parametrize("second", ["accepted", "delivered", "bounced", "complained"])
def test_reports_in_either_order_come_to_the_same(first: str, second: str) -> None:
    def after(*kinds: str) -> str:
        status = "SENT"
        for kind in kinds:
            status = after_report(status, kind)
        return status

    assert after(first, second) == after(second, first)


def test_a_report_told_twice_is_told_once_to_the_log(mixed: Campaign, at_the_end: dt.datetime) -> None:
    send = mixed.sends.get(status=Status.DELIVERED)
    report("delivered", send=send, at=at_the_end)
    assert Event.objects.filter(name="message.delivered", properties__send=str(send.public_id)).count() == 1


def test_an_address_that_does_not_exist_is_left_alone_from_then_on(mixed: Campaign) -> None:
    reasons = dict(standing().values_list("address", "reason"))
    assert reasons[mixed.sends.get(status=Status.BOUNCED).recipient] == "hard_bounce"
    assert reasons[mixed.sends.get(status=Status.COMPLAINED).recipient] == "complaint"
    assert len(reasons) == 2


def test_soft_bounces_are_forgiven_until_the_shop_says_how_many_are_enough(
    running: Campaign, outlet: type[Outlet], at_the_end: dt.datetime
) -> None:
    outlet.during = lambda message: str(message.id)
    send_all(at_the_end)
    twice = next(
        list(running.sends.filter(member=member).order_by("due_at", "pk"))
        for member in {send.member_id for send in running.sends.all()}
        if running.sends.filter(member=member).count() == 2
    )
    rule(soft_bounces=2)
    report("bounced", send=twice[0], at=at_the_end)
    assert not standing().exists()
    report("bounced", send=twice[1], at=at_the_end)
    assert standing().get().reason == "soft_bounce"


def test_a_thousand_reports_cost_a_few_statements(
    running: Campaign, outlet: type[Outlet], at_the_end: dt.datetime, django_assert_max_num_queries: Any
) -> None:
    outlet.during = lambda message: str(message.id)
    send_all(at_the_end)
    ProviderReport.objects.bulk_create([
        ProviderReport(
            sender="mailgun", key=str(send.pk), channel="email", kind=Kind.DELIVERED, provider_id=send.provider_id,
            occurred_at=at_the_end, received_at=at_the_end,
        )
        for send in running.sends.all()
    ])  # fmt: skip
    with django_assert_max_num_queries(14):
        assert apply_reports(now=at_the_end) == running.sends.count()
    assert states(running) == {Status.DELIVERED: running.sends.count()}


def test_what_lapsed_while_it_was_handed_off_and_was_then_reported_is_in_doubt_no_more(
    running: Campaign, outlet: type[Outlet], at_the_end: dt.datetime
) -> None:
    def dies(message: Any) -> str:
        raise SystemExit

    outlet.during = dies
    with pytest.raises(SystemExit):
        send_due(now=at_the_end)
    later = at_the_end + dispatch.LEASE + dt.timedelta(minutes=1)
    dispatch.release_lapsed(now=later)
    doubtful = running.sends.get(status=Status.UNKNOWN)
    report("accepted", channel="email", message_id=doubtful.message_id, at=later)
    doubtful.refresh_from_db()
    assert doubtful.status == Status.SENT
