"""Where staff are told, as real HTTP servers: Slack's incoming webhooks, PagerDuty's Events API v2, a signed webhook.

Each keeps to what is documented, refuses what the real one would, and misbehaves when a test asks (`answers`, and the
sets of `tests.providers.Provider`; all of them are named by `EVERYBODY`).
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from tests.providers import Call, Provider, Reply, told

EVERYBODY = "everybody"


@dataclass
class Watcher(Provider):
    taken: list[dict[str, Any]] = field(default_factory=list)

    def named(self, call: Call) -> str:
        return EVERYBODY


@dataclass
class SlackWorkspace(Watcher):
    """api.slack.com/messaging/webhooks: a JSON with `text` or `blocks`; "ok", or one word that says what is wrong."""

    path: str = "/services/T000/B000/XXXX"

    def refusal(self, call: Call) -> Reply | None:
        if call.path != self.path:
            return Reply(404, b"no_service")
        try:
            said = json.loads(call.body)
        except ValueError:
            return Reply(400, b"invalid_payload")
        if not said.get("text") and not said.get("blocks"):
            return Reply(400, b"no_text")
        if any(len(block["text"]["text"]) > 3_000 for block in said.get("blocks", ())):
            return Reply(400, b"invalid_blocks")
        return None

    def serve(self, call: Call) -> Reply:
        self.taken.append(json.loads(call.body))
        return Reply(200, b"ok")


@dataclass
class PagerDutyEvents(Watcher):
    """developer.pagerduty.com, "Send an alert event": one incident for each dedup_key, however often it is told."""

    key: str = "0123456789abcdef0123456789abcdef"

    @property
    def incidents(self) -> set[str]:
        return {event["dedup_key"] for event in self.taken}

    def refusal(self, call: Call) -> Reply | None:
        said = json.loads(call.body)
        needed = {"summary", "source", "severity"}
        if call.path != "/v2/enqueue":
            return Reply(404)
        if said.get("routing_key") != self.key or said.get("event_action") not in ("trigger", "acknowledge", "resolve"):
            return told(400, {"status": "invalid event", "errors": ["'routing_key' is invalid"]})
        payload = said.get("payload", {})
        if needed - payload.keys() or payload["severity"] not in ("critical", "error", "warning", "info"):
            return told(400, {"status": "invalid event", "errors": ["'payload' is invalid"]})
        return None

    def serve(self, call: Call) -> Reply:
        self.taken.append(json.loads(call.body))
        return told(202, {"status": "success", "message": "Event processed", "dedup_key": self.taken[-1]["dedup_key"]})


@dataclass
class SignedWebhook(Watcher):
    """standardwebhooks.com 1.0, checked as its specification says, not by our own code."""

    secret: bytes = b"a secret of thirty-two characters"

    def refusal(self, call: Call) -> Reply | None:
        said = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.".encode() + call.body
        right = base64.b64encode(hmac.new(self.secret, said, hashlib.sha256).digest()).decode()
        return None if call.headers["webhook-signature"] == f"v1,{right}" else Reply(401)

    def serve(self, call: Call) -> Reply:
        self.taken.append(json.loads(call.body) | {"webhook-id": call.headers["webhook-id"]})
        return Reply(204)
