"""The few lines that point an SDK here."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Snippet:
    title: str
    text: str


def snippets(base: str, *, write_key: str, identifier: str, secret: str) -> list[Snippet]:
    """For a system's own keys; what is not known of them is written as whoever calls this wants it written."""
    place = urlsplit(base)
    port = place.port or 443
    return [
        Snippet(
            "Segment in a browser (@segment/analytics-next)",
            "import { AnalyticsBrowser } from '@segment/analytics-next'\n\n"
            f"const analytics = AnalyticsBrowser.load({{ writeKey: '{write_key}', cdnURL: '{base}' }})\n"
            "analytics.identify('42')  // whoever signed in, by the name the shop knows them by\n"
            "analytics.track('Order Completed', { total: 42.5 })",
        ),
        Snippet(
            "Segment for Node (@segment/analytics-node)",
            "import { Analytics } from '@segment/analytics-node'\n\n"
            f"const analytics = new Analytics({{ writeKey: '{write_key}', host: '{base}' }})\n"
            "analytics.track({ userId: '42', event: 'Order Completed', properties: { total: 42.5 } })",
        ),
        Snippet(
            "Segment for Python (segment-analytics-python)",
            "from segment.analytics import Client\n\n"
            f'analytics = Client("{write_key}", host="{base}")\n'
            'analytics.track("42", "Order Completed", {"total": 42.5})',
        ),
        Snippet(
            "RudderStack for Node (@rudderstack/rudder-sdk-node)",
            "import RudderAnalytics from '@rudderstack/rudder-sdk-node'\n\n"
            f"const analytics = new RudderAnalytics('{write_key}', {{ dataPlaneUrl: '{base}' }})\n"
            "analytics.track({ userId: '42', event: 'Order Completed', properties: { total: 42.5 } })",
        ),
        Snippet(
            "PostHog for Python",
            "from posthog import Posthog\n\n"
            f'posthog = Posthog("{write_key}", host="{base}")\n'
            'posthog.capture("Order Completed", distinct_id="42", properties={"total": 42.5})',
        ),
        Snippet(
            "PostHog for Node (posthog-node)",
            "import { PostHog } from 'posthog-node'\n\n"
            f"const posthog = new PostHog('{write_key}', {{ host: '{base}' }})\n"
            "posthog.capture({ distinctId: '42', event: 'Order Completed', properties: { total: 42.5 } })",
        ),
        Snippet(
            "Customer.io for Python (https only)",
            "from customerio import CustomerIO\n\n"
            f'client = CustomerIO("{identifier}", "{secret}", host="{place.hostname}", port={port})\n'
            'client.track("42", "Order Completed", {"total": 42.5})',
        ),
        Snippet(
            "Customer.io for Node (https only)",
            "import { TrackClient } from 'customerio-node'\n\n"
            f"const where = {{ url: '{base}/api/v1', port: {port} }}\n"
            f"const client = new TrackClient('{identifier}', '{secret}', where)\n"
            "client.track('42', { name: 'Order Completed', data: { total: 42.5 } })",
        ),
        Snippet(
            "No SDK at all",
            f"curl {base}/api/events/ingest \\\n"
            f'  -H "X-Write-Key: {write_key}" \\\n'
            """  -d '{"name": "Order Completed", "user_id": "42", "properties": {"total": 42.5}}'""",
        ),
    ]
