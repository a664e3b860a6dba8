"""When an address is left alone by what providers say: bounces of either kind in a row, and a STOP we never heard."""

import datetime as dt
from collections.abc import Callable

import pytest

from campaigns.actions.reports import apply_reports
from campaigns.actions.sends import send_due
from campaigns.models import Action, Campaign, Send, Suppression
from campaigns.queries import history
from campaigns.queries.permits import standing
from integrations.models import ProviderReport
from loyalty.actions.members import change_member, join, set_consent
from loyalty.models import Consent, Member
from tests.campaigns.world import report, rule
from tests.providers import Twilio, open_twilio

Status = Send.Status
ADDRESS, NUMBER = "one@example.com", "+12145551000"
OF_AGE = dt.date(1980, 5, 17)
Post = Callable[[str], None]


@pytest.fixture
def told(running: Campaign, at_the_end: dt.datetime) -> Post:
    """`told("hard soft delivered")`: what became of one message after the other to the same address."""
    first = running.sends.select_related("action__step").earliest("pk")
    hour = [0]

    def another() -> Send:
        hour[0] += 1
        at, somebody = at_the_end + dt.timedelta(hours=hour[0]), join(name="N.", source="till", now=at_the_end)
        return Send.objects.create(
            campaign=running, action=Action.objects.create(step=first.action.step, member=somebody),
            member=first.member, channel="email", recipient=ADDRESS, status=Status.SENT, due_at=at, sent_at=at,
            provider="mailgun", provider_id=f"<{hour[0]}@provider>",
        )  # fmt: skip

    def post(words: str) -> None:
        for word in words.split():
            send = another()
            kind = "bounced" if word in ("hard", "soft") else word
            report(kind, send=send, at=send.due_at, is_permanent=word == "hard", reason=word)

    return post


def reasons() -> list[str]:
    return list(standing().values_list("reason", flat=True))


def test_an_address_is_left_alone_after_so_many_hard_bounces_in_a_row(told: Post) -> None:
    rule(hard_bounces=3, soft_bounces=0)
    told("hard hard")
    assert reasons() == []
    told("hard")
    assert reasons() == ["hard_bounce"]


def test_an_address_is_left_alone_after_so_many_soft_bounces_in_a_row(told: Post) -> None:
    rule(hard_bounces=0, soft_bounces=3)
    told("soft soft")
    assert reasons() == []
    told("soft")
    assert reasons() == ["soft_bounce"]


def test_hard_and_soft_bounces_are_counted_apart(told: Post) -> None:
    rule(hard_bounces=2, soft_bounces=3)
    told("soft hard soft")
    assert reasons() == []
    told("soft")
    assert reasons() == ["soft_bounce"]
    told("hard")
    assert sorted(reasons()) == ["hard_bounce", "soft_bounce"]


def test_a_delivery_in_between_begins_anew(told: Post) -> None:
    rule(hard_bounces=2, soft_bounces=2)
    told("hard soft delivered hard soft delivered soft hard")
    assert reasons() == []
    told("soft")
    assert reasons() == ["soft_bounce"]


def test_a_message_marked_as_spam_had_arrived_and_begins_anew_too(told: Post) -> None:
    rule(soft_bounces=2, complaints=0)
    told("soft complained soft")
    assert reasons() == []


def test_one_hard_bounce_is_enough_unless_the_shop_says_otherwise(told: Post) -> None:
    rule(hard_bounces=1)
    told("delivered hard")
    assert reasons() == ["hard_bounce"]


def test_one_message_that_comes_back_for_now_and_then_for_good_is_one_hard_bounce(
    told: Post, at_the_end: dt.datetime
) -> None:
    rule(hard_bounces=2, soft_bounces=0)
    told("soft")
    bounced = Send.objects.get(status=Status.BOUNCED)
    report("bounced", send=bounced, at=at_the_end, is_permanent=True, reason="550 unknown user")
    bounced.refresh_from_db()
    assert bounced.is_hard_bounce
    assert reasons() == []
    told("hard")
    assert reasons() == ["hard_bounce"]


def test_a_report_that_comes_after_a_later_delivery_leaves_nobody_alone(told: Post, at_the_end: dt.datetime) -> None:
    rule(hard_bounces=2)
    told("hard accepted delivered")
    late = Send.objects.get(status=Status.SENT, recipient=ADDRESS)
    report("bounced", send=late, at=late.due_at, is_permanent=True)
    assert reasons() == []


# --- Texts ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def texter(running: Campaign, settings: pytest.FixtureRequest, now: dt.datetime) -> Member:
    """One member who is due a text, by a Twilio that knows of a STOP we never heard of."""
    send = running.sends.order_by("pk").first()
    assert send
    running.sends.exclude(pk=send.pk).update(status=Status.CANCELLED)
    member = send.member
    change_member(
        member=member, name=member.name, email=member.email or "", phone=NUMBER, birth_date=OF_AGE, home_store=None
    )
    for topic in ("marketing", "points"):
        set_consent(
            member=member, channel="sms", topic=topic, is_granted=True, wording="Yes, text me.", source="till",
            now=now - dt.timedelta(days=1),
        )  # fmt: skip
    running.sends.filter(pk=send.pk).update(channel="sms", recipient=NUMBER, due_at=now)
    return member


def test_a_stop_that_only_twilio_heard_suppresses_the_number_as_one_that_came_to_us(
    texter: Member, running: Campaign, settings: pytest.FixtureRequest, at_the_end: dt.datetime
) -> None:
    with open_twilio(settings) as twilio:
        twilio.answers[NUMBER] = Twilio.error(400, 21610, "Attempt to send to unsubscribed recipient")
        send_due(now=at_the_end)
        apply_reports(now=at_the_end)
        send_due(now=at_the_end + dt.timedelta(hours=1))
        assert len(twilio.calls) == 1
    send = running.sends.get(channel="sms")
    assert (send.status, "21610" in send.failure) == (Status.FAILED, True)
    row = Suppression.objects.get()
    assert (row.channel, row.address, row.reason) == ("sms", NUMBER, "opted_out")
    assert "21610" in row.note
    assert not Consent.objects.filter(member=texter, channel="sms", is_granted=True).exists()
    assert Consent.objects.filter(member=texter, channel="email", is_granted=True).exists()
    kept = ProviderReport.objects.get(kind="unsubscribed")
    assert (kept.sender, kept.address, kept.call) == ("twilio", NUMBER, None)
    assert "twilio reported: unsubscribed" in [row["title"] for row in history.happenings(send, may_see=True)]


def test_who_then_texts_start_is_written_to_again(
    texter: Member, settings: pytest.FixtureRequest, at_the_end: dt.datetime
) -> None:
    with open_twilio(settings) as twilio:
        twilio.answers[NUMBER] = Twilio.error(400, 21610, "Attempt to send to unsubscribed recipient")
        send_due(now=at_the_end)
        apply_reports(now=at_the_end)
    told_at = ProviderReport.objects.get(kind="unsubscribed").occurred_at
    report("subscribed", channel="sms", address=NUMBER, at=told_at + dt.timedelta(hours=1))
    assert not standing().exists()
    assert Consent.objects.filter(member=texter, channel="sms", is_granted=True).count() == 2
