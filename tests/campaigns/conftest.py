"""A shop whose members bought, a campaign for them, and a mail server."""

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from campaigns.actions import planning, review
from campaigns.actions.campaigns import create_campaign, start_campaign
from campaigns.models import Campaign, Plan, Send
from loyalty.actions.segments import create_segment
from loyalty.models import Member, Segment, User
from tests.campaigns.scripted import Scripted
from tests.campaigns.world import Outlet, Shop, rule, send_all
from tests.kept import kept
from tests.post_office import PostOffice, open_post_office


@pytest.fixture
def shop(db: None, now: dt.datetime, tmp_path: Path, follow_events: Callable[[], None]) -> Shop:
    return Shop(now, tmp_path, follow_events)


@pytest.fixture
def regulars(shop: Shop) -> list[Member]:
    """Twenty members who may all be written to, from last week's best customer to one nearly forgotten."""
    members, shop.orders = kept(("regulars", shop.now), lambda: _twenty(shop))
    return list(Member.objects.filter(pk__in=members).order_by("pk"))


def _twenty(shop: Shop) -> tuple[list[int], int]:
    members = [shop.join(f"Member {chr(65 + place)}") for place in range(20)]
    purchases = [
        (member, 4 * place + 15 * nth + 1, f"{200 - 9 * place}.00")
        for place, member in enumerate(members)
        for nth in range(1 + (place * 7) % 5)
    ]
    shop.sell(*purchases)
    shop.score()
    return [member.pk for member in members], shop.orders


@pytest.fixture
def everybody(db: None, now: dt.datetime) -> Segment:
    return create_segment(name="Everybody", description="", rule={"all": []}, by=None, now=now)


@pytest.fixture
def make_campaign(everybody: Segment, marketer: User, now: dt.datetime) -> Callable[..., Campaign]:
    def make(**wishes: Any) -> Campaign:
        wanted = {
            "name": "Spring",
            "goal": "Win back lapsed customers",
            "starts_on": now.date(),
            "ends_on": now.date() + dt.timedelta(days=13),
            "segments": [everybody],
            "budget": Decimal(200),
            "audience_limit": 300,
            "owner": marketer,
            "now": now,
        }
        return create_campaign(**(wanted | wishes))

    return make


@pytest.fixture
def campaign(make_campaign: Callable[..., Campaign]) -> Campaign:
    return make_campaign()


@pytest.fixture
def make_plan(marketer: User, now: dt.datetime) -> Callable[[Campaign], Plan]:
    """Asked for, and worked out by a worker."""

    def make(campaign: Campaign, now: dt.datetime = now) -> Plan:
        plan = planning.request_plan(campaign=campaign, by=marketer, now=now)
        assert planning.make_plan(plan.pk, now=now)
        plan.refresh_from_db()
        return plan

    return make


@pytest.fixture
def plan(regulars: list[Member], campaign: Campaign, make_plan: Callable[[Campaign], Plan]) -> Plan:
    plan = make_plan(campaign)
    assert plan.status == Plan.Status.READY, plan.error
    return plan


@pytest.fixture
def always_open(db: None) -> None:
    """A shop that writes at any hour and as often as it likes: these tests are not about the clock."""
    rule(send_from=0, send_until=24, messages_per_day=50)


@pytest.fixture
def running(plan: Plan, always_open: None, manager: User, now: dt.datetime) -> Campaign:
    """A started campaign with the plan's sends, the first of them due."""
    review.approve_plan(plan=plan, by=manager, now=now)
    start_campaign(campaign=plan.campaign, by=manager, now=now)
    return Campaign.objects.get(pk=plan.campaign_id)


@pytest.fixture
def at_the_end(now: dt.datetime) -> dt.datetime:
    """When everything the plan holds is due."""
    return now + dt.timedelta(days=8)


@pytest.fixture
def post_office(settings: Any) -> Iterator[PostOffice]:
    with open_post_office(settings) as office:
        yield office


@pytest.fixture
def outlet(settings: Any) -> type[Outlet]:
    settings.CHANNELS = {"email": "tests.campaigns.world.Outlet"}
    return Outlet


@pytest.fixture
def one_send(running: Campaign) -> Send:
    send = running.sends.select_related("member__points_account", "campaign").order_by("due_at", "pk").first()
    assert send
    return send


@pytest.fixture
def sent(running: Campaign, one_send: Send, post_office: PostOffice) -> Send:
    """One message that has left, at the hour it was due."""
    send_all(one_send.due_at)
    one_send.refresh_from_db()
    assert one_send.status == Send.Status.SENT
    return one_send


@pytest.fixture
def scripted(settings: Any) -> type[Scripted]:
    settings.LANGUAGE_MODEL = "tests.campaigns.scripted.Scripted"
    Scripted.answers.clear()
    Scripted.asked.clear()
    return Scripted
