"""A webhook of one's own: JSON, signed as Standard Webhooks 1.0 says.

ALERT_URLS: https://SECRET@host/path. SECRET is whsec_... or at least 24 letters and digits.
"""

import json
from urllib.parse import unquote, urlsplit

from django.utils import timezone

from integrations.alerts.base import Alert, post
from integrations.rules import webhooks


class Webhook:
    title = "Webhook"

    def __init__(self, url: str, transport: str) -> None:
        parts = urlsplit(url)
        secret, _, self.place = parts.netloc.rpartition("@")
        self._secret = unquote(secret)
        self._address = parts._replace(scheme=transport, netloc=self.place).geturl()

    def tell(self, alert: Alert) -> None:
        said = {"id": alert.id, "severity": alert.severity, "title": alert.title, "text": alert.text, "url": alert.link}
        body = json.dumps({"type": "staff.alert", "timestamp": alert.at.isoformat(), "data": said}).encode()
        post(self._address, data=body, headers=self._signed(alert.id, body))

    def _signed(self, message_id: str, body: bytes) -> dict[str, str]:
        sent_at = str(int(timezone.now().timestamp()))
        proof = webhooks.signature(self._secret, message_id=message_id, timestamp=sent_at, body=body)
        return {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": sent_at,
            "webhook-signature": f"v1,{proof}",
        }
