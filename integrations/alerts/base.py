"""The port every way to staff stands behind: an alert in, nothing out, or why it was not told."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string
from requests import RequestException, Response

from integrations import outgoing

ADAPTERS = {
    "slack": "integrations.alerts.slack.Slack",
    "pagerduty": "integrations.alerts.pagerduty.PagerDuty",
    "https": "integrations.alerts.webhook.Webhook",
    "http": "integrations.alerts.webhook.Webhook",
    "mailto": "integrations.alerts.email.Email",
}
BUSY = {408, 425, 429}


@dataclass(frozen=True, kw_only=True)
class Alert:
    """`id` is ours and the same however often this is told. `severity` is critical, error, warning or info."""

    id: str
    severity: str
    title: str
    text: str
    link: str
    at: datetime


class NotTold(Exception):
    """Nobody was told, or nobody knows whether they were. The message says why, and holds no secret."""

    def __init__(self, reason: str, *, permanent: bool = False, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after = retry_after


class Outlet(Protocol):
    """`title` and `place` are what staff read: which kind it is and where, without its secret."""

    title: str
    place: str

    def tell(self, alert: Alert) -> None:
        """Raises NotTold. Told twice, it is one alert wherever the other side can know that."""
        ...


def outlets() -> dict[str, Outlet]:
    """Those of ALERT_URLS, by a name that gives nothing of the address away."""
    return {_name_of(url): outlet(url) for url in settings.ALERT_URLS}


def outlet(url: str) -> Outlet:
    scheme, _, transport = urlsplit(url).scheme.partition("+")
    made: Outlet = import_string(ADAPTERS[scheme])(url, transport or ("http" if scheme == "http" else "https"))
    return made


def _name_of(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def post(url: str, **request: Any) -> Response:
    """The answer when it is a 2xx. Raises NotTold otherwise."""
    try:
        with outgoing.untrusted() as session:
            answer = session.post(url, **request)
    except outgoing.NotConnected as error:
        raise NotTold(f"It cannot be reached. {error}") from error
    except RequestException as error:
        raise NotTold("It fell silent, or its address cannot be called.") from error
    status = answer.status_code
    if not 200 <= status < 300:
        said = " ".join(answer.text.split())[:200]
        raise NotTold(
            f"It answered {status} {said}".strip(),
            permanent=status < 500 and status not in BUSY,
            retry_after=outgoing.retry_after(answer.headers),
        )
    return answer
