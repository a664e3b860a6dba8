"""What somebody sees of events: the list, one, faults, a person, a funnel, heat, visits, a replay and the live tail."""

import datetime as dt
import random
from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from loyalty.models import User
from tests.tracking.received import a_system, receive, said
from tests.tracking.test_read_model import follow, signed_in
from tracking.actions import counted, funnels, identity, replays, structures
from tracking.models import PartnerSystem, TrackedEvent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STEPS = [{"names": [name]} for name in ("Product Viewed", "Product Added", "Order Completed")]


@pytest.fixture
def website() -> PartnerSystem:
    """Six weeks of a shop's website: most visitors look, some put something in, a few order, some events are wrong."""
    website, now, chance = a_system("Harbor Wine", "Website"), timezone.now(), random.Random(4)
    wrong = structures.draft(
        system=website,
        event_name="Order Completed",
        schema={"type": "object", "properties": {"total": {"type": "integer"}}},
        by=None,
    )
    structures.publish(wrong, now=now)
    events = []
    for number in range(90):
        begins = now - dt.timedelta(days=chance.randrange(42), minutes=chance.randrange(600))
        for visit in range(chance.choice([1, 1, 2, 4])):
            at = min(begins + dt.timedelta(days=7 * visit), now - dt.timedelta(minutes=90))
            names = [step["names"][0] for step in STEPS][: chance.choice([1, 1, 2, 3])]
            for place, name in enumerate(names):
                total = chance.choice([20, 35, 19.5])
                events.append(
                    said(
                        name, f"user-{number}", anonymous_id=f"browser-{number}",
                        timestamp=(at + dt.timedelta(minutes=place * 4)).isoformat(),
                        properties={"plan": chance.choice(["gold", "silver"]), "total": total},
                        context={"library": {"name": "analytics.js", "version": "2.1"}},
                    )
                )  # fmt: skip
    receive(website, *events, signed_in("user-1", "browser-1"), signed_in("ada@example.com", "tablet"), at=now)
    wrongs = [event for event in events if event.name == "Order Completed"][:20]
    receive(website, *(event._replace(message_id="") for event in wrongs), at=now, structures=[wrong])
    follow(now)
    return website


def test_every_page_about_events_can_be_read_by_everybody(
    website: PartnerSystem,
    admin: User,
    browser_page: Page,
    sign_in: Callable[..., None],
    asgi_server: str,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
):
    now = timezone.now()
    identity.merge(partner=website.partner, user_id="ada@example.com", into="user-1", by=admin, now=now)
    saved = funnels.save(name="Checkout", definition={"steps": STEPS, "days": 90}, by=admin, now=now)
    structures.retire(website.structures.get(), now=now)
    replay = replays.start(system=website, by=admin, now=now)
    invalid = TrackedEvent.objects.filter(is_valid=False).first()
    assert invalid
    declared = counted.declare(system=website, event_name="Product Viewed", path="plan", by=admin, now=now)
    counted.declare(system=website, event_name="Order Completed", path="plan", by=admin, now=now)
    assert counted.fill(declared.pk, clock=timezone.now)
    preview = reverse("tracking:replay-new") + f"?system={website.public_id}"
    sign_in(browser_page, admin, at=asgi_server)
    pages = {
        "events": reverse("tracking:tracked"),
        "event": reverse("tracking:tracked-event", args=[invalid.pk]),
        "validity": reverse("tracking:quality"),
        "people": reverse("tracking:people"),
        "person": reverse("tracking:people") + "?q=user-1",
        "merge": reverse("tracking:merge") + f"?partner={website.partner.public_id}&user_id=user-2&into=user-3",
        "funnels": reverse("tracking:funnel"),
        "funnel": reverse("tracking:funnel") + f"?funnel={saved.public_id}",
        "retention": reverse("tracking:retention"),
        "sessions": reverse("tracking:sessions") + "?first=2020-01-01",
        "values": reverse("tracking:values") + "?name=Order Completed&path=total",
        "values-unasked": reverse("tracking:values"),
        "replay-preview": preview,
        "replays": reverse("tracking:replays"),
    }
    for name, url in pages.items():
        browser_page.goto(asgi_server + url)
        shot(browser_page, f"tracking-{name}")
        assert_accessible(browser_page)
    browser_page.goto(asgi_server + pages["funnel"])
    browser_page.get_by_role("link", name="People", exact=True).nth(1).click()
    shot(browser_page, "tracking-funnel-people")
    assert_accessible(browser_page)
    replays.run(replay.pk, clock=timezone.now)


def test_the_tail_shows_what_arrives_holds_still_when_asked_and_catches_up(
    website: PartnerSystem,
    admin: User,
    browser_page: Page,
    sign_in: Callable[..., None],
    asgi_server: str,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
):
    sign_in(browser_page, admin, at=asgi_server)
    browser_page.goto(f"{asgi_server}{reverse('tracking:live')}?system={website.public_id}")
    rows = browser_page.locator("[data-rows] tr:not([hidden])")
    expect(rows).to_have_count(50)
    expect(browser_page.locator(".live-on")).to_be_visible()
    browser_page.wait_for_timeout(500)

    def arrive(name: str) -> None:
        receive(website, said(name, "eve"), at=timezone.now())
        follow(timezone.now())

    arrive("First to arrive")
    expect(rows.first).to_contain_text("First to arrive")
    expect(rows).to_have_count(50)
    browser_page.get_by_role("button", name="Pause").click()
    arrive("While it was still")
    browser_page.wait_for_timeout(800)
    expect(rows.first).to_contain_text("First to arrive")
    browser_page.get_by_role("button", name="Resume").click()
    expect(rows.first).to_contain_text("While it was still")
    shot(browser_page, "tracking-live")
    assert_accessible(browser_page)


def test_a_replay_is_followed_live_until_it_is_done(
    website: PartnerSystem,
    admin: User,
    browser_page: Page,
    sign_in: Callable[..., None],
    asgi_server: str,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
):
    structures.retire(website.structures.get(), now=timezone.now())
    replay = replays.start(system=website, by=admin, now=timezone.now())
    sign_in(browser_page, admin, at=asgi_server)
    browser_page.goto(asgi_server + reverse("tracking:replay", args=[replay.public_id]))
    expect(browser_page.get_by_text("Waiting for a worker").first).to_be_visible()
    browser_page.wait_for_timeout(500)
    replays.run(replay.pk, clock=timezone.now)
    expect(browser_page.locator("#standing .status")).to_have_text("Done")
    shot(browser_page, "tracking-replay")
    assert_accessible(browser_page)
