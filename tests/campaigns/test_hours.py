"""The right hour: by whose clock a message is due, when each member usually answers, and what the page says of it."""

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Count
from django.test import Client
from django.urls import reverse

from campaigns.actions import planning
from campaigns.actions.hours import count_best_hours
from campaigns.actions.permits import save_quiet_hours
from campaigns.actions.review import approve_plan
from campaigns.actions.touches import note_click, note_open
from campaigns.models import Campaign, Candidate, MemberHour, Plan, PlanStep, Send
from campaigns.queries.departures import next_departure
from campaigns.rules import proposals
from campaigns.sending import due, gate, recipients
from loyalty.actions.members import change_member, set_consent
from loyalty.actions.profiles import forget
from loyalty.models import Member, Order, Store, User
from tests.campaigns.world import Shop, first_of, rule

NEW_YORK, LONDON, TOKYO, BERLIN, HAWAII = (
    ZoneInfo(name) for name in ("America/New_York", "Europe/London", "Asia/Tokyo", "Europe/Berlin", "Pacific/Honolulu")
)
FIREFOX = "Mozilla/5.0 Firefox/140"
Timing = PlanStep.Timing


@pytest.fixture(autouse=True)
def _business_in_new_york(settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"


def home(member: Member, zone: ZoneInfo, *, state: str = "") -> None:
    store, _ = Store.objects.get_or_create(
        code=zone.key + state, defaults={"name": zone.key, "time_zone": zone.key, "state": state}
    )
    live(member, store=store)


def live(member: Member, *, store: Store | None, phone: str = "") -> None:
    change_member(
        member=member, name=member.name, email=member.email or "", phone=phone, birth_date=member.birth_date,
        home_store=store,
    )  # fmt: skip


def answers_at(hour: int, *members: Member, now: dt.datetime) -> None:
    MemberHour.objects.bulk_create(MemberHour(member=each, hour=hour, seen=3, counted_at=now) for each in members)


@pytest.fixture
def timed(plan: Plan, manager: User, always_open: None) -> Callable[..., dict[Member, dt.datetime]]:
    """The plan's steps with this timing, all on one day; when each member's first message is due after approval."""

    def approved(timing: str, *, at: dt.time, day: dt.date, now: dt.datetime) -> dict[Member, dt.datetime]:
        Campaign.objects.update(starts_on=day, ends_on=day)
        firsts = {step.group: step.pk for step in plan.steps.order_by("-day")}
        plan.steps.exclude(pk__in=firsts.values()).update(removed_at=now)
        for position, pk in enumerate(firsts.values()):
            PlanStep.objects.filter(pk=pk).update(timing=timing, send_at=at, day=day, position=100 + position)
        approve_plan(plan=plan, by=manager, now=now)
        return {send.member: send.due_at for send in Send.objects.select_related("member")}

    return approved


def local(at: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return at.astimezone(zone).replace(tzinfo=None)


# --- By whose clock -------------------------------------------------------------------------------------------------


def test_by_local_time_every_member_is_written_to_at_ten_by_their_own_clock(
    regulars: list[Member], timed: Callable[..., dict[Member, dt.datetime]], now: dt.datetime
) -> None:
    zones = {regulars[0]: LONDON, regulars[1]: TOKYO, regulars[2]: HAWAII}
    for member, zone in zones.items():
        home(member, zone)
    live(regulars[3], store=None)
    day = now.date() + dt.timedelta(days=3)
    due_at = timed(Timing.LOCAL, at=dt.time(10), day=day, now=now)
    ten = dt.datetime.combine(day, dt.time(10))
    assert {local(due_at[member], zone) for member, zone in zones.items()} == {ten}
    assert local(due_at[regulars[3]], NEW_YORK) == ten
    assert len(set(due_at.values())) == 4


def test_at_one_moment_means_the_clock_of_the_business_for_everybody(
    regulars: list[Member], timed: Callable[..., dict[Member, dt.datetime]], now: dt.datetime
) -> None:
    home(regulars[1], TOKYO)
    day = now.date() + dt.timedelta(days=3)
    due_at = timed(Timing.BUSINESS, at=dt.time(10), day=day, now=now)
    assert {local(at, NEW_YORK) for at in due_at.values()} == {dt.datetime.combine(day, dt.time(10))}


@pytest.mark.parametrize(
    ("zone", "night", "wished", "read"),
    [
        (NEW_YORK, dt.date(2026, 3, 8), dt.time(2, 30), dt.time(3, 30)),  # there is no half past two
        (BERLIN, dt.date(2026, 3, 29), dt.time(2, 30), dt.time(3, 30)),
        (NEW_YORK, dt.date(2026, 11, 1), dt.time(1, 30), dt.time(1, 30)),  # there are two
        (BERLIN, dt.date(2026, 10, 25), dt.time(2, 30), dt.time(2, 30)),
        (NEW_YORK, dt.date(2026, 11, 1), dt.time(9), dt.time(9)),
        (BERLIN, dt.date(2026, 3, 29), dt.time(9), dt.time(9)),
    ],
)
def test_when_the_clocks_change_the_time_is_read_off_the_members_own(
    regulars: list[Member], plan: Plan, zone: ZoneInfo, night: dt.date, wished: dt.time, read: dt.time
) -> None:
    for member in regulars:
        home(member, zone)
    step = first_of(plan)
    PlanStep.objects.filter(pk=step.pk).update(timing=Timing.LOCAL, day=night, send_at=wished)
    before = dt.datetime.combine(night - dt.timedelta(days=2), dt.time(12), dt.UTC)
    assert recipients.materialise(plan, "email", now=before)
    due_at = set(Send.objects.filter(action__step=step).values_list("due_at", flat=True))
    assert {local(at, zone) for at in due_at} == {dt.datetime.combine(night, read)}
    assert len(due_at) == 1


def test_nothing_is_due_before_now_wherever_the_day_is_further_on(
    regulars: list[Member], timed: Callable[..., dict[Member, dt.datetime]], now: dt.datetime
) -> None:
    """Half past three in the afternoon in London, half past eleven in New York: ten o'clock has passed in both."""
    home(regulars[0], TOKYO)
    due_at = timed(Timing.LOCAL, at=dt.time(10), day=now.date(), now=now)
    assert set(due_at.values()) == {now}


def test_a_text_is_due_by_the_clock_that_the_gate_goes_by_whatever_the_number(
    shop: Shop, plan: Plan, now: dt.datetime
) -> None:
    """Area codes of a hundred places, toll-free ones, and countries with one zone and with several."""
    chance, numbers = random.Random(7), {"+18005550100", "+442071838750", "+61412345678", "+4930901820", "+79123456789"}
    while len(numbers) < 100:
        numbers.add(f"+1{chance.randint(201, 989)}{chance.randint(200, 999)}{chance.randint(1000, 9999)}")
    step = first_of(plan)
    for nth, number in enumerate(sorted(numbers)):
        caller = shop.join(f"Caller {nth}", email="")
        live(caller, store=None, phone=number)
        set_consent(member=caller, channel="sms", is_granted=True, wording="Yes", source="till", now=now)
        Candidate.objects.create(plan=plan, member=caller, rank=100 + nth, priority=1, group=step.group)
    day = now.date() + dt.timedelta(days=2)
    PlanStep.objects.filter(pk=step.pk).update(timing=Timing.LOCAL, channel="sms", day=day)
    assert recipients.materialise(plan, "sms", now=now) == 100
    for send in Send.objects.select_related("member"):
        zone = gate.zone_of(None, send.member.phone, "sms")
        assert send.due_at == dt.datetime.combine(day, step.send_at, zone), send.member.phone
    assert Send.objects.values("due_at").distinct().count() > 4


# --- The hour each member answers ----------------------------------------------------------------------------------


def test_the_best_hour_is_the_members_own_else_the_stores_else_the_steps_time(
    regulars: list[Member], timed: Callable[..., dict[Member, dt.datetime]], now: dt.datetime
) -> None:
    in_london, in_tokyo = regulars[:12], regulars[12]
    for member in in_london:
        home(member, LONDON)
    home(in_tokyo, TOKYO)
    answers_at(7, in_london[0], now=now)
    answers_at(18, *in_london[1:11], now=now)
    day = now.date() + dt.timedelta(days=3)
    due_at = timed(Timing.BEST, at=dt.time(10, 30), day=day, now=now)
    assert local(due_at[in_london[0]], LONDON) == dt.datetime.combine(day, dt.time(7))
    assert local(due_at[in_london[11]], LONDON) == dt.datetime.combine(day, dt.time(18))
    assert local(due_at[in_tokyo], TOKYO) == dt.datetime.combine(day, dt.time(10, 30))


def test_an_hour_outside_those_of_shop_and_state_is_drawn_into_them(
    regulars: list[Member], plan: Plan, now: dt.datetime
) -> None:
    sunday = dt.date(2026, 4, 5)
    told = {"source": "A law", "as_of": now.date(), "is_in_force": True}
    save_quiet_hours(hours=None, state="TX", channel="email", send_from=9, send_until=21, sunday_from=12, **told)
    rule(send_from=8, send_until=20)
    for member in regulars:
        home(member, NEW_YORK, state="TX")
    answers_at(6, *regulars[:10], now=now)
    answers_at(22, *regulars[10:], now=now)
    plan.steps.update(timing=Timing.BEST, day=sunday)
    recipients.materialise(plan, "email", now=now)
    early, late = (
        {local(at, NEW_YORK).time() for at in Send.objects.filter(member__in=some).values_list("due_at", flat=True)}
        for some in (regulars[:10], regulars[10:])
    )
    assert (early, late) == ({dt.time(12)}, {dt.time(19)})


def opened(send: Send, *hours_later: float, agent: str = FIREFOX) -> None:
    for hours in hours_later:
        note_open(send=send, method="GET", user_agent=agent, now=send.due_at + dt.timedelta(hours=hours))


def bought(member: Member, *at: dt.datetime) -> None:
    store = member.home_store or Store.objects.get_or_create(code="H", name="Harbor")[0]
    for moment in at:
        Order.objects.create(
            number=f"B{Order.objects.count()}", member=member, store=store, ordered_at=moment, total=Decimal(9)
        )


def days_before(now: dt.datetime, hour: int, *days: int, zone: ZoneInfo = NEW_YORK) -> list[dt.datetime]:
    return [
        dt.datetime.combine(now.date() - dt.timedelta(days=day), dt.time(hour, 20), zone).astimezone(dt.UTC)
        for day in days
    ]


def test_who_buys_in_the_evening_is_known_by_that_hour_on_their_own_clock(shop: Shop, now: dt.datetime) -> None:
    ada = shop.join("Ada")
    home(ada, TOKYO)
    ada.refresh_from_db()
    bought(ada, *days_before(now, 18, 3, 10, 17, zone=TOKYO))
    assert count_best_hours(now=now) == 1
    found = MemberHour.objects.get()
    assert (found.member, found.hour, found.seen, found.counted_at) == (ada, 18, 3, now)


def test_fewer_than_three_signs_tell_nothing_and_what_is_too_old_is_forgotten(shop: Shop, now: dt.datetime) -> None:
    ada, grace = shop.join("Ada"), shop.join("Grace")
    bought(ada, *days_before(now, 18, 3, 10))
    bought(grace, *days_before(now, 9, 170, 171, 172))
    assert count_best_hours(now=now) == 1
    assert MemberHour.objects.get().member == grace
    assert count_best_hours(now=now + dt.timedelta(days=30)) == 0
    assert not MemberHour.objects.exists()


def test_hours_beside_each_other_speak_for_the_one_between_around_midnight_too(shop: Shop, now: dt.datetime) -> None:
    ada = shop.join("Ada")
    bought(ada, *days_before(now, 23, 3), *days_before(now, 0, 5), *days_before(now, 1, 6), *days_before(now, 12, 8))
    count_best_hours(now=now)
    assert MemberHour.objects.get().hour == 0


def test_a_click_says_more_than_an_opening_and_a_machine_says_nothing(
    running: Campaign, now: dt.datetime, at_the_end: dt.datetime
) -> None:
    member = running.sends.values("member").annotate(n=Count("pk")).filter(n=2)[0]["member"]
    member = Member.objects.get(pk=member)
    live(member, store=None)
    sends = list(running.sends.filter(member=member))
    assert len(sends) == 2
    noon = dt.datetime.combine(now.date(), dt.time(12), NEW_YORK)
    running.sends.update(due_at=noon, sent_at=noon - dt.timedelta(hours=1), status=Send.Status.SENT)
    sends = list(running.sends.filter(member=member).select_related("member", "campaign"))
    Order.objects.update(voided_at=now)
    bought(member, *days_before(now, 15, 2))
    opened(sends[0], 3.2, 4)
    note_click(
        send=sends[1], url="https://shop.example", method="GET", user_agent=FIREFOX, now=noon + dt.timedelta(hours=8)
    )
    count_best_hours(now=at_the_end)
    best = MemberHour.objects.get(member=member)
    assert (best.hour, best.seen) == (15, 3)  # a purchase and an opening (3) tie with one click (3), and are earlier
    others = running.sends.exclude(member=member).select_related("member", "campaign")
    for send in others:
        opened(send, 2, agent="GoogleImageProxy")
    count_best_hours(now=at_the_end)
    assert not MemberHour.objects.exclude(member=member).exists()


def test_counting_again_follows_what_members_do_and_keeps_nothing_of_who_has_left(
    shop: Shop, now: dt.datetime, deliver_events: Callable[[], None]
) -> None:
    ada = shop.join("Ada")
    bought(ada, *days_before(now, 9, 20, 21, 22))
    count_best_hours(now=now)
    bought(ada, *days_before(now, 19, 1, 2, 3, 4))
    count_best_hours(now=now)
    assert MemberHour.objects.get().hour == 19
    forget(ada, now=now)
    deliver_events()
    assert not MemberHour.objects.exists()
    count_best_hours(now=now)
    assert not MemberHour.objects.exists()


# --- What is shown --------------------------------------------------------------------------------------------------


def test_the_step_page_shows_how_many_leave_at_each_hour_before_and_after_approval(
    regulars: list[Member], plan: Plan, manager: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    for member in regulars:
        home(member, LONDON)
    answers_at(18, *regulars[:6], now=now)
    plan.steps.update(timing=Timing.BEST, send_at=dt.time(11))
    step = first_of(plan)
    members = recipients.audience_of(step, now=now)
    before = due.departures_of(step, members, now=now - dt.timedelta(days=9))
    own = members.filter(pk__in=[member.pk for member in regulars[:6]]).count()
    assert (before.messages, before.by_own_habit, before.by_store_habit) == (members.count(), own, 0)
    assert (before.by_hour[18], before.by_hour[11]) == (own, members.count() - own)
    page = client_of(manager).get(reverse("campaigns:step-hours", args=[step.public_id]))
    assert page.status_code == 200
    assert "When it leaves" in page.text
    approve_plan(plan=plan, by=manager, now=now)
    sends = Send.objects.filter(action__step=step)
    sends.update(due_at=dt.datetime.combine(step.day, dt.time(13), LONDON))
    after = due.departures_of(step, recipients.audience_of(step, now=now), now=now)
    assert (after.by_hour[13], after.messages) == (sends.count(), sends.count())


def test_what_leaves_first_is_told_by_the_hours_of_each_state(
    running: Campaign, regulars: list[Member], now: dt.datetime
) -> None:
    rule(send_from=8, send_until=20, messages_per_day=50)
    told = {"source": "A law", "as_of": now.date(), "is_in_force": True}
    save_quiet_hours(hours=None, state="TX", channel="email", send_from=10, send_until=20, sunday_from=None, **told)
    for member in regulars:
        home(member, NEW_YORK, state="TX")
    night = dt.datetime(2026, 3, 31, 2, tzinfo=NEW_YORK).astimezone(dt.UTC)
    running.sends.update(due_at=night)
    departure = next_departure(running.sends.all(), now=night)
    assert departure
    assert (local(departure.at, NEW_YORK).hour, departure.is_held) == (10, True)
    home(regulars[0], NEW_YORK)
    departure = next_departure(running.sends.all(), now=night)
    assert departure
    assert local(departure.at, NEW_YORK).hour == 8
    assert departure.messages == running.sends.filter(member=regulars[0]).count()


def test_what_leaves_first_is_told_by_the_zone_of_the_number_and_in_one_question(
    running: Campaign, regulars: list[Member], now: dt.datetime, django_assert_num_queries: Any
) -> None:
    rule(send_from=8, send_until=20, messages_per_day=50)
    live(regulars[0], store=None, phone="+12135550100")  # Los Angeles
    live(regulars[1], store=None, phone="+12125550100")  # New York
    texts = running.sends.filter(member__in=regulars[:2])
    midnight = dt.datetime(2026, 3, 31, 0, tzinfo=NEW_YORK).astimezone(dt.UTC)
    texts.update(channel="sms", due_at=midnight, status=Send.Status.PENDING)
    departure = next_departure(texts.filter(member=regulars[0]), now=midnight)
    assert departure
    assert departure.at == dt.datetime(2026, 3, 31, 8, tzinfo=ZoneInfo("America/Los_Angeles"))
    with django_assert_num_queries(3):  # the policy, the hours of states, and one for all sends
        departure = next_departure(running.sends.filter(pk__in=texts.values("pk")), now=midnight)
    assert departure
    assert departure.at == dt.datetime(2026, 3, 31, 8, tzinfo=NEW_YORK)


# --- What is proposed -----------------------------------------------------------------------------------------------


def test_a_week_goes_by_members_hours_where_enough_of_a_group_have_one(
    regulars: list[Member], campaign: Campaign, make_plan: Callable[[Campaign], Plan], now: dt.datetime
) -> None:
    group = Member.objects.get(pk=regulars[0].pk).score.group
    answers_at(18, *Member.objects.filter(score__group=group), now=now)
    timings = {(step.group, step.timing) for step in make_plan(campaign).steps.all()}
    assert (group, Timing.BEST) in timings
    assert {timing for other, timing in timings if other != group} == {Timing.LOCAL}


def test_language_models_are_asked_for_a_timing_and_may_leave_it_open() -> None:
    shape = proposals.StepProposal.model_json_schema()
    assert "timing" in shape["required"]
    assert set(shape["required"]) == set(shape["properties"])
    assert "default" not in shape["properties"]["timing"]


def test_a_timing_nobody_knows_is_refused(plan: Plan, now: dt.datetime) -> None:
    step = first_of(plan)
    limits = planning.limits(plan, ("email",), now)
    proposal = proposals.StepProposal(
        day=step.day.isoformat(), send_at="10:00", timing="SOMETIME", group=step.group, playbook=step.playbook_id,
        offer=None, channel="email", subject="Hello", body="Hello", reason="Why not",
    )  # fmt: skip
    assert proposals.faults_in_step(proposal, limits) == ["SOMETIME is no timing: BUSINESS, LOCAL, BEST, or null."]
    assert proposals.faults_in_step(proposal.model_copy(update={"timing": "BEST"}), limits) == []
    assert proposals.faults_in_step(proposal.model_copy(update={"timing": None}), limits) == []
