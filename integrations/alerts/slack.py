"""Slack's incoming webhooks, and what speaks like them (Mattermost, Rocket.Chat, Discord under /slack).

ALERT_URLS: slack://hooks.slack.com/services/T000/B000/XXX, the webhook's address with `slack` for `https`.
"""

from urllib.parse import urlsplit

from integrations.alerts.base import Alert, post

MARKS = {"critical": ":rotating_light:", "error": ":red_circle:", "warning": ":warning:"}
LONGEST_TEXT = 2_900  # a section holds 3,000 characters


class Slack:
    title = "Slack"

    def __init__(self, url: str, transport: str) -> None:
        parts = urlsplit(url)
        self.place = parts.netloc
        self._address = parts._replace(scheme=transport).geturl()

    def tell(self, alert: Alert) -> None:
        title = f"{MARKS.get(alert.severity, '')} {_escaped(alert.title)}".strip()
        said = f"*{title}*\n{_escaped(alert.text)[:LONGEST_TEXT]}\n<{alert.link}|Look at it>"
        section = {"type": "section", "text": {"type": "mrkdwn", "text": said}}
        post(self._address, json={"text": f"{alert.title}: {alert.text}"[:LONGEST_TEXT], "blocks": [section]})


def _escaped(text: str) -> str:
    """The three characters that Slack reads as its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
