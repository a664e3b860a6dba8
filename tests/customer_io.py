"""Customer.io's Track API, as a real HTTP server: POST /api/v2/batch as docs.customer.io describes it.

Basic auth of site id and API key (401), a body of 500 kB (413), deeds of 32 kB, JSON (400), people by an identifier,
events that have the same ULID once, and 207 with the place in the batch, a reason, a field and a message for each deed
that was not taken. It misbehaves when a test asks.
"""

import base64
import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.providers import Call, Provider, Reply, opened, told

EVERYBODY = "everybody"
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
LARGEST_BATCH, LARGEST_DEED, LONGEST_NAME, LONGEST_ID = 500_000, 32_768, 100, 150
Deed = dict[str, Any]


@dataclass
class CustomerIoServer(Provider):
    """`people` are their attributes and `events` what happened, by its ULID. `repeated` counts what it knew already."""

    site_id: str = "5ite"
    api_key: str = "s3cret"
    people: dict[str, Deed] = field(default_factory=dict)
    events: dict[str, Deed] = field(default_factory=dict)
    repeated: int = 0
    refused: set[str] = field(default_factory=set)  # people it never takes
    choked: set[str] = field(default_factory=set)  # people whose deeds make it answer 400 to the whole batch
    fails: float = 0.0  # this share of calls is answered by a 5xx; every other one was taken all the same
    limit: int | None = None  # calls until it answers 429
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def named(self, call: Call) -> str:
        return EVERYBODY

    def refusal(self, call: Call) -> Reply | None:
        if call.path != "/api/v2/batch":
            return told(404, {"meta": {"error": "not found"}})
        known = base64.b64encode(f"{self.site_id}:{self.api_key}".encode()).decode()
        if call.headers["Authorization"] != f"Basic {known}":
            return told(401, {"meta": {"error": "Unauthorized request"}})
        if len(call.body) > LARGEST_BATCH:
            return told(413, {"errors": [{"reason": "too_large", "message": "request is larger than 500 kB"}]})
        try:
            batch = json.loads(call.body)["batch"]
        except (ValueError, KeyError, TypeError):
            return told(400, {"errors": [{"reason": "parse_error", "field": "batch", "message": "malformed body"}]})
        if any(deed["identifiers"].get("id") in self.choked for deed in batch):
            return told(400, {"errors": [{"reason": "invalid", "field": "attributes", "message": "malformed"}]})
        if self.limit is not None:
            self.limit -= 1
            if self.limit < 0:
                return told(429, {"meta": {"error": "too many requests"}}, Retry_After="40")
        return None

    def serve(self, call: Call) -> Reply:
        fails = self.chance.random() < self.fails
        if fails and self.chance.random() < 0.5:
            return told(503, {"meta": {"error": "try again"}})
        errors = []
        for place, deed in enumerate(json.loads(call.body)["batch"]):
            if fault := self._fault(deed):
                errors.append({"batch_index": place, **fault})
            else:
                self._take(deed)
        if fails:
            return told(500, {"meta": {"error": "internal"}})
        return told(207, {"errors": errors}) if errors else told(200, {})

    def _fault(self, deed: Deed) -> dict[str, str] | None:
        def wrong(reason: str, where: str, message: str) -> dict[str, str]:
            return {"reason": reason, "field": where, "message": message}

        person = deed.get("identifiers", {}).get("id", "")
        if deed.get("type") != "person" or deed.get("action") not in ("identify", "event", "delete"):
            return wrong("invalid", "action", "unknown type or action")
        if not person or len(person.encode()) > LONGEST_ID:
            return wrong("required", "identifiers", "id is missing or too long")
        if person in self.refused:
            return wrong("invalid", "identifiers", f"{person} is suppressed")
        if len(json.dumps(deed, separators=(",", ":"), ensure_ascii=False).encode()) > LARGEST_DEED:
            return wrong("too_large", "attributes", "larger than 32 kB")
        if deed["action"] != "event":
            return None
        if not deed.get("name") or len(deed["name"].encode()) > LONGEST_NAME:
            return wrong("required", "name", "name is missing or too long")
        if not ULID.fullmatch(deed.get("id", "")):
            return wrong("invalid", "id", "id is not a valid ULID")
        if not isinstance(deed.get("timestamp"), int):
            return wrong("invalid", "timestamp", "timestamp is not in seconds since 1970")
        return None

    def _take(self, deed: Deed) -> None:
        person = deed["identifiers"]["id"]
        match deed["action"]:
            case "identify":
                self.people.setdefault(person, {}).update(deed.get("attributes", {}))
            case "delete":
                self.people.pop(person, None)
                self.events = {id: event for id, event in self.events.items() if event["identifiers"]["id"] != person}
            case _ if deed["id"] in self.events:
                self.repeated += 1
            case _:
                self.people.setdefault(person, {})
                self.events[deed["id"]] = deed


@contextmanager
def open_customer_io(settings: Any) -> Iterator[CustomerIoServer]:
    """Customer.io on this machine, which ALLOW_PRIVATE_ADDRESSES lets us speak to."""
    with opened(CustomerIoServer()) as server:
        settings.CUSTOMERIO_URLS = {"us": "https://track.customer.io", "eu": server.address}
        settings.ALLOW_PRIVATE_ADDRESSES, settings.OUTGOING_TIMEOUT = True, 0.5
        yield server
