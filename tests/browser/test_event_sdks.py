"""The browser SDKs shops have, unchanged, on a shop's page of another origin."""

import mimetypes
import re
from urllib.parse import urlsplit

import httpx2
import pytest
from django.conf import settings
from playwright.sync_api import Page
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.copies import wait_for
from tests.tracking.ingest.door import Sender

pytestmark = pytest.mark.browser
SDKS = settings.BASE_DIR / "tests/sdks"
SHOP = '<!doctype html><title>Shop</title><link rel="icon" href="data:,">'

SEGMENT = "/node_modules/@segment/analytics-next/dist/umd/index.js"
RUDDERSTACK = "/node_modules/@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
POSTHOG = "/node_modules/posthog-js/dist/array.full.no-external.js"
JITSU = "/node_modules/@jitsu/js/dist/jitsu.es.js"

# Nothing but the address and a key is configured, and what each SDK's documentation asks for besides.
WITH_SEGMENT = """
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
WITH_RUDDERSTACK = """
([base, writeKey]) => {
  const analytics = new rudderanalytics.RudderAnalytics()
  analytics.load(writeKey, base, { configUrl: base })
  analytics.page('Shop', 'Home')
  analytics.track('Product Viewed', { sku: 'SKU-1' })
  analytics.alias('ada')
  analytics.identify('ada', { plan: 'gold' })
  analytics.track('Order Completed', { amount: 39.95 })
  analytics.group('acme', { seats: 3 })
  return new Promise((done) => analytics.ready(() => done(analytics.getAnonymousId())))
}
"""
WITH_JITSU = """
async ([host, writeKey, sdk]) => {
  const { jitsuAnalytics } = await import(sdk)
  const analytics = jitsuAnalytics({ host, writeKey })
  await analytics.page('Home')
  await analytics.track('Product Viewed', { sku: 'SKU-1' })
  await analytics.identify('ada', { plan: 'gold' })
  await analytics.track('Order Completed', { amount: 39.95 })
  await analytics.group('acme', { seats: 3 })
  return analytics.user().anonymousId
}
"""
WITH_POSTHOG = """
([api_host, key]) => {
  const options = { api_host, disable_external_dependency_loading: true, opt_out_useragent_filter: true }
  posthog.init(key, { ...options, capture_pageview: true })
  const visitor = posthog.get_distinct_id()
  posthog.capture('Product Viewed', { sku: 'SKU-1' })
  posthog.identify('ada', { plan: 'gold' })
  posthog.capture('Order Completed', { amount: 39.95 })
  posthog.group('company', 'acme', { seats: 3 })
  return visitor
}
"""
SEGMENT_GATHERING = """
async ([cdnURL, writeKey]) => {
  const strategy = { strategy: 'batching', config: { size: 2, timeout: 60000 } }
  const options = { integrations: { 'Segment.io': { deliveryStrategy: strategy } } }
  const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL }, options)
  await Promise.all([analytics.track('First'), analytics.track('Second')])
}
"""
SEGMENT_LOADING = """
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
    """A page of a shop that serves its SDKs itself."""

    def file(request: Request) -> Response:
        content = (SDKS / request.path.removeprefix("/")).read_bytes()
        return Response(content, content_type=mimetypes.guess_type(request.path)[0])

    httpserver.expect_request("/").respond_with_data(SHOP, content_type="text/html")
    httpserver.expect_request(re.compile("/node_modules/.+")).respond_with_handler(file)
    browser_page.goto(httpserver.url_for("/"))
    return browser_page


@pytest.fixture
def hosts(browser_page: Page) -> set[str]:
    """Whom the page spoke to."""
    hosts: set[str] = set()
    browser_page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    return hosts


def stored(sender: Sender, *, number: int) -> list:
    wait_for(lambda: len(sender.stored()) >= number, seconds=20)
    assert sender.invalid() == []
    return sender.stored()


def told(events: list) -> set[tuple[str, str, str, str]]:
    return {(event.kind, event.name, event.user_id, event.anonymous_id) for event in events}


def of_the_shop(events: list) -> dict[str, dict]:
    return {
        event.name: {
            name: value for name, value in event.properties.items() if name in ("sku", "amount", "plan", "seats")
        }
        for event in events
    }


SAID = {
    "Product Viewed": {"sku": "SKU-1"},
    "identify": {"plan": "gold"},
    "Order Completed": {"amount": 39.95},
    "group": {"seats": 3},
}


@pytest.mark.parametrize(
    ("sdk", "program", "name"),
    [
        (SEGMENT, WITH_SEGMENT, "analytics.js next-1.84.3"),
        (RUDDERSTACK, WITH_RUDDERSTACK, "RudderLabs JavaScript SDK 3.34.1"),
    ],
    ids=["Segment", "RudderStack"],
)
def test_a_page_with_segments_or_rudderstacks_sdk_sends_here_and_to_nobody_else(
    shop, hosts, sender, asgi_server, sdk, program, name
):
    shop.add_script_tag(url=sdk)
    visitor = shop.evaluate(program, [asgi_server, sender.key])
    events = stored(sender, number=6)
    assert told(events) == {
        ("page", "Home", "", visitor),
        ("track", "Product Viewed", "", visitor),
        ("alias", "alias", "ada", visitor),
        ("identify", "identify", "ada", visitor),
        ("track", "Order Completed", "ada", visitor),
        ("group", "group", "ada", visitor),
    }
    assert of_the_shop(events) == SAID | {"Home": {}, "alias": {}}
    assert {event.sdk for event in events} == {name}
    assert hosts == {urlsplit(shop.url).netloc, urlsplit(asgi_server).netloc}


def test_a_page_with_jitsus_sdk_sends_here_and_to_nobody_else(shop, hosts, sender, asgi_server):
    visitor = shop.evaluate(WITH_JITSU, [asgi_server, f"{sender.id}:{sender.secret}", JITSU])
    events = stored(sender, number=5)
    assert told(events) == {
        ("page", "page", "", visitor),
        ("track", "Product Viewed", "", visitor),
        ("identify", "identify", "ada", visitor),
        ("track", "Order Completed", "ada", visitor),
        ("group", "group", "ada", visitor),
    }
    assert of_the_shop(events) == SAID | {"page": {}}
    assert hosts == {urlsplit(shop.url).netloc, urlsplit(asgi_server).netloc}


def test_a_page_with_posthogs_sdk_sends_here_and_to_nobody_else(shop, hosts, sender, asgi_server):
    shop.add_script_tag(url=POSTHOG)
    visitor = shop.evaluate(WITH_POSTHOG, [asgi_server, sender.key])
    events = stored(sender, number=5)
    assert {row for row in told(events) if row[0] != "page"} == {
        ("track", "Product Viewed", "", visitor),
        ("identify", "identify", "ada", visitor),
        ("track", "Order Completed", "ada", visitor),
        ("group", "group", "", ""),
    }
    assert of_the_shop(events) == SAID | {"$pageview": {}}
    assert {event.sdk for event in events} == {"web 1.200.0"}
    assert hosts == {urlsplit(shop.url).netloc, urlsplit(asgi_server).netloc}


def test_segments_sdk_may_gather_its_events(shop, sender, asgi_server):
    shop.add_script_tag(url=SEGMENT)
    shop.evaluate(SEGMENT_GATHERING, [asgi_server, sender.key])
    assert {event.name for event in stored(sender, number=2)} == {"First", "Second"}


def test_a_page_with_a_key_nobody_knows_sends_nothing_to_anybody(
    shop, hosts, console_errors, asgi_server, transactional_db
):
    shop.add_script_tag(url=SEGMENT)
    assert "unknown_key" in shop.evaluate(SEGMENT_LOADING, [asgi_server, "wk_unknown"])
    assert hosts == {urlsplit(shop.url).netloc, urlsplit(asgi_server).netloc}
    console_errors.clear()
