"""A page costs the same for one row and for fifteen."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.actions import campaigns, playbooks
from campaigns.models import Campaign, Playbook, Send
from config.roles import VIEWER
from integrations.actions import take_mail
from loyalty.actions import members, people, points, segments, wishlist
from loyalty.models import ForecastRun, ProductCode, Scan, User
from loyalty.rules.reward_policies import STATES
from tests.tracking.received import a_system, receive, said
from tests.world import Permits, World
from tracking.actions import partners, structures
from tracking.models import CountedProperty

PAGES = (
    "analytics:home analytics:analytics analytics:marketing analytics:orders "
    "loyalty:segments loyalty:people loyalty:audit loyalty:loyalty "
    "loyalty:rewards loyalty:redemptions loyalty:codes loyalty:scans loyalty:referrals loyalty:wishlist "
    "loyalty:reward-policies loyalty:imports loyalty:forecasts loyalty:group-moves "
    "campaigns:campaigns campaigns:playbooks campaigns:policy "
    "campaigns:arms campaigns:attribution "
    "campaigns:pictures campaigns:media-choose campaigns:look campaigns:voice "
    "campaigns:permit-rules campaigns:permit-caps campaigns:permit-speed campaigns:left-alone tracking:events "
    "tracking:health tracking:partners tracking:tracked tracking:quality tracking:people tracking:funnel "
    "tracking:retention tracking:sessions tracking:live tracking:replays tracking:values integrations:mailbox "
    "integrations:reports"
).split()


@pytest.fixture
def urls(world: World) -> list[str]:
    of_campaign = [
        reverse(f"campaigns:{name}", args=[world.running.public_id])
        for name in ("campaign", "earned", "sends", "orders")
    ]
    of_ada = [
        reverse("campaigns:sends-of", args=[world.ada.public_id]),
        reverse("tracking:events-of", args=[world.ada.public_id]),
        *(
            reverse(f"loyalty:member-{name}", args=[world.ada.public_id])
            for name in ("redemptions", "scans", "referrals", "wishlist", "forecast")
        ),
        reverse("loyalty:code-batch", args=[world.counter.batch.public_id]),
    ]
    of_tracking = [
        reverse("tracking:partner", args=[world.tracked.system.partner.public_id]),
        reverse("tracking:system", args=[world.tracked.system.public_id]),
        reverse("tracking:structure", args=[world.tracked.draft.public_id]),
        reverse("tracking:structure-trial", args=[world.tracked.draft.public_id]),
        reverse("loyalty:partner-people", args=[world.tracked.system.partner.public_id]),
        *(reverse(f"tracking-api:{name}") for name in ("partners", "systems", "keys", "structures")),
    ]
    of_plan = [reverse("campaigns:campaign", args=[world.draft.public_id])]
    return [*(reverse(name) for name in PAGES), *of_campaign, *of_ada, *of_plan, *of_tracking]


def costs(client: Client, urls: list[str]) -> dict[str, int]:
    """Queries a page, once everything that is cached is."""
    counts = {}
    for url in urls:
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200, url
        counts[url] = len(queries)
    return counts


def test_pages_cost_the_same_for_one_row_and_for_fifteen(
    world: World, urls: list[str], admin: User, client_of: Callable[[User], Client]
):
    client = client_of(admin)
    once = costs(client, urls)
    for number in range(14):
        _one_more_of_each(number, world, admin)
    assert costs(client, urls) == once
    assert max(once.values()) < 40


def test_the_lists_of_the_admin_do_too(world: World, admin: User, client_of: Callable[[User], Client]):
    models = (
        "loyalty_member loyalty_user loyalty_invitation loyalty_consent loyalty_pointsentry loyalty_segment "
        "loyalty_reward loyalty_redemption loyalty_rewardpolicy loyalty_codebatch loyalty_productcode loyalty_scan "
        "loyalty_referral loyalty_wishlistitem loyalty_forecast loyalty_forecastversion loyalty_forecastrun "
        "campaigns_campaign campaigns_send campaigns_playbook campaigns_planstep campaigns_messagepolicy "
        "campaigns_quiethours campaigns_frequencycap campaigns_sendingrate campaigns_suppression campaigns_sendmove "
        "campaigns_brandkit campaigns_mediafile "
        "tracking_event tracking_dispatch "
        "tracking_partner tracking_partnersystem tracking_systemkey tracking_partneraccess tracking_eventstructure "
        "tracking_receivedevent tracking_trackedevent tracking_countedproperty "
        "integrations_mailboxmessage auditlog_logentry"
    ).split()
    client, urls = client_of(admin), [reverse(f"admin:{name}_changelist") for name in models]
    once = costs(client, urls)
    for number in range(14):
        _one_more_of_each(number, world, admin)
    assert costs(client, urls) == once


def _one_more_of_each(number: int, world: World, by: User) -> None:
    now = timezone.now() + dt.timedelta(seconds=number)
    colleague = User.objects.create_user(f"colleague{number}@shop.example", name=f"Colleague {number}")
    people.change_role(user=colleague, role=VIEWER)
    people.invite(email=f"guest{number}@shop.example", role=VIEWER, by=colleague, now=now)
    segments.create_segment(name=f"Segment {number}", description="", rule={"all": []}, by=colleague, now=now)
    points.correct(member=world.ada, points=1, note="More", reference=f"more {number}", now=now)
    raw = f"Message-ID: <{number}@shop.example>\r\nSubject: Hello {number}\r\n\r\nText".encode()
    take_mail(sender="shop@example.com", recipients=["ada@example.com"], raw=raw, now=now)
    _campaign(number, world, colleague, now)
    _playbook(number, world.step.playbook)
    _at_the_counter(number, world, now)
    _permits(number, world.permits)
    _copied(world.forecast, is_in_use=False, pinned_at=None)
    _copied(ForecastRun.objects.latest("pk"), public_id=None)
    _copied(world.picture, public_id=None, digest=f"{number}")
    _partner(number, world, by, now)
    send = Send.objects.filter(campaign=world.running).latest("pk")
    step = _copied(send.action.step, public_id=None, position=100 + number)
    action = _copied(send.action, step=step)
    _copied(send, public_id=None, action=action, provider_id=f"<{number}@copy>")


def _campaign(number: int, world: World, owner: User, now: dt.datetime) -> Campaign:
    first = now.date()
    return campaigns.create_campaign(
        name=f"Campaign {number}", goal="More", starts_on=first, ends_on=first, segments=[world.segment], budget=None,
        audience_limit=10, owner=owner, now=now,
    )  # fmt: skip


def _at_the_counter(number: int, world: World, now: dt.datetime) -> None:
    """Another reward, redemption, batch with a scan, friend, wish and policy."""
    counter, ada = world.counter, world.ada
    product = _copied(counter.product, sku=f"P{number}", name=f"Product {number}")
    reward = _copied(counter.reward, public_id=None, name=f"Reward {number}")
    _copied(counter.held, public_id=None, code=f"CODE{number}", reward=reward)
    batch = _copied(counter.batch, public_id=None, name=f"Batch {number}", product=product)
    code = ProductCode.objects.create(batch=batch)
    _copied(Scan.objects.filter(member=ada).latest("pk"), public_id=None, client_id=uuid.uuid4(), code=code)
    of_batch = counter.batch.codes.order_by("pk")[1]
    _copied(Scan.objects.filter(member=ada).latest("pk"), public_id=None, client_id=uuid.uuid4(), code=of_batch)
    friend = members.join(name=f"Friend {number}", email=f"friend{number}@example.com", source="app", now=now)
    _copied(counter.referral, friend=friend)
    wishlist.add(member=ada, product=product, now=now)
    _copied(counter.policy, state=STATES[number])


def _permits(number: int, permits: Permits) -> None:
    _copied(permits.policy, provider=f"carrier{number}")
    _copied(permits.hours, state=STATES[number])
    _copied(permits.cap, channel=f"channel{number}")
    _copied(permits.rate, provider=f"carrier{number}")
    _copied(permits.suppression, address=f"nobody{number}@example.com")


def _partner(number: int, world: World, by: User, now: dt.datetime) -> None:
    """Another partner; and of the one in the world another system, key, guest, structure, version and event name."""
    partner, system = world.tracked.system.partner, world.tracked.system
    a_system(f"Partner {number}", "Website")
    fresh = partners.add_system(partner=partner, name=f"System {number}", kind="BACKEND")
    partners.add_write_key(system=fresh, by=by)
    partners.add_write_key(system=system, by=by)
    guest = User.objects.create_user(f"guest{number}@acme.example", name=f"Guest {number}")
    partners.give_access(user=guest, partner=partner)
    structures.draft(system=system, event_name=f"Planned {number}", schema={"type": "object"}, by=by)
    structures.publish(
        structures.draft(system=system, event_name="Sold", schema={"minProperties": number}, by=by), now=now
    )
    structures.draft(system=system, event_name="Sold", schema={"required": ["total"]}, by=by)
    receive(system, said(f"Unplanned {number}"), said("Sold", properties={"total": number}), at=now)
    CountedProperty.objects.create(
        system=system, event_name="Sold", path=f"property{number}", zone="UTC", declared_by=by, declared_at=now
    )


def _playbook(number: int, like: Playbook) -> None:
    playbooks.save_playbook(
        playbook=None, name=f"Playbook {number}", group=like.group, aim=like.aim, tone=like.tone,
        channels=like.channels, offers=list(like.offers.all()), template=None, subject=like.subject, body=like.body,
        is_active=True,
    )  # fmt: skip


def _copied(row: Any, **changes: Any) -> Any:
    """One more like it, for rows that only a whole campaign would write."""
    copy = type(row).objects.get(pk=row.pk)
    copy.pk = None
    for name, value in changes.items():
        setattr(copy, name, value if name != "public_id" else type(row)._meta.get_field(name).get_default())
    copy.save(force_insert=True)
    return copy
