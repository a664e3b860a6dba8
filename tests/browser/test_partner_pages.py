"""Partners, systems, keys and structures as people see them: what is empty, shown once, tried and compared."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from loyalty.actions import people
from loyalty.models import User
from tests.tracking.received import receive, said
from tracking.actions import advance, partners, structures
from tracking.models import PartnerSystem

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
V1 = {
    "type": "object",
    "required": ["order_id"],
    "properties": {"order_id": {"type": "string"}, "total": {"type": "number"}},
}
V2 = {
    "type": "object",
    "required": ["order_id", "total"],
    "additionalProperties": False,
    "properties": {
        "order_id": {"type": "string"},
        "total": {"type": "number", "minimum": 0},
        "email": {"type": "string", "format": "email"},
    },
}


@pytest.fixture
def system(manager: User) -> PartnerSystem:
    """A month of a website: orders that fit and some that will not, and names nobody planned."""
    partner = partners.add_partner(name="Harbor Wines & Spirits")
    system = partners.add_system(partner=partner, name="Website", kind="WEBSITE", events_per_second=200)
    partners.add_system(partner=partner, name="Till, Main Street", kind="POINT_OF_SALE")
    old = partners.add_write_key(system=system, by=manager)
    partners.rotate(old.key, overlap=dt.timedelta(days=7), by=manager, now=timezone.now())
    partners.revoke(partners.add_pair(system=system, by=manager).key, now=timezone.now())
    for day in range(30):
        at = timezone.now() - dt.timedelta(days=day, hours=1)
        good = [
            said("Order Completed", properties={"order_id": f"O-{day}-{n}", "total": 19.5, "email": "ada@example.com"})
            for n in range(30 - day % 7)
        ]
        odd = [said("Order Completed", properties={"order_id": f"O-{day}", "email": "none", "tip/table": 3})]
        rest = [said("Product Viewed", properties={"sku": "A1"}) for _ in range(60 + day % 11)]
        receive(system, *good, *odd, *rest, said("Cart Abandoned"), said("Order Completed", timestamp="never"), at=at)
    while advance("tracking.read_model", now=timezone.now()):
        pass
    return system


@pytest.fixture
def look(
    browser_page: Page,
    live_server: LiveServer,
    shot: Callable[[Page, str], None],
    assert_accessible: Callable[[Page], None],
) -> Callable[..., None]:
    def at(name: str, url: str = "", *, until: str = "") -> None:
        if url:
            browser_page.goto(live_server.url + url)
        if until:
            expect(browser_page.get_by_text(until).first).to_be_visible()
        shot(browser_page, f"tracking-{name}")
        assert_accessible(browser_page)

    return at


def test_partners_and_a_key_that_is_shown_once(
    browser_page: Page,
    live_server: LiveServer,
    sign_in: Callable[..., None],
    manager: User,
    look: Any,
    system: PartnerSystem,
) -> None:
    page = browser_page
    sign_in(page, manager)
    people.invite_for_partner(email="gil@harbor.example", partner=system.partner, by=manager, now=timezone.now())
    look("partners", reverse("tracking:partners"), until="Harbor Wines")
    page.goto(live_server.url + reverse("tracking:partner", args=[system.partner.public_id]))
    page.get_by_role("heading", name="People with access").scroll_into_view_if_needed()
    look("partner", until="gil@harbor.example")
    look("system", reverse("tracking:system", args=[system.public_id]), until="Unplanned events")
    page.get_by_role("button", name="Make a write key").click()
    expect(page.get_by_text("Copy the key now")).to_be_visible()
    page.get_by_text("Segment for Python").click()
    key = page.locator(".once code").inner_text()
    assert key in page.locator(".snippet[open] pre").inner_text()
    look("key-once")
    page.reload()
    expect(page.get_by_text("Copy the key now")).to_be_hidden()
    page.get_by_role("button", name=f"Rotate {key[:10]}").click()
    look("rotate", until="The old key stops")
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(page.get_by_text("Copy the key now")).to_be_visible()
    expect(page.get_by_text("Works until")).to_have_count(2)


def test_the_shops_own_events_are_switched_on_and_named(
    browser_page: Page, sign_in: Callable[..., None], manager: User, look: Any, system: PartnerSystem
) -> None:
    page = browser_page
    sign_in(page, manager)
    people.invite_for_partner(email="gil@harbor.example", partner=system.partner, by=manager, now=timezone.now())
    look("own-events-off", reverse("tracking:partner", args=[system.partner.public_id]), until="Tell the shop's own")
    page.get_by_role("button", name="Tell the shop's own events here").click()
    look("own-events-names", until="They would be seen")
    page.get_by_label("The website names its shoppers by").select_option("CUSTOMER_NUMBER")
    page.get_by_label("They may see all of it").check()
    page.get_by_role("dialog").get_by_role("button", name="Switch on").click()
    page.get_by_role("heading", name="The shop's own events").scroll_into_view_if_needed()
    expect(page.get_by_text("analytics.identify(customer.number)")).to_be_visible()
    look("own-events-on", until="People of this partner see all of it")
    page.get_by_role("link", name="Regulars", exact=True).last.click()
    look("own-events-system", until="Nobody sends to this system")


def test_a_structure_from_inference_to_publication(
    browser_page: Page,
    sign_in: Callable[..., None],
    manager: User,
    look: Any,
    system: PartnerSystem,
    console_errors: list[str],
) -> None:
    page = browser_page
    sign_in(page, manager)
    first = structures.draft(system=system, event_name="Order Completed", schema=V1, by=manager)
    structures.publish(first, now=timezone.now())
    draft = structures.draft(system=system, event_name="Order Completed", schema=V2, by=manager)
    look("structure", reverse("tracking:structure", args=[draft.public_id]), until="would fail")
    page.get_by_text("As text").click()
    look("structure-text")
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    expect(page.get_by_text("In force").first).to_be_visible()
    page.goto(page.url.replace(f"structures/{draft.public_id}", f"systems/{system.public_id}"))
    page.get_by_role("link", name="Plan Product Viewed").click()
    look("structure-inferred", until="Inferred from")
    page.get_by_label("JSON Schema of its properties").fill(
        '{\n  "type": "object",\n  "properties": {"a": {"type": "numeral"}}\n}'
    )
    page.get_by_role("button", name="Save draft").click()
    look("structure-refused", until="Line 5")
    console_errors.clear()  # a form that is refused answers 422


def test_nothing_yet_and_a_guest(browser_page: Page, sign_in: Callable[..., None], manager: User, look: Any) -> None:
    page = browser_page
    sign_in(page, manager)
    look("partners-empty", reverse("tracking:partners"), until="Nobody sends events yet")
    page.get_by_role("button", name="Make the first partner").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Acme")
    page.get_by_role("dialog").get_by_role("button", name="Make partner").click()
    look("partner-empty", until="No system yet")
    system = partners.add_system(partner=partners.Partner.objects.get(), name="Till", kind="POINT_OF_SALE")
    look("system-empty", reverse("tracking:system", args=[system.public_id]), until="No key yet")
    guest = User.objects.create_user("gil@acme.example", name="Gil Guest")
    partners.give_access(user=guest, partner=system.partner)
    sign_in(page, guest)
    look("guest", "/staff/", until="Till")
