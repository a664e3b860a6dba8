"""A shop's own server that takes our webhooks, as a real HTTP server: it believes what the reference library does."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from tests.providers import Call, Provider, Reply

EVERYBODY = "everybody"


@dataclass
class Receiver(Provider):
    """`taken` is every call it believed, `told` each event once, by its id: what its owner should do as well."""

    secrets: list[str] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)

    @property
    def told(self) -> dict[str, dict[str, Any]]:
        return {call["webhook-id"]: call for call in self.taken}

    def named(self, call: Call) -> str:
        return EVERYBODY

    def refusal(self, call: Call) -> Reply | None:
        return None if any(is_signed(call, secret) for secret in self.secrets) else Reply(401, b"Who are you?")

    def serve(self, call: Call) -> Reply:
        self.taken.append(json.loads(call.body) | {"webhook-id": call.headers["webhook-id"]})
        return Reply(204)


def is_signed(call: Call, secret: str) -> bool:
    """Whatever day the test plays on, so the signature alone; that it is fresh has a test of its own."""
    at = datetime.fromtimestamp(int(call.headers["webhook-timestamp"]), UTC)
    right = Webhook(secret).sign(call.headers["webhook-id"], at, call.body.decode())
    return right in call.headers["webhook-signature"].split(" ")
