import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core import mail
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from campaigns.actions import notices, review, sends
from campaigns.actions.alarms import look_out
from campaigns.actions.campaigns import (
    CannotStart,
    cancel_campaign,
    finish_campaigns,
    pause_campaign,
    resume_campaign,
    start_campaign,
)
from campaigns.actions.planning import request_plan
from campaigns.actions.reports import apply_reports
from campaigns.actions.sends import Doubt, send_due, send_test, settle_unknown
from campaigns.actions.touches import note_open
from campaigns.models import Campaign, Notice, Plan, Send, SendingRate, WrongState
from campaigns.sending import dispatch, gate, render
from config.shared.errors import DomainError
from integrations.actions import take_mail
from integrations.channels.base import DeliveryFailed, Message
from integrations.channels.email import EmailChannel
from integrations.models import StaffAlert
from loyalty.actions.members import change_member
from loyalty.models import Member, User
from tests.campaigns.world import Outlet, Shop, first_of, report, send_all, somebody_waits_for_me, states
from tests.post_office import PostOffice, open_post_office
from tracking.models import Event

Status = Send.Status


def test_everybody_in_the_plan_gets_each_message_once(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    send_all(at_the_end)
    assert states(running) == {Status.SENT: running.sends.count()}
    assert sorted(post_office.recipients) == sorted(running.sends.values_list("recipient", flat=True))
    assert Event.objects.filter(name="message.sent").count() == running.sends.count()


def test_a_message_waits_for_its_hour(running: Campaign, post_office: PostOffice) -> None:
    first = running.sends.earliest("due_at")
    send_all(first.due_at - dt.timedelta(seconds=1))
    assert post_office.taken == []
    send_all(first.due_at)
    assert set(post_office.recipients) == set(
        running.sends.filter(due_at=first.due_at).values_list("recipient", flat=True)
    )


def test_nothing_leaves_before_the_campaign_is_started(
    plan: Plan, manager: User, post_office: PostOffice, now: dt.datetime, at_the_end: dt.datetime
) -> None:
    review.approve_plan(plan=plan, by=manager, now=now)
    send_all(at_the_end)
    assert post_office.taken == []
    assert states(plan.campaign) == {Status.PENDING: plan.campaign.sends.count()}


def test_one_connection_carries_a_whole_batch_where_a_server_is_to_be_spoken_to_by_one(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime, settings: Any
) -> None:
    settings.EMAIL_CONNECTIONS = 1
    send_due(now=at_the_end)
    assert len(post_office.taken) > 20
    assert post_office.connections == 1


# --- Pausing, cancelling, finishing -------------------------------------------------------------------------------


def test_pausing_takes_effect_at_the_next_message_and_resuming_sends_the_rest_once(
    running: Campaign, manager: User, post_office: PostOffice, now: dt.datetime, at_the_end: dt.datetime
) -> None:
    claimed = dispatch.claim(now=at_the_end)
    dispatch.send_claimed(claimed[:3], now=at_the_end)
    pause_campaign(campaign=running, by=manager, now=now)
    dispatch.send_claimed(claimed[3:], now=at_the_end)
    send_all(at_the_end)
    assert len(post_office.taken) == 3
    assert states(running) == {Status.SENT: 3, Status.PENDING: running.sends.count() - 3}

    resume_campaign(campaign=running, by=manager, now=now)
    send_all(at_the_end)
    assert sorted(post_office.recipients) == sorted(running.sends.values_list("recipient", flat=True))


def test_cancelling_ends_all_that_waits(
    running: Campaign, manager: User, post_office: PostOffice, now: dt.datetime, at_the_end: dt.datetime
) -> None:
    claimed = dispatch.claim(now=at_the_end)
    dispatch.send_claimed(claimed[:2], now=at_the_end)
    cancelled = cancel_campaign(campaign=running, by=manager, now=now)
    dispatch.send_claimed(claimed[2:], now=at_the_end)
    send_all(at_the_end)
    assert len(post_office.taken) == 2
    assert states(running) == {Status.SENT: 2, Status.CANCELLED: cancelled}


def test_a_try_that_fails_after_the_campaign_was_cancelled_does_not_wait_for_another(
    running: Campaign, one_send: Send, manager: User, outlet: type[Outlet]
) -> None:
    def cancelled_meanwhile(message: Message) -> str:
        cancel_campaign(campaign=running, by=manager, now=one_send.due_at)
        raise DeliveryFailed("Come back later", permanent=False)

    outlet.during = cancelled_meanwhile
    send_due(now=one_send.due_at)
    assert states(running) == {Status.CANCELLED: running.sends.count()}


def test_a_campaign_is_finished_when_its_last_day_is_over_and_nothing_waits(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    after = dt.datetime.combine(running.ends_on + dt.timedelta(days=1), dt.time(12), dt.UTC)
    assert finish_campaigns(now=after) == 0
    send_all(at_the_end)
    assert finish_campaigns(now=at_the_end) == 0
    assert finish_campaigns(now=after) == 1
    running.refresh_from_db()
    assert running.status == Campaign.Status.FINISHED
    assert finish_campaigns(now=after) == 0


def test_a_message_in_doubt_keeps_its_campaign_from_finishing_until_it_is_settled(
    running: Campaign, one_send: Send, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    post_office.hangs_up_after.add(one_send.recipient)
    send_all(at_the_end)
    after = dt.datetime.combine(running.ends_on + dt.timedelta(days=1), dt.time(12), dt.UTC)
    assert finish_campaigns(now=after) == 0
    for send in running.sends.filter(status=Status.UNKNOWN):
        with pytest.raises(WrongState, match="is over"):
            settle_unknown(send=send, answer=Doubt.SEND_AGAIN, now=after)
        settle_unknown(send=send, answer=Doubt.SENT, now=after)
    assert finish_campaigns(now=after) == 1


@pytest.mark.django_db(transaction=True)
def test_a_message_put_back_while_its_campaign_is_being_finished_keeps_it_open(
    running: Campaign, one_send: Send, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    """It is looked at as finished, then waits for the one who holds the campaign, then looks again."""
    send_all(at_the_end)
    after = dt.datetime.combine(running.ends_on + dt.timedelta(days=1), dt.time(12), dt.UTC)

    def finish() -> int:
        try:
            return finish_campaigns(now=after)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            Campaign.objects.select_for_update().get(pk=running.pk)
            Send.objects.filter(pk=one_send.pk).update(status=Status.PENDING)
            answer = other.submit(finish)
            while not somebody_waits_for_me():
                assert not answer.done()
        assert answer.result() == 0


def test_a_finished_campaign_cannot_be_started_again(running: Campaign, manager: User, now: dt.datetime) -> None:
    cancel_campaign(campaign=running, by=manager, now=now)
    with pytest.raises(CannotStart):
        start_campaign(campaign=running, by=manager, now=now)
    with pytest.raises(CannotStart):
        resume_campaign(campaign=running, by=manager, now=now)
    with pytest.raises(WrongState):
        pause_campaign(campaign=running, by=manager, now=now)


def test_a_campaign_whose_last_day_has_passed_is_not_started(plan: Plan, manager: User, now: dt.datetime) -> None:
    review.approve_plan(plan=plan, by=manager, now=now)
    with pytest.raises(CannotStart, match="last day"):
        start_campaign(campaign=plan.campaign, by=manager, now=now + dt.timedelta(days=20))


def test_without_an_approved_plan_nothing_starts(plan: Plan, manager: User, now: dt.datetime) -> None:
    with pytest.raises(CannotStart, match="Approve"):
        start_campaign(campaign=plan.campaign, by=manager, now=now)


# --- Who may still be written to ----------------------------------------------------------------------------------


def test_a_consent_withdrawn_after_the_approval_is_respected(
    running: Campaign, shop: Shop, post_office: PostOffice, at_the_end: dt.datetime, one_send: Send
) -> None:
    shop.allow(one_send.member, is_granted=False)
    send_all(at_the_end)
    assert one_send.recipient not in post_office.recipients
    assert set(running.sends.filter(member=one_send.member).values_list("status", "failure")) == {
        (Status.SUPPRESSED, "No consent to marketing on this channel.")
    }


def test_a_consent_withdrawn_after_the_claim_is_respected(
    shop: Shop, post_office: PostOffice, at_the_end: dt.datetime, one_send: Send
) -> None:
    claimed = dispatch.claim(now=at_the_end)
    shop.allow(one_send.member, is_granted=False)
    dispatch.send_claimed(claimed, now=at_the_end)
    assert one_send.recipient not in post_office.recipients


@pytest.mark.parametrize(
    ("corrected", "reason"),
    [
        ({"birth_date": dt.date(2010, 1, 1)}, "Not known to be of legal age."),
        ({"birth_date": None}, "Not known to be of legal age."),
        ({"email": "moved@example.com"}, "The address has changed or was removed."),
        ({"email": ""}, "The address has changed or was removed."),
    ],
)
def test_a_member_corrected_after_the_approval_is_left_alone(
    one_send: Send,
    post_office: PostOffice,
    at_the_end: dt.datetime,
    corrected: dict[str, Any],
    reason: str,
) -> None:
    member = one_send.member
    known = {"name": member.name, "email": member.email, "phone": "", "birth_date": member.birth_date}
    change_member(member=member, home_store=None, **(known | corrected))
    send_all(at_the_end)
    one_send.refresh_from_db()
    assert (one_send.status, one_send.failure) == (Status.SUPPRESSED, reason)
    assert not {one_send.recipient, corrected.get("email")} & set(post_office.recipients)


# --- A mail server that misbehaves --------------------------------------------------------------------------------


def test_an_address_that_is_refused_for_good_fails_at_once_and_holds_up_nobody(
    running: Campaign, one_send: Send, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    post_office.at_rcpt[one_send.recipient] = "550 No such mailbox"
    send_all(at_the_end)
    one_send.refresh_from_db()
    assert (one_send.status, one_send.attempts) == (Status.FAILED, 1)
    assert one_send.failure == "The mail server answered 550 No such mailbox"
    others = running.sends.exclude(recipient=one_send.recipient)
    assert set(others.values_list("status", flat=True)) == {Status.SENT}


@pytest.mark.parametrize("stage", ["at_rcpt", "at_data"])
def test_a_refusal_for_now_is_tried_three_times_more_five_minutes_apart(
    one_send: Send, post_office: PostOffice, stage: str
) -> None:
    getattr(post_office, stage)[one_send.recipient] = "451 Try again later"
    moment = one_send.due_at
    for attempt in range(1, 4):
        send_all(moment)
        one_send.refresh_from_db()
        assert (one_send.status, one_send.attempts) == (Status.PENDING, attempt)
        assert dt.timedelta(minutes=5) <= one_send.due_at - moment < dt.timedelta(minutes=5, seconds=30)
        send_all(one_send.due_at - dt.timedelta(seconds=1))
        one_send.refresh_from_db()
        assert one_send.attempts == attempt
        moment = one_send.due_at
    send_all(moment)
    one_send.refresh_from_db()
    assert (one_send.status, one_send.attempts) == (Status.FAILED, 4)


def test_a_message_refused_for_now_arrives_once_the_server_has_recovered(
    one_send: Send, post_office: PostOffice
) -> None:
    post_office.at_data[one_send.recipient] = "452 Full"
    send_all(one_send.due_at)
    post_office.at_data.clear()
    one_send.refresh_from_db()
    send_all(one_send.due_at)
    one_send.refresh_from_db()
    assert (one_send.status, one_send.failure) == (Status.SENT, "")
    assert post_office.recipients.count(one_send.recipient) == 1


def test_a_mail_server_that_is_down_for_half_a_day_costs_nobody_their_message(
    running: Campaign, one_send: Send, settings: Any, marketer: User, client_of: Callable[[User], Client]
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        9,
    )
    first_due = moment = one_send.due_at
    planned = running.sends.count()
    for _ in range(12):
        send_all(moment)
        moment += dt.timedelta(hours=1)
    assert running.sends.filter(status=Status.PENDING, attempts=0).count() == planned
    one_send.refresh_from_db()
    assert one_send.failure.startswith("The mail server does not let us in: ")
    rate = SendingRate.objects.get(provider="smtp")
    assert rate.unreachable_since
    assert rate.unreachable_since - first_due < dt.timedelta(minutes=1)

    look_out(now=moment - dt.timedelta(minutes=58))
    assert StaffAlert.objects.get().title == "smtp cannot be reached"
    SendingRate.objects.update(paused_until=timezone.now() + dt.timedelta(minutes=1))
    assert "smtp cannot be reached" in client_of(marketer).get("/staff/").text

    SendingRate.objects.update(paused_until=moment)
    with open_post_office(settings) as office:
        send_all(moment)
        assert one_send.recipient in office.recipients
    assert SendingRate.objects.get(provider="smtp").unreachable_since is None
    SendingRate.objects.update(paused_until=timezone.now() + dt.timedelta(minutes=1))
    assert "smtp cannot be reached" not in client_of(marketer).get("/staff/").text


def test_of_a_whole_batch_one_message_finds_out_that_the_mail_server_is_down(
    running: Campaign, settings: Any, at_the_end: dt.datetime
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        9,
    )
    assert send_due(now=at_the_end - dt.timedelta(days=2)) > 5
    assert running.sends.exclude(failure="").count() == 1


def test_the_owner_is_told_once_a_day_that_messages_failed(
    running: Campaign, one_send: Send, post_office: PostOffice, marketer: User, at_the_end: dt.datetime
) -> None:
    for recipient in running.sends.values_list("recipient", flat=True)[:3]:
        post_office.at_rcpt[recipient] = "550 No such mailbox"
    send_all(at_the_end)
    assert Notice.objects.count() == 1
    notice = Notice.objects.get()
    assert notice.user == marketer
    assert "550 No such mailbox" in notice.text

    assert notices.email_notices(now=at_the_end) == 1
    assert notices.email_notices(now=at_the_end) == 0
    sends.tell_owners(now=at_the_end + dt.timedelta(minutes=5))
    assert Notice.objects.count() == 1
    letter = post_office.letter_to(marketer.email)
    assert letter["Subject"] == "Spring: messages failed"
    assert f"/staff/campaigns/{running.public_id}/" in letter.get_body(preferencelist=("plain",)).get_content()  # type: ignore[union-attr]


def test_an_owner_is_told_of_last_nights_failures_even_when_the_worker_died_before_telling(
    one_send: Send, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    post_office.at_rcpt[one_send.recipient] = "550 No such mailbox"
    dispatch.send_claimed(dispatch.claim(now=at_the_end), now=at_the_end)
    assert not Notice.objects.exists()
    sends.tell_owners(now=at_the_end + dt.timedelta(hours=12))
    assert Notice.objects.count() == 1


def test_a_notice_that_the_mail_server_refuses_is_tried_again(
    one_send: Send, post_office: PostOffice, marketer: User, at_the_end: dt.datetime
) -> None:
    post_office.at_rcpt = {one_send.recipient: "550 No", marketer.email: "451 Later"}
    send_all(at_the_end)
    assert notices.email_notices(now=at_the_end) == 0
    del post_office.at_rcpt[marketer.email]
    assert notices.email_notices(now=at_the_end) == 1
    assert marketer.email in post_office.recipients


def test_a_worker_that_dies_while_it_tells_an_owner_loses_no_letter_and_repeats_none(
    one_send: Send, post_office: PostOffice, marketer: User, at_the_end: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_office.at_rcpt[one_send.recipient] = "550 No"
    send_all(at_the_end)

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", die)
        with pytest.raises(Killed):
            notices.email_notices(now=at_the_end)
    assert notices.email_notices(now=at_the_end + notices.LEASE) == 0
    assert notices.email_notices(now=at_the_end + notices.LEASE + dt.timedelta(seconds=1)) == 1
    assert notices.email_notices(now=at_the_end + dt.timedelta(days=1)) == 0
    assert post_office.recipients.count(marketer.email) == 1


# --- What nobody can know -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["hangs_up_after", "hangs_up_before"])
def test_a_connection_lost_after_the_text_leaves_doubt_and_is_never_repeated_by_itself(
    running: Campaign, one_send: Send, post_office: PostOffice, at_the_end: dt.datetime, how: str
) -> None:
    getattr(post_office, how).add(one_send.recipient)
    doubtful = running.sends.filter(recipient=one_send.recipient)
    send_all(at_the_end)
    send_all(at_the_end + dt.timedelta(days=2))
    assert set(doubtful.values_list("status", flat=True)) == {Status.UNKNOWN}
    assert post_office.recipients.count(one_send.recipient) == (doubtful.count() if how == "hangs_up_after" else 0)
    assert states(running)[Status.SENT] == running.sends.count() - doubtful.count()


def test_a_doubt_is_settled_by_a_person_either_way(
    running: Campaign, one_send: Send, post_office: PostOffice, now: dt.datetime
) -> None:
    post_office.hangs_up_before.add(one_send.recipient)
    send_all(one_send.due_at)
    post_office.hangs_up_before.clear()
    settle_unknown(send=one_send, answer=Doubt.SEND_AGAIN, now=one_send.due_at)
    send_all(one_send.due_at)
    one_send.refresh_from_db()
    assert one_send.status == Status.SENT
    assert post_office.recipients.count(one_send.recipient) == 1
    with pytest.raises(WrongState):
        settle_unknown(send=one_send, answer=Doubt.SEND_AGAIN, now=now)


def test_a_doubt_settled_as_sent_is_not_sent_again(one_send: Send, post_office: PostOffice) -> None:
    post_office.hangs_up_after.add(one_send.recipient)
    send_all(one_send.due_at)
    settle_unknown(send=one_send, answer=Doubt.SENT, now=one_send.due_at)
    send_all(one_send.due_at)
    one_send.refresh_from_db()
    assert one_send.status == Status.SENT
    assert post_office.recipients.count(one_send.recipient) == 1


def test_a_doubt_about_a_cancelled_campaign_cannot_be_sent_again_only_settled(
    running: Campaign, one_send: Send, post_office: PostOffice, manager: User, now: dt.datetime, at_the_end: dt.datetime
) -> None:
    post_office.hangs_up_before.add(one_send.recipient)
    send_all(one_send.due_at)
    cancel_campaign(campaign=running, by=manager, now=now)
    with pytest.raises(WrongState, match="is over"):
        settle_unknown(send=one_send, answer=Doubt.SEND_AGAIN, now=now)
    one_send.refresh_from_db()
    assert one_send.status == Status.UNKNOWN
    settle_unknown(send=one_send, answer=Doubt.NOT_SENT, now=now)
    send_all(at_the_end)
    one_send.refresh_from_db()
    assert (one_send.status, one_send.failure) == (Status.CANCELLED, "It did not leave, and was not sent again.")
    assert one_send.recipient not in post_office.recipients


@pytest.mark.parametrize("how", ["settled by a person", "delivered", "opened"])
def test_the_log_hears_once_that_a_doubtful_message_was_sent_however_that_became_known(
    one_send: Send, post_office: PostOffice, how: str
) -> None:
    post_office.hangs_up_after.add(one_send.recipient)
    send_all(one_send.due_at)
    one_send.refresh_from_db()
    told = Event.objects.filter(name="message.sent", properties__send=str(one_send.public_id))
    assert not told.exists()
    later = one_send.due_at + dt.timedelta(hours=1)
    if how == "settled by a person":
        settle_unknown(send=one_send, answer=Doubt.SENT, now=later)
    if how == "opened":
        note_open(send=one_send, method="GET", user_agent="Firefox", now=later)
    report("delivered", send=one_send, at=later)
    assert told.count() == 1


def test_a_worker_that_died_before_the_hand_off_costs_only_time(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    dispatch.claim(now=at_the_end)  # and nothing more is heard of this worker
    send_all(at_the_end + dispatch.LEASE - dt.timedelta(seconds=1))
    assert post_office.taken == []
    send_all(at_the_end + dispatch.LEASE + dt.timedelta(seconds=1))
    assert states(running) == {Status.SENT: running.sends.count()}


def test_a_worker_that_died_in_the_middle_of_a_hand_off_leaves_a_doubt(one_send: Send, outlet: type[Outlet]) -> None:
    class Killed(BaseException):
        pass

    def die(message: Message) -> str:
        raise Killed

    outlet.during = die
    with pytest.raises(Killed):
        send_due(now=one_send.due_at)
    later = one_send.due_at + dispatch.LEASE + dt.timedelta(minutes=1)
    dispatch.release_lapsed(now=later)
    assert states(one_send.campaign)[Status.UNKNOWN] == 1
    assert dispatch.claim(now=later) == sorted(
        one_send.campaign.sends.filter(status=Status.CLAIMED).values_list("pk", flat=True)
    )
    assert states(one_send.campaign)[Status.UNKNOWN] == 1


def test_an_adapter_that_breaks_leaves_a_doubt_and_holds_up_nobody(
    running: Campaign, one_send: Send, outlet: type[Outlet], at_the_end: dt.datetime
) -> None:
    def break_once(message: Message) -> str:
        if message.to == one_send.recipient:
            raise LookupError("a bug")
        return message.id

    outlet.during = break_once
    send_all(at_the_end)
    doubtful = running.sends.filter(recipient=one_send.recipient)
    assert states(running) == {
        Status.UNKNOWN: doubtful.count(),
        Status.SENT: running.sends.count() - doubtful.count(),
    }


def test_a_delivery_told_before_the_server_even_answered_is_not_forgotten(one_send: Send, outlet: type[Outlet]) -> None:
    def delivered_at_once(message: Message) -> str:
        report("delivered", channel="email", message_id=message.id, at=one_send.due_at)
        return f"<{message.id}>"

    outlet.during = delivered_at_once
    send_all(one_send.due_at)
    one_send.refresh_from_db()
    assert (one_send.status, one_send.delivered_at) == (Status.DELIVERED, one_send.due_at)
    assert one_send.sent_at is not None


def test_what_another_worker_has_tried_since_is_not_taken_up_by_one_whose_lease_lapsed(
    one_send: Send, outlet: type[Outlet], at_the_end: dt.datetime
) -> None:
    def busy(message: Message) -> str:
        raise DeliveryFailed("Come again", permanent=False)

    outlet.during = busy
    dispatch.claim(now=at_the_end)
    held = Send.objects.select_related("campaign", "member").get(pk=one_send.pk)
    later = at_the_end + dispatch.LEASE + dt.timedelta(minutes=1)
    dispatch.release_lapsed(now=later)
    send_all(later)
    dispatch.claim(now=later + dt.timedelta(hours=1))
    assert Send.objects.get(pk=held.pk).status == Status.CLAIMED, "by another, who has tried it before"
    words = {held: Message(id=held.message_id, to=held.recipient, subject="Hello", text="Come by.")}
    begun = dispatch.begin_hand_off(words, outlet=outlet(), terms=gate.terms(), now=later + dt.timedelta(hours=1))
    assert begun == []


def test_a_failure_that_comes_after_the_lease_lapsed_changes_nothing_that_happened_since(
    one_send: Send, outlet: type[Outlet]
) -> None:
    """A hand-off that took ages: meanwhile the send was in doubt, settled as not sent, and sent by another worker."""

    def overtaken(message: Message) -> str:
        outlet.during = lambda message: f"<{message.id}>"
        dispatch.release_lapsed(now=one_send.due_at + dt.timedelta(hours=1))
        settle_unknown(send=Send.objects.get(status=Status.UNKNOWN), answer=Doubt.SEND_AGAIN, now=one_send.due_at)
        send_due(now=one_send.due_at + dt.timedelta(hours=1))
        raise DeliveryFailed("No such mailbox", permanent=True)

    outlet.during = overtaken
    send_due(now=one_send.due_at)
    assert Status.FAILED not in states(one_send.campaign)


def test_a_message_that_reaches_the_local_mailbox_is_delivered(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    send_all(at_the_end)
    for recipient, raw in post_office.taken:
        take_mail(sender="shop@example.com", recipients=[recipient], raw=raw, now=at_the_end)
    assert states(running) == {Status.SENT: running.sends.count()}
    apply_reports(now=at_the_end)
    assert states(running) == {Status.DELIVERED: running.sends.count()}
    assert set(running.sends.values_list("delivered_at", flat=True)) == {at_the_end}


def test_a_message_reported_delivered_is_never_sent_again(one_send: Send, post_office: PostOffice) -> None:
    """The server answered 451, and delivered all the same."""
    post_office.at_data[one_send.recipient] = "451 Something went wrong here"
    send_all(one_send.due_at)
    one_send.refresh_from_db()
    report("delivered", send=one_send, at=one_send.due_at)
    report("delivered", send=one_send, at=one_send.due_at)
    assert Event.objects.filter(name="message.delivered").count() == 1
    post_office.at_data.clear()
    send_all(one_send.due_at + dt.timedelta(days=8))
    one_send.refresh_from_db()
    assert one_send.status == Status.DELIVERED
    assert one_send.attempts == 1


def test_a_delivery_of_somebody_elses_message_changes_nothing(running: Campaign, now: dt.datetime) -> None:
    before = states(running)
    report("delivered", channel="email", provider_id="<stranger@example.org>", at=now)
    report("delivered", channel="email", message_id="nonsense@example.org", at=now)
    report("delivered", channel="email", at=now)
    assert states(running) == before


# --- Faults of our own --------------------------------------------------------------------------------------------


def test_a_message_we_cannot_write_fails_and_holds_up_nobody(
    running: Campaign, one_send: Send, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    """As of a step that was approved before letters were kept, and whose words mean nothing any more."""
    step = one_send.action.step
    step.letters.all().delete()
    type(step).objects.filter(pk=step.pk).update(body="{{ member.nickname }}")
    send_all(at_the_end)
    of_step = running.sends.filter(action__step=step)
    assert set(of_step.values_list("status", flat=True)) == {Status.FAILED}
    assert "nickname" in of_step.first().failure  # type: ignore[union-attr]
    others = running.sends.exclude(action__step=step)
    assert set(others.values_list("status", flat=True)) == {Status.SENT}


def test_a_slow_batch_gives_back_what_it_has_no_time_for(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch, "LONGEST_BATCH", dt.timedelta(0))
        send_due(now=at_the_end)
    assert states(running) == {Status.PENDING: running.sends.count()}
    send_all(at_the_end)
    assert states(running) == {Status.SENT: running.sends.count()}


def test_a_test_message_goes_to_the_colleague_alone_and_counts_nowhere(
    plan: Plan, marketer: User, post_office: PostOffice
) -> None:
    send_test(step=first_of(plan), to=marketer, now=plan.requested_at)
    assert post_office.recipients == [marketer.email]
    assert not Send.objects.exists()


def test_a_test_message_that_cannot_leave_says_why(plan: Plan, marketer: User, post_office: PostOffice) -> None:
    post_office.at_rcpt[marketer.email] = "550 Unknown here"
    with pytest.raises(DomainError, match="550 Unknown here"):
        send_test(step=first_of(plan), to=marketer, now=plan.requested_at)


# --- Many at once -------------------------------------------------------------------------------------------------


def at_once(work: Callable[[], Any], times: int = 8) -> list[Any]:
    """What each of so many threads gets, all started at the same moment."""
    barrier = Barrier(times)

    def run() -> Any:
        barrier.wait()
        try:
            return work()
        except DomainError as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as threads:
        return [future.result() for future in [threads.submit(run) for _ in range(times)]]


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_send_each_message_once(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    at_once(lambda: send_all(at_the_end))
    assert states(running) == {Status.SENT: running.sends.count()}
    assert sorted(post_office.recipients) == sorted(running.sends.values_list("recipient", flat=True))


@pytest.mark.django_db(transaction=True)
def test_eight_workers_who_all_believe_a_claim_is_theirs_send_it_once(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime
) -> None:
    """As after a lapsed lease: the claim was released, taken again, and the first worker woke up."""
    claimed = dispatch.claim(now=at_the_end)
    at_once(lambda: dispatch.send_claimed(claimed, now=at_the_end))
    assert states(running) == {Status.SENT: len(claimed)}
    assert sorted(post_office.recipients) == sorted(running.sends.values_list("recipient", flat=True))


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_at_the_same_instant_one_begins(running: Campaign, at_the_end: dt.datetime) -> None:
    """The second UPDATE waits for the first one's commit, and then looks at the row again."""
    [claimed] = dispatch.claim(now=at_the_end, batch=1)
    first, second = (Send.objects.get(pk=claimed) for _ in range(2))
    terms = gate.terms()
    message = render.Writer(terms.shop).message_for(first)

    def begin(send: Send) -> list[Send]:
        return dispatch.begin_hand_off({send: message}, outlet=EmailChannel(), terms=terms, now=at_the_end)

    def begin_too() -> list[Send]:
        try:
            return begin(second)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            assert begin(first) == [first]
            answer = other.submit(begin_too)
            while not somebody_waits_for_me():
                assert not answer.done()
        assert answer.result() == []


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_press_a_button_one_is_heard(
    plan: Plan, manager: User, now: dt.datetime, make_campaign: Callable[..., Campaign]
) -> None:
    def worked(answers: list[Any]) -> int:
        return sum(not isinstance(answer, DomainError) for answer in answers)

    campaign = plan.campaign
    assert worked(at_once(lambda: review.approve_plan(plan=plan, by=manager, now=now))) == 1
    assert campaign.sends.count() == sum(step.evidence["reached"] for step in plan.steps.all())
    assert worked(at_once(lambda: start_campaign(campaign=campaign, by=manager, now=now))) == 1
    campaign.refresh_from_db()
    assert worked(at_once(lambda: pause_campaign(campaign=campaign, by=manager, now=now))) == 1
    other = make_campaign(name="Other")
    assert worked(at_once(lambda: request_plan(campaign=other, by=manager, now=now))) == 1
    assert other.plans.count() == 1


def test_members_are_loaded_with_the_batch_and_not_one_by_one(
    running: Campaign, post_office: PostOffice, at_the_end: dt.datetime, django_assert_max_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Groups of one, two, four and so on cost as much each, however many are in them."""
    monkeypatch.setattr(dispatch, "LONGEST_GROUP", dt.timedelta(minutes=1))  # as if the machine were never slow
    claimed = dispatch.claim(now=at_the_end)
    assert len(claimed) > 20
    with django_assert_max_num_queries(100):
        dispatch.send_claimed(claimed, now=at_the_end)


def test_no_mail_is_sent_past_the_channel(running: Campaign, post_office: PostOffice, at_the_end: dt.datetime) -> None:
    send_all(at_the_end)
    assert mail.outbox == []
    assert Member.objects.count() >= len(set(post_office.recipients))
