"""Segment's browser SDK, unchanged, on a shop's page of another origin."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from django.conf import settings
from playwright.sync_api import Page
from pytest_httpserver import HTTPServer

from tests.copies import wait_for
from tests.tracking.ingest.door import Sender

pytestmark = pytest.mark.browser
BUNDLES: Path = settings.BASE_DIR / "tests/sdks/node_modules/@segment/analytics-next/dist/umd"
SHOP = '<!doctype html><title>Shop</title><link rel="icon" href="data:,"><script src="/umd/index.js"></script>'

# Nothing but the address and the key is configured.
VISIT = """
async ([cdnURL, writeKey]) => {
  const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL })
  await analytics.page('Shop', 'Home')
  await analytics.track('Product Viewed', { sku: 'SKU-1' })
  await analytics.alias('ada')
  await analytics.identify('ada', { plan: 'gold' })
  await analytics.track('Order Completed', { amount: 39.95 })
  await analytics.group('acme', { seats: 3 })
  return analytics.user().anonymousId()
}
"""
BATCHED = """
async ([cdnURL, writeKey]) => {
  const strategy = { strategy: 'batching', config: { size: 2, timeout: 60000 } }
  const options = { integrations: { 'Segment.io': { deliveryStrategy: strategy } } }
  const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL }, options)
  await Promise.all([analytics.track('First'), analytics.track('Second')])
}
"""
LOAD = """
([cdnURL, writeKey]) =>
  AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL }).then(() => 'loaded', (refusal) => refusal.message)
"""


@pytest.fixture
def sender(transactional_db: None, asgi_server: str) -> Sender:
    sender = Sender()
    empty = {"batch": [], "writeKey": sender.key}
    wait_for(lambda: httpx2.post(f"{asgi_server}/v1/batch", json=empty).status_code == 200, seconds=5)
    return sender


@pytest.fixture
def shop(httpserver: HTTPServer, browser_page: Page) -> Page:
    """A page with the SDK in its head. It may speak to nobody but its own shop and us."""
    httpserver.expect_request("/").respond_with_data(SHOP, content_type="text/html")
    for bundle in BUNDLES.glob("*.js"):
        script = bundle.read_bytes()
        httpserver.expect_request(f"/umd/{bundle.name}").respond_with_data(script, content_type="text/javascript")
    browser_page.goto(httpserver.url_for("/"))
    return browser_page


@pytest.fixture
def hosts(browser_page: Page) -> set[str]:
    """Whom the page spoke to once it was there."""
    hosts: set[str] = set()
    browser_page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    return hosts


def stored(sender: Sender, *, number: int) -> list:
    wait_for(lambda: len(sender.stored()) >= number, seconds=10)
    assert sender.invalid() == []
    return sender.stored()


def test_a_page_with_segments_sdk_needs_our_address_and_a_key_and_speaks_to_nobody_else(
    shop, hosts, sender, asgi_server
):
    visitor = shop.evaluate(VISIT, [asgi_server, sender.key])
    events = stored(sender, number=6)
    told = {(event.kind, event.name, event.user_id, event.anonymous_id) for event in events}
    assert told == {
        ("page", "Home", "", visitor),
        ("track", "Product Viewed", "", visitor),
        ("identify", "identify", "ada", visitor),
        ("track", "Order Completed", "ada", visitor),
        ("group", "group", "ada", visitor),
        ("alias", "alias", "ada", visitor),
    }
    properties = {event.name: event.properties for event in events}
    assert properties["Order Completed"] == {"amount": 39.95}
    assert properties["identify"] == {"plan": "gold"}
    assert properties["Home"]["category"] == "Shop"
    assert {event.sdk for event in events} == {"analytics.js next-1.84.3"}
    assert hosts == {urlsplit(asgi_server).netloc}


def test_the_sdk_may_gather_its_events(shop, sender, asgi_server):
    shop.evaluate(BATCHED, [asgi_server, sender.key])
    assert {event.name for event in stored(sender, number=2)} == {"First", "Second"}


def test_a_page_with_a_key_nobody_knows_sends_nothing_to_anybody(
    shop, hosts, console_errors, asgi_server, transactional_db
):
    assert "unknown_key" in shop.evaluate(LOAD, [asgi_server, "wk_unknown"])
    assert hosts == {urlsplit(asgi_server).netloc}
    console_errors.clear()
