"""When a message may leave: at hours people are awake, by their own clock, and not more than one a day."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections, transaction

from campaigns.actions.campaigns import cancel_campaign, pause_campaign, resume_campaign, start_campaign
from campaigns.actions.policy import BadPolicy
from campaigns.actions.review import approve_plan
from campaigns.actions.sends import CannotSendNow, Doubt, send_due, send_step_now, settle_unknown
from campaigns.models import Campaign, Plan, Send
from campaigns.queries.departures import next_departure
from campaigns.queries.plans import Sent, week_of
from campaigns.rules.hours import SendWindow, on_the_clock
from campaigns.sending import dispatch, gate
from integrations.channels.base import Message
from integrations.channels.email import EmailChannel
from loyalty.actions.members import change_member
from loyalty.models import Member, Store, User
from tests.campaigns.world import Outlet, first_of, rule, send_all, somebody_waits_for_me, states
from tests.post_office import PostOffice

Status = Send.Status
NEW_YORK, LONDON, TOKYO = (ZoneInfo(name) for name in ("America/New_York", "Europe/London", "Asia/Tokyo"))
DAY = SendWindow(8, 20)


# --- The clock ----------------------------------------------------------------------------------------------------


def on(
    day: int, hour: int, minute: int = 0, *, zone: ZoneInfo = NEW_YORK, month: int = 3, fold: int = 0
) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute, tzinfo=zone, fold=fold).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (on(20, 7, 59), on(20, 8)),
        (on(20, 8), on(20, 8)),
        (on(20, 19, 59), on(20, 19, 59)),
        (on(20, 20), on(21, 8)),
        (on(20, 23, 30), on(21, 8)),
        (on(7, 21), on(8, 8)),  # the night in which an hour is missing
        (on(31, 21, month=10), on(1, 8, month=11)),  # the night that has one twice
    ],
)
def test_what_is_due_at_night_leaves_in_the_morning(at: dt.datetime, opens: dt.datetime) -> None:
    assert DAY.next_open(at, NEW_YORK) == opens


def test_a_shop_that_never_closes_sends_at_any_hour() -> None:
    hours = [on(8, 0) + dt.timedelta(minutes=30 * number) for number in range(48)]
    assert all(SendWindow(0, 24).next_open(at, NEW_YORK) == at for at in hours)


def test_an_opening_in_the_hour_that_spring_leaves_out_is_when_the_clocks_have_moved() -> None:
    """On 8 March 2026 New York goes from 2 to 3 o'clock."""
    assert SendWindow(2, 20).next_open(on(8, 1, 59), NEW_YORK) == on(8, 3)
    assert SendWindow(2, 3).next_open(on(8, 1, 59), NEW_YORK) == on(9, 2)


def test_an_opening_in_the_hour_that_autumn_repeats_is_its_first() -> None:
    """On 1 November 2026 New York lives from 1 to 2 o'clock twice; both are open, and the day stays one day."""
    window = SendWindow(1, 2)
    assert window.next_open(on(1, 0, 30, month=11), NEW_YORK) == on(1, 1, month=11)
    second = on(1, 1, 30, month=11, fold=1)
    assert window.next_open(second, NEW_YORK) == second
    assert window.next_day(second, NEW_YORK) == on(2, 1, month=11)


def test_hours_read_as_on_a_clock() -> None:
    assert [on_the_clock(hour) for hour in (0, 1, 11, 12, 13, 23, 24)] == (
        "midnight,1:00 a.m.,11:00 a.m.,noon,1:00 p.m.,11:00 p.m.,midnight".split(",")
    )


# --- Sends --------------------------------------------------------------------------------------------------------


@pytest.fixture
def tonight(now: dt.datetime) -> dt.datetime:
    """Half past nine in the evening of the first day, in the business's zone."""
    return now.astimezone(NEW_YORK).replace(hour=21, minute=30).astimezone(dt.UTC)


@pytest.fixture(autouse=True)
def _business_in_new_york(settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"


@pytest.fixture
def by_day(running: Campaign) -> Campaign:
    """The running campaign in a shop that goes by the policy a new copy starts with."""
    rule(send_from=8, send_until=20, messages_per_day=1)
    return running


def due_times(campaign: Campaign) -> set[dt.datetime]:
    return set(campaign.sends.filter(status=Status.PENDING).values_list("due_at", flat=True))


def all_due(campaign: Campaign, at: dt.datetime) -> int:
    return campaign.sends.update(due_at=at)


def home(member: Member, zone: ZoneInfo) -> None:
    store, _ = Store.objects.get_or_create(code=zone.key, defaults={"name": zone.key, "time_zone": zone.key})
    change_member(
        member=member, name=member.name, email=member.email or "", phone="", birth_date=member.birth_date,
        home_store=store,
    )  # fmt: skip


def test_a_campaign_started_late_in_the_evening_wakes_nobody(
    plan: Plan, manager: User, now: dt.datetime, tonight: dt.datetime, post_office: PostOffice
) -> None:
    approve_plan(plan=plan, by=manager, now=now)
    start_campaign(campaign=plan.campaign, by=manager, now=tonight)
    due_today = plan.campaign.sends.filter(due_at__lte=tonight).count()
    assert due_today
    send_all(tonight)
    send_all(tonight + dt.timedelta(hours=10))
    assert post_office.taken == []
    morning = DAY.next_open(tonight, NEW_YORK)
    assert plan.campaign.sends.filter(due_at=morning, status=Status.PENDING).count() == due_today
    send_all(morning)
    assert len(post_office.taken) == due_today


def test_after_three_days_of_pause_nobody_gets_everything_at_once(
    by_day: Campaign, manager: User, now: dt.datetime, post_office: PostOffice
) -> None:
    pause_campaign(campaign=by_day, by=manager, now=now)
    all_due(by_day, now)
    resumed = now + dt.timedelta(days=3)
    resume_campaign(campaign=by_day, by=manager, now=resumed)
    members = by_day.sends.values("member").distinct().count()
    assert by_day.sends.count() > members
    send_all(resumed)
    assert len(post_office.taken) == len(set(post_office.recipients)) == members
    assert due_times(by_day) == {DAY.next_day(resumed, NEW_YORK)}
    send_all(DAY.next_day(resumed, NEW_YORK))
    assert len(post_office.taken) == by_day.sends.count()


def test_a_retry_that_falls_after_closing_time_waits_for_the_morning(
    by_day: Campaign, one_send: Send, now: dt.datetime, post_office: PostOffice
) -> None:
    last_minutes = now.astimezone(NEW_YORK).replace(hour=19, minute=55, second=1).astimezone(dt.UTC)
    post_office.at_data[one_send.recipient] = "451 Try again later"
    by_day.sends.exclude(pk=one_send.pk).delete()
    send_all(last_minutes)
    post_office.at_data.clear()
    send_all(last_minutes + dt.timedelta(minutes=6))
    assert post_office.taken == []
    morning = DAY.next_open(last_minutes + dt.timedelta(minutes=6), NEW_YORK)
    assert due_times(by_day) == {morning}
    send_all(morning)
    assert post_office.recipients == [one_send.recipient]


def test_two_stores_in_two_zones_each_hear_by_their_own_clock(
    by_day: Campaign, regulars: list[Member], now: dt.datetime, post_office: PostOffice
) -> None:
    rule(messages_per_day=50)
    homes = {LONDON: regulars[:5], TOKYO: regulars[5:9]}
    for zone, members in homes.items():
        for member in members:
            home(member, zone)
    noon = on(30, 12)  # in New York: 17:00 in London, 1:00 in Tokyo
    all_due(by_day, noon)
    send_all(noon)
    sleeping = {member.email for member in homes[TOKYO]}
    awake = set(by_day.sends.values_list("recipient", flat=True)) - sleeping
    assert set(post_office.recipients) == awake
    assert due_times(by_day) == {on(31, 8, zone=TOKYO)}
    send_all(on(31, 8, zone=TOKYO))
    assert set(post_office.recipients) == awake | sleeping


def test_two_campaigns_share_a_members_day(
    by_day: Campaign, make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan], manager: User,
    now: dt.datetime, post_office: PostOffice,
) -> None:  # fmt: skip
    other = make_campaign(name="Also")
    approve_plan(plan=make_plan(other), by=manager, now=now)
    start_campaign(campaign=other, by=manager, now=now)
    for campaign in (by_day, other):
        all_due(campaign, now)
    send_all(now)
    assert len(post_office.recipients) == len(set(post_office.recipients))


def test_the_day_is_the_recipients_and_a_message_before_midnight_belongs_to_yesterday(
    by_day: Campaign, one_send: Send, post_office: PostOffice
) -> None:
    rule(send_from=0, send_until=24)
    late = on(30, 23, 50)
    mine = by_day.sends.filter(member=one_send.member)
    mine.update(due_at=late)
    assert mine.count() == 2
    send_all(late)
    assert post_office.recipients.count(one_send.recipient) == 1
    assert list(mine.filter(status=Status.PENDING).values_list("due_at", flat=True)) == [on(31, 0)]
    send_all(on(31, 0))
    assert post_office.recipients.count(one_send.recipient) == 2


def test_a_message_that_failed_for_now_has_not_used_up_the_day(
    by_day: Campaign, one_send: Send, post_office: PostOffice
) -> None:
    post_office.at_data[one_send.recipient] = "451 Later"
    send_all(one_send.due_at)
    post_office.at_data.clear()
    send_all(one_send.due_at + dt.timedelta(minutes=6))
    assert post_office.recipients.count(one_send.recipient) == 1


def test_what_no_day_is_left_for_is_put_aside_with_its_reason_and_lets_the_campaign_finish(
    by_day: Campaign, post_office: PostOffice
) -> None:
    last_day = dt.datetime.combine(by_day.ends_on, dt.time(12), NEW_YORK)
    all_due(by_day, last_day)
    send_all(last_day)
    members = by_day.sends.values("member").distinct().count()
    assert states(by_day) == {Status.SENT: members, Status.SUPPRESSED: by_day.sends.count() - members}
    late = by_day.sends.filter(status=Status.SUPPRESSED)
    assert set(late.values_list("failure", flat=True)) == {gate.TOO_LATE}


def test_a_campaign_resumed_after_its_last_day_sends_nothing_any_more(
    by_day: Campaign, manager: User, now: dt.datetime, post_office: PostOffice
) -> None:
    pause_campaign(campaign=by_day, by=manager, now=now)
    after = dt.datetime.combine(by_day.ends_on + dt.timedelta(days=1), dt.time(12), NEW_YORK)
    resume_campaign(campaign=by_day, by=manager, now=after)
    send_all(after)
    assert post_office.taken == []
    assert states(by_day) == {Status.SUPPRESSED: by_day.sends.count()}


def test_an_hour_that_closes_between_claim_and_hand_off_is_respected(by_day: Campaign, post_office: PostOffice) -> None:
    all_due(by_day, on(30, 19, 59))
    claimed = dispatch.claim(now=on(30, 19, 59))
    assert {send.member_id for send in by_day.sends.filter(pk__in=claimed)} == set(
        by_day.sends.values_list("member_id", flat=True)
    )
    dispatch.send_claimed(claimed, now=on(30, 20))
    assert post_office.taken == []
    assert due_times(by_day) == {on(31, 8)}
    assert by_day.sends.filter(held_from=on(30, 19, 59)).count() == by_day.sends.count()


def test_what_may_go_does_not_wait_behind_what_may_not(
    by_day: Campaign, regulars: list[Member], post_office: PostOffice
) -> None:
    """However many are held, one look at what is due gets past them."""
    for member in regulars[:15]:
        home(member, TOKYO)
    noon = on(30, 12)
    all_due(by_day, noon - dt.timedelta(hours=1))
    by_day.sends.exclude(member__home_store=None).update(due_at=noon - dt.timedelta(hours=2))
    claimed = dispatch.claim(now=noon, batch=2)
    assert claimed
    assert not by_day.sends.filter(pk__in=claimed).exclude(member__home_store=None).exists()
    assert not by_day.sends.filter(status=Status.PENDING, due_at__lte=noon).exclude(member__home_store=None).exists()


def test_what_waits_for_the_morning_is_not_looked_at_again_all_night(
    by_day: Campaign, tonight: dt.datetime, django_assert_max_num_queries: Any
) -> None:
    all_due(by_day, tonight)
    assert send_due(now=tonight) == 0
    with django_assert_max_num_queries(8):
        send_due(now=tonight + dt.timedelta(minutes=5))


# --- Two at once --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_two_messages_for_one_member_send_one(
    by_day: Campaign, one_send: Send, outlet: type[Outlet], now: dt.datetime
) -> None:
    """The second is asked about while the first is with the provider: it is already counted."""
    first, second = by_day.sends.filter(member=one_send.member).values_list("pk", flat=True)
    by_day.sends.filter(member=one_send.member).update(due_at=now, status=Status.CLAIMED)
    left: list[str] = []

    def second_meanwhile(message: Any) -> str:
        left.append(message.id)
        if len(left) == 1:
            dispatch.send_claimed([second], now=now)
        return str(message.id)

    outlet.during = second_meanwhile
    dispatch.send_claimed([first], now=now)
    assert len(left) == 1
    assert set(by_day.sends.filter(member=one_send.member).values_list("status", flat=True)) == {
        Status.SENT, Status.PENDING,
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_of_two_hand_offs_to_one_member_at_the_same_instant_one_waits_and_is_put_off(
    by_day: Campaign, one_send: Send, now: dt.datetime
) -> None:
    """Neither sees the other's row before it commits: the member's row stands between them."""
    mine = by_day.sends.filter(member=one_send.member)
    mine.update(due_at=now, status=Status.CLAIMED)
    first, second = mine.select_related("campaign", "action__step__offer", "member").order_by("pk")
    terms = gate.terms()
    message = Message(id="m", to="ada@example.com", subject="s", text="t")

    def begin(send: Send) -> list[Send]:
        return dispatch.begin_hand_off({send: message}, outlet=EmailChannel(), terms=terms, now=now)

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
    second.refresh_from_db()
    assert (second.status, second.due_at) == (Status.PENDING, DAY.next_day(now, NEW_YORK))


# --- What a person can do about it --------------------------------------------------------------------------------


def test_a_step_can_be_sent_before_its_day_by_hand(
    by_day: Campaign, plan: Plan, manager: User, now: dt.datetime, post_office: PostOffice
) -> None:
    step = first_of(plan)
    of_step = by_day.sends.filter(action__step=step)
    assert send_step_now(step=step, by=manager, now=now) == of_step.count()
    [shown] = [view.sent for day in week_of(step.plan) for view in day.steps if view.step == step]
    assert shown == Sent(messages=of_step.count(), away=0, waiting=0, next_at=now)
    send_all(now)
    assert set(post_office.recipients) == set(of_step.values_list("recipient", flat=True))
    with pytest.raises(CannotSendNow, match="Nothing of this step waits"):
        send_step_now(step=step, by=manager, now=now)


def test_by_hand_nobody_is_written_to_at_night_either(
    by_day: Campaign, plan: Plan, manager: User, tonight: dt.datetime, post_office: PostOffice
) -> None:
    all_due(by_day, tonight + dt.timedelta(days=2))
    step = first_of(plan)
    send_step_now(step=step, by=manager, now=tonight)
    send_all(tonight)
    assert post_office.taken == []
    assert set(by_day.sends.filter(action__step=step).values_list("due_at", flat=True)) == {
        DAY.next_open(tonight, NEW_YORK)
    }


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("America/New_York", dt.date(2026, 3, 8)),  # goes from 2 to 3 o'clock: there is no half past two
        ("America/New_York", dt.date(2026, 11, 1)),
        ("Europe/Berlin", dt.date(2026, 3, 29)),  # here, too
        ("Europe/Berlin", dt.date(2026, 10, 25)),  # has half past two twice
    ],
)
@pytest.mark.parametrize("fold", [0, 1])
def test_what_is_due_at_half_past_two_when_the_clocks_change_leaves_once_on_that_morning(
    running: Campaign, outlet: type[Outlet], zone: str, night: dt.date, fold: int
) -> None:
    rule(send_from=8, send_until=21, messages_per_day=50)
    clock = ZoneInfo(zone)
    for member in Member.objects.all():
        home(member, clock)
    due_at = dt.datetime.combine(night, dt.time(2, 30, fold=fold), clock).astimezone(dt.UTC)
    Campaign.objects.update(starts_on=night, ends_on=night)
    all_due(running, due_at)
    left: list[tuple[str, dt.datetime]] = []
    for half_hour in range(-12, 48):
        now = due_at + dt.timedelta(minutes=30 * half_hour)
        outlet.during = lambda message, now=now: left.append((message.id, now)) or message.id  # type: ignore[misc]
        send_all(now)
    assert sorted(name for name, _ in left) == sorted(send.message_id for send in running.sends.all())
    mornings = {at.astimezone(clock).replace(tzinfo=None) for _, at in left}
    assert mornings == {dt.datetime.combine(night, dt.time(8))}
    assert states(running) == {Status.SENT: len(left)}


def test_when_the_hours_are_widened_what_they_held_back_leaves_at_once(
    by_day: Campaign, plan: Plan, manager: User, now: dt.datetime, tonight: dt.datetime, post_office: PostOffice
) -> None:
    of_step = by_day.sends.filter(action__step=first_of(plan))
    all_due(by_day, tonight + dt.timedelta(days=2))
    send_step_now(step=first_of(plan), by=manager, now=tonight)
    send_all(tonight)
    send_all(tonight + dt.timedelta(hours=1))
    assert post_office.taken == []
    rule(send_from=0, send_until=24)
    send_all(tonight + dt.timedelta(hours=1))
    assert set(post_office.recipients) == set(of_step.values_list("recipient", flat=True))
    assert by_day.sends.exclude(pk__in=of_step).filter(due_at=tonight + dt.timedelta(days=2)).exists()


def test_when_a_member_may_get_more_in_a_day_the_second_message_need_not_wait(
    by_day: Campaign, now: dt.datetime, post_office: PostOffice
) -> None:
    all_due(by_day, now)
    send_all(now)
    held = by_day.sends.filter(status=Status.PENDING).count()
    rule(messages_per_day=9)
    send_all(now)
    assert states(by_day) == {Status.SENT: len(post_office.taken)}
    assert held > 0


@pytest.mark.parametrize("end", [pause_campaign, cancel_campaign])
def test_a_step_of_a_campaign_that_does_not_run_is_not_sent_by_hand(
    by_day: Campaign, plan: Plan, manager: User, now: dt.datetime, end: Callable[..., Any]
) -> None:
    end(campaign=by_day, by=manager, now=now)
    with pytest.raises(CannotSendNow):
        send_step_now(step=first_of(plan), by=manager, now=now)


def test_a_doubt_sent_again_at_night_waits_for_the_morning(
    by_day: Campaign, one_send: Send, tonight: dt.datetime, post_office: PostOffice
) -> None:
    post_office.hangs_up_before.add(one_send.recipient)
    send_all(one_send.due_at)
    post_office.hangs_up_before.clear()
    settle_unknown(send=one_send, answer=Doubt.SEND_AGAIN, now=tonight)
    send_all(tonight)
    assert one_send.recipient not in post_office.recipients
    send_all(DAY.next_open(tonight, NEW_YORK))
    assert post_office.recipients.count(one_send.recipient) == 1


@pytest.mark.parametrize("hours", [(20, 8), (9, 9)])
def test_hours_that_end_before_they_begin_are_refused(db: None, hours: tuple[int, int]) -> None:
    with pytest.raises(BadPolicy):
        rule(send_from=hours[0], send_until=hours[1])


# --- What the page says -------------------------------------------------------------------------------------------


def test_the_page_knows_what_leaves_next_and_when(by_day: Campaign, now: dt.datetime, tonight: dt.datetime) -> None:
    first = by_day.sends.earliest("due_at").due_at
    departure = next_departure(by_day.sends.all(), now=now)
    assert departure
    assert (departure.at, departure.messages) == (first, by_day.sends.filter(due_at=first).count())
    assert (departure.is_now, departure.is_held, departure.days_ahead) == (False, False, 0)

    all_due(by_day, tonight)
    departure = next_departure(by_day.sends.all(), now=tonight)
    assert departure
    assert (departure.at, departure.messages) == (DAY.next_open(tonight, NEW_YORK), by_day.sends.count())
    assert (departure.is_held, departure.days_ahead, departure.zone.key) == (True, 1, "America/New_York")

    by_day.sends.update(status=Status.SENT)
    assert next_departure(by_day.sends.all(), now=now) is None


def test_the_store_whose_morning_comes_first_leaves_first(
    by_day: Campaign, regulars: list[Member], tonight: dt.datetime
) -> None:
    home(regulars[0], LONDON)
    all_due(by_day, tonight)
    departure = next_departure(by_day.sends.all(), now=tonight)
    assert departure
    assert departure.at == DAY.next_open(tonight, LONDON)
    assert departure.messages == by_day.sends.filter(member=regulars[0]).count()
    assert departure.when.endswith(" at 8:00 a.m., Europe/London")
