"""Senders that are killed in the middle of their work. What left is counted at the provider, never in our tables."""

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sized
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import tasks
from campaigns.actions.campaigns import pause_campaign, resume_campaign
from campaigns.models import Campaign, Send, SendMove
from campaigns.queries.history import tally
from campaigns.sending import dispatch
from loyalty.actions import profiles
from loyalty.actions.members import set_consent
from loyalty.models import Member, User
from tests.campaigns.crowd import campaign_for
from tests.campaigns.machinery import Machinery, leases_lapse, machinery
from tests.campaigns.world import states
from tests.copies import wait_for
from tests.mail_providers import open_house
from tests.post_office import PostOffice
from tests.providers import SmsServer, open_twilio, opened

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600), pytest.mark.django_db(transaction=True)]
RECIPIENTS, KILLS, PAUSES = 10_000, 20, 50
UNDER_WAY = timedelta(seconds=0.25)  # As long as the statement may take that a pause comes too late for.
QUIET = 5  # Seconds for which a provider asks to be left alone.
Status = Send.Status


@pytest.fixture
def chance() -> random.Random:
    """FAULT_SEED plays a failure again; pytest shows the seed of what failed."""
    seed = int(os.environ.get("FAULT_SEED", time.time()))
    print(f"FAULT_SEED={seed}")  # noqa: T201
    return random.Random(seed)


@pytest.fixture
def crowd(marketer: User, manager: User) -> Campaign:
    return campaign_for(RECIPIENTS, owner=marketer, approver=manager)


@pytest.fixture
def sms_server() -> Iterator[SmsServer]:
    with opened(SmsServer()) as server:
        yield server


@pytest.fixture
def by_sms(sms_server: SmsServer, tmp_path: Path) -> Iterator[Machinery]:
    address = sms_server.address.replace("://", "://shop:se%2Fcret@")
    with machinery(tmp_path, SMS_URL=address) as running:
        yield running


@pytest.fixture
def by_smtp(post_office: PostOffice, tmp_path: Path) -> Iterator[Machinery]:
    address = f"smtp://127.0.0.1:{post_office.port}"
    with machinery(tmp_path, EMAIL_URL=address) as running:
        yield running


def kill_in_pairs(sender: Machinery, taken: Sized, chance: random.Random) -> None:
    """Each sender after some more messages have left, in the middle of the next. Two at once, for the time's sake."""
    for _ in range(KILLS // 2):
        for worker in [sender.start("worker", WORKERS="1") for _ in range(2)]:
            wait_for_more(taken, chance.randint(1, RECIPIENTS // (2 * KILLS)), chance)
            assert worker.poll() is None
            sender.kill(worker)
        leases_lapse()


def wait_for_more(taken: Sized, more: int, chance: random.Random) -> None:
    enough, deadline = len(taken) + more, time.monotonic() + 60
    while len(taken) < enough:
        assert time.monotonic() < deadline, f"only {len(taken)} of {enough} messages have left"
        time.sleep(chance.random() / 100)


def wait_for_the_end(campaign: Campaign) -> None:
    """Nothing is open any more, and the page's numbers add up."""
    wait_for(lambda: not campaign.sends.filter(status__in=Send.OPEN).exists(), seconds=240)
    counted = tally(campaign)
    assert sum(many for _, _, many in counted.ends) == counted.planned == campaign.sends.count()


def ids_of(campaign: Campaign, *statuses: str) -> set[str]:
    return {f"<{send.message_id}>" for send in campaign.sends.filter(status__in=statuses)}


def assert_each_left_once_or_is_in_doubt(campaign: Campaign, post_office: PostOffice, *, kills: int) -> None:
    """A killed worker leaves a group of each sender in doubt, whatever of it had left: that is all that may be."""
    left, doubts = post_office.taken_ids, ids_of(campaign, Status.UNKNOWN)
    print(f"{len(doubts)} in doubt after {kills} kills, {len(doubts & set(left))} of them had left")  # noqa: T201
    assert [each for each, copies in Counter(left).items() if copies > 1] == []
    assert ids_of(campaign, Status.SENT) | doubts == ids_of(campaign, *Status)
    assert ids_of(campaign, Status.SENT) <= set(left)
    assert len(doubts) <= kills * tasks.SENDERS * dispatch.LARGEST_GROUP


def names_on_the_page(client: Client, campaign: Campaign, kind: str) -> set[str]:
    """Of every page of the list."""
    address, names, page = reverse("campaigns:sends", args=[campaign.public_id]), set[str](), 1
    while found := set(re.findall(r"Member \d+", client.get(address, {"kind": kind, "page": page}).content.decode())):
        if found <= names:
            break
        names, page = names | found, page + 1
    return names


def test_twenty_killed_senders_cost_nothing_where_the_provider_remembers_ids(
    marketer: User, manager: User, settings: Any, by_sms: Machinery, sms_server: SmsServer, chance: random.Random
) -> None:
    settings.CHANNELS = {"sms": "integrations.channels.http_sms.HttpSmsChannel"}
    campaign = campaign_for(RECIPIENTS, channel="sms", owner=marketer, approver=manager)
    by_sms.start("beat")
    kill_in_pairs(by_sms, sms_server.taken, chance)
    by_sms.start("worker")
    wait_for_the_end(campaign)
    assert states(campaign) == {Status.SENT: RECIPIENTS}
    assert set(sms_server.taken) == {send.message_id for send in campaign.sends.all()}
    whole = (call for call in sms_server.calls if call.body)  # a kill may come between a call's head and its body
    asked = {(call.headers["Idempotency-Key"], call.body) for call in whole}
    print(f"{len(sms_server.calls)} calls for {RECIPIENTS} messages")  # noqa: T201
    assert len(asked) == RECIPIENTS, "what was handed over again was the same to the letter"


def test_twenty_killed_senders_repeat_nothing_by_smtp_and_leave_every_doubt_on_the_page(
    crowd: Campaign,
    by_smtp: Machinery,
    post_office: PostOffice,
    chance: random.Random,
    client_of: Callable[[User], Client],
    manager: User,
) -> None:
    by_smtp.start("beat")
    kill_in_pairs(by_smtp, post_office.taken, chance)
    by_smtp.start("worker")
    wait_for_the_end(crowd)
    assert_each_left_once_or_is_in_doubt(crowd, post_office, kills=KILLS)
    doubted = set(crowd.sends.filter(status=Status.UNKNOWN).values_list("member__name", flat=True))
    assert names_on_the_page(client_of(manager), crowd, "unknown") == doubted


def test_an_emptied_redis_two_beats_and_four_senders_neither_repeat_nor_stop_a_campaign(
    crowd: Campaign, by_smtp: Machinery, post_office: PostOffice, chance: random.Random
) -> None:
    for _ in range(2):
        by_smtp.start("beat")
    for turn in range(3):
        workers = [by_smtp.start("worker", WORKERS="1") for _ in range(4)]
        wait_for_more(post_office.taken, chance.randint(1, RECIPIENTS // 5), chance)
        by_smtp.flush_redis()
        if turn < 2:
            wait_for_more(post_office.taken, chance.randint(1, 200), chance)
            for worker in workers:
                by_smtp.kill(worker)
            leases_lapse()
    wait_for_the_end(crowd)
    assert_each_left_once_or_is_in_doubt(crowd, post_office, kills=8)


def test_mailgun_in_bad_weather_gets_nothing_twice_and_the_quiet_it_asks_for(
    marketer: User, manager: User, settings: Any, tmp_path: Path, chance: random.Random
) -> None:
    weather = random.Random(chance.random())
    campaign = campaign_for(1_000, owner=marketer, approver=manager)
    with open_house("mailgun", settings) as house:
        house.refuses, house.breaks_at = {"member.7@example.com"}, lambda call: weather.random() < 0.3
        house.hangs_up_after = {f"member.{number}@example.com" for number in range(100, 120)}
        house.falls_silent_after = {"member.200@example.com"}
        with machinery(tmp_path, EMAIL_URL=house.contract.url % house.port) as running:
            for program in ("beat", "worker", "worker"):
                running.start(program)
            wait_for_more(house.taken, 100, chance)
            house.answers_first.append((429, {"Retry-After": str(QUIET)}, {"message": "Too many requests"}))
            wait_for(lambda: not house.answers_first)
            asked_at = time.monotonic()
            wait_for_the_end(campaign)
    assert_it_was_quiet(house.heard_at, asked_at)
    assert set(house.copies().values()) == {1}
    became = states(campaign)
    assert campaign.sends.get(status=Status.FAILED).recipient == "member.7@example.com"
    assert became[Status.SENT] + became[Status.UNKNOWN] == 999
    assert became[Status.SENT] <= len(house.taken)
    print(became, len(house.taken))  # noqa: T201


def test_twilio_in_bad_weather_gets_nothing_twice_and_the_quiet_it_asks_for(
    marketer: User, manager: User, settings: Any, tmp_path: Path, chance: random.Random
) -> None:
    with open_twilio(settings) as twilio:
        campaign = campaign_for(1_000, channel="sms", owner=marketer, approver=manager)
        busy, refused = "+12122000500", "+12122000007"
        twilio.chance, twilio.fails = random.Random(chance.random()), 0.3
        twilio.answers = {
            refused: twilio.error(400, 21211, "Invalid 'To' Phone Number"),
            busy: twilio.error(429, 20429, "Too Many Requests", Retry_After=str(QUIET)),
        }
        twilio.hangs_up_after = {f"+121220001{number}" for number in range(10, 30)}
        twilio.silent_after = {"+12122000200"}
        with machinery(tmp_path, SMS_URL=settings.SMS_URL, TWILIO_API_URL=twilio.address) as running:
            for program in ("beat", "worker", "worker"):
                running.start(program)
            wait_for(lambda: any(twilio.named(call) == busy for call in twilio.calls))
            asked_at = time.monotonic()
            twilio.answers.pop(busy)
            wait_for_the_end(campaign)
    assert_it_was_quiet(twilio.heard_at, asked_at)
    assert set(Counter(twilio.recipients).values()) == {1}
    became = states(campaign)
    assert campaign.sends.get(status=Status.FAILED).recipient == refused
    assert became[Status.SENT] + became[Status.UNKNOWN] == 999
    assert became[Status.SENT] <= len(twilio.taken)
    print(became, len(twilio.taken))  # noqa: T201


def assert_it_was_quiet(heard_at: list[float], asked_at: float) -> None:
    """From when every worker has ended the group it was in, until the provider may be spoken to again."""
    disturbed = [at - asked_at for at in heard_at if asked_at + 1 < at < asked_at + QUIET - 0.5]
    assert disturbed == []


def test_pauses_and_those_who_leave_are_heard_at_once_and_nobody_gets_anything_twice(
    marketer: User,
    manager: User,
    by_smtp: Machinery,
    post_office: PostOffice,
    chance: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = campaign_for(RECIPIENTS // 2, owner=marketer, approver=manager)
    monkeypatch.setattr("config.shared.nudge.current_app.send_task", by_smtp.nudge, raising=False)
    by_smtp.start("beat")
    by_smtp.start("worker")
    pauses, gone = list[tuple[datetime, datetime]](), dict[int, datetime]()
    for _ in range(PAUSES):
        wait_for_more(post_office.taken, chance.randint(1, 40), chance)
        for send in campaign.sends.filter(status=Status.PENDING).exclude(member__in=gone).order_by("?")[:4]:
            leave(send.member, chance)
            gone[send.member_id] = timezone.now()
        pause_campaign(campaign=campaign, by=manager, now=timezone.now())
        paused_at = timezone.now()
        time.sleep(chance.uniform(1, 2) * UNDER_WAY.total_seconds())
        pauses.append((paused_at, timezone.now()))
        resume_campaign(campaign=campaign, by=manager, now=timezone.now())
    wait_for_the_end(campaign)

    left = post_office.taken_ids
    print(f"{len(left)} left, {len(gone)} members went: {states(campaign)}")  # noqa: T201
    assert set(Counter(left).values()) == {1}
    assert set(left) == ids_of(campaign, Status.SENT)
    begun = SendMove.objects.filter(send__campaign=campaign, status=Status.HANDING_OFF)
    for paused_at, resumed_at in pauses:
        assert not begun.filter(at__gt=paused_at + UNDER_WAY, at__lt=resumed_at).exists()
    of_the_gone = begun.filter(send__member__in=gone).values_list("send__member", "at")
    assert [member for member, at in of_the_gone if at > gone[member]] == []


def leave(member: Member, chance: random.Random) -> None:
    """The marketing, or the shop for good."""
    now = timezone.now()
    if chance.random() < 0.5:
        set_consent(member=member, channel="email", is_granted=False, wording="No.", source="till", now=now)
    else:
        profiles.forget(member, now=now)
