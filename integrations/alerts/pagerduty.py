"""PagerDuty's Events API v2: an alert opens an incident; our id is its dedup_key, so telling it twice opens one.

ALERT_URLS: pagerduty://INTEGRATION_KEY, or pagerduty://INTEGRATION_KEY@events.eu.pagerduty.com in Europe.
"""

from urllib.parse import urlsplit

from django.conf import settings

from integrations.alerts.base import Alert, post

HOST = "events.pagerduty.com"
LONGEST_SUMMARY = 1_024


class PagerDuty:
    title = "PagerDuty"

    def __init__(self, url: str, transport: str) -> None:
        key, at, host = urlsplit(url).netloc.partition("@")
        self.place = host if at else HOST
        self._key, self._address = key, f"{transport}://{self.place}/v2/enqueue"

    def tell(self, alert: Alert) -> None:
        event = {
            "routing_key": self._key,
            "event_action": "trigger",
            "dedup_key": alert.id,
            "payload": {
                "summary": f"{alert.title}: {alert.text}"[:LONGEST_SUMMARY],
                "source": urlsplit(settings.PUBLIC_URL).hostname,
                "severity": alert.severity,
                "timestamp": alert.at.isoformat(),
                "component": "messages",
                "custom_details": {"text": alert.text},
            },
            "links": [{"href": alert.link, "text": "Look at it"}],
            "client": "Regulars",
            "client_url": settings.PUBLIC_URL,
        }
        post(self._address, json=event)
