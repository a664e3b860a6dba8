"""SDKs as they come from PyPI and npm, unchanged and in processes of their own, and what is stored afterwards."""

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.copies import ROOT
from tests.tracking.ingest.door import Sender
from tests.tracking.ingest.servers import Servers, running
from tracking.models import ReceivedEvent

pytestmark = pytest.mark.fault
SDKS = ROOT / "tests" / "sdks"
Row = tuple[str, str, str, str, dict]
A_MOMENT = dt.timedelta(seconds=5)

ADA = "ada/lovelace"


@pytest.fixture(scope="module")
def servers(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture
def when() -> dt.datetime:
    """Yesterday, on a whole second: some SDKs know no smaller ones."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=1)


@pytest.fixture
def run(servers: Servers, sender: Sender, when: dt.datetime) -> Callable[..., list[ReceivedEvent]]:
    """`run("segment_node.mjs")` starts an SDK's program, waits for its end, and gives what was stored of it."""

    def start(program: str, **variables: str) -> list[ReceivedEvent]:
        servers.know(sender.key)
        certificate = str(servers.certificate.certificate)
        env = os.environ | {
            "BASE": servers.base,
            "KEY": sender.key,
            "HOST": "localhost",
            "TLS_PORT": str(servers.tls_port),
            "SITE_ID": sender.id,
            "SECRET": sender.secret,
            "WHEN": when.isoformat(),
            "WHEN_SECONDS": str(int(when.timestamp())),
            "NODE_EXTRA_CA_CERTS": certificate,
            "REQUESTS_CA_BUNDLE": certificate,
        }
        command = [sys.executable if program.endswith(".py") else node(), str(SDKS / program)]
        ended = subprocess.run(
            command, env=env | variables, cwd=SDKS, capture_output=True, text=True, check=False, timeout=60
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert sender.invalid() == []
        return sender.stored()

    return start


def node() -> str:
    found = shutil.which("node", path=f"{os.environ['PATH']}:{ROOT / '.venv' / 'bin'}")
    assert found, "npm's SDKs need node; `make test-faults` brings it"
    return found


def rows(events: list[ReceivedEvent]) -> list[Row]:
    """In an order that does not depend on the network."""
    told = [(event.kind, event.name, event.user_id, event.anonymous_id, event.properties) for event in events]
    return sorted(told, key=lambda row: row[:3])


def of_the_shop(events: list[ReceivedEvent]) -> list[Row]:
    """Without what PostHog's SDKs tell of their machine."""
    told = ("$current_url", "$feature_flag")
    kept = [
        (*row, {name: value for name, value in properties.items() if name[0] != "$" or name in told})
        for *row, properties in rows(events)
    ]
    return [(kind, name, user, visitor, properties) for kind, name, user, visitor, properties in kept]


def happened(events: list[ReceivedEvent], when: dt.datetime) -> bool:
    return all(abs(event.occurred_at - when) < A_MOMENT for event in events)


SEGMENT_ROWS = [
    ("alias", "alias", "ada", "visitor-1", {"previousId": "visitor-1"}),
    ("group", "group", "ada", "", {"seats": 3}),
    ("identify", "identify", "ada", "visitor-1", {"plan": "gold"}),
    ("page", "Home", "ada", "", {"category": "Shop", "path": "/"}),
    ("screen", "Cart", "ada", "", {"category": "Shop", "items": 2}),
    ("track", "Order Completed", "ada", "", {"amount": 39.95}),
]


def test_segment_for_python(run, when):
    events = run("segment_python.py")
    assert rows(events) == SEGMENT_ROWS
    assert happened(events, when)
    assert {event.sdk for event in events} == {"analytics-python 2.4.0"}


def test_segment_for_node(run, when):
    events = run("segment_node.mjs")
    assert rows(events) == SEGMENT_ROWS
    assert happened(events, when)
    assert {event.sdk for event in events} == {"@segment/analytics-node 3.1.0"}


def test_rudderstack_for_python(run, when):
    events = run("rudder_python.py")
    assert rows(events) == SEGMENT_ROWS
    assert happened(events, when)


def test_rudderstack_for_node(run, when):
    events = run("rudder_node.mjs")
    assert rows(events) == SEGMENT_ROWS
    assert happened(events, when)


POSTHOG_ROWS = [
    ("alias", "alias", "ada", "visitor-1", {"alias": "visitor-1"}),
    ("group", "group", "", "", {"seats": 3}),
    ("identify", "identify", "ada", "", {"plan": "gold"}),
    ("page", "$pageview", "ada", "", {"$current_url": "https://shop.example/"}),
    ("track", "$feature_flag_called", "ada", "", {"$feature_flag": "new-checkout", "locally_evaluated": False}),
    ("track", "Order Completed", "ada", "", {"amount": 39.95}),
]


@pytest.mark.parametrize("wire", ["v0", "v1"])
def test_posthog_for_python(run, when, wire):
    events = run("posthog_python.py", POSTHOG_CAPTURE_MODE=wire)
    assert of_the_shop(events) == POSTHOG_ROWS
    assert happened([event for event in events if event.name != "$feature_flag_called"], when)


@pytest.mark.parametrize("wire", ["v0", "v1"])
def test_posthog_for_node(run, when, wire):
    events = run("posthog_node.mjs", POSTHOG_CAPTURE_MODE=wire)
    assert of_the_shop(events) == POSTHOG_ROWS
    assert happened([event for event in events if event.name in ("Order Completed", "$pageview")], when)


def test_customer_io_for_python(run, when):
    events = run("customerio_python.py")
    assert rows(events) == [
        ("alias", "merge", ADA, "", {"primary": {"id": ADA}, "secondary": {"email": "ada@old.example"}}),
        ("delete", "delete", ADA, "", {}),
        ("identify", "identify", ADA, "", {"plan": "gold"}),
        ("identify", "identify", "bob", "", {"plan": "blue"}),
        ("page", "https://shop.example/", ADA, "", {"title": "Home"}),
        ("track", "Joined", ADA, "", {"store": "Main Street"}),
        ("track", "Looked", "", "visitor-1", {"shelf": "red"}),
        ("track", "Order Completed", ADA, "", {"amount": 39.95}),
        ("track", "Order Completed", "bob", "", {}),
        ("track", "add_device", ADA, "", {"id": "device-1", "platform": "ios"}),
        ("track", "delete_device", ADA, "", {"id": "device-1"}),
        ("track", "suppress", ADA, "", {}),
        ("track", "unsuppress", ADA, "", {}),
    ]
    assert happened([event for event in events if event.name in ("Order Completed", "Joined")], when)
    assert "01E4C4CT6YDC7Y5M7FE1GWWPQJ" in {event.message_id for event in events}


def test_customer_io_for_node(run, when):
    events = run("customerio_node.mjs")
    assert rows(events) == [
        ("alias", "merge", ADA, "", {"primary": {"id": ADA}, "secondary": {"email": "ada@old.example"}}),
        ("delete", "delete", ADA, "", {}),
        ("identify", "identify", ADA, "", {"plan": "gold"}),
        ("page", "https://shop.example/", ADA, "", {}),
        ("track", "Looked", "", "visitor-1", {"shelf": "red"}),
        ("track", "Order Completed", ADA, "", {"amount": 39.95}),
        ("track", "add_device", ADA, "", {"id": "device-1", "platform": "ios", "attributes": {"primary": True}}),
        ("track", "delete_device", ADA, "", {"id": "device-1"}),
        ("track", "suppress", ADA, "", {}),
        ("track", "unsuppress", ADA, "", {}),
    ]
    assert happened([event for event in events if event.name == "Order Completed"], when)
