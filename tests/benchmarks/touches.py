"""Readers open a message and click its link, each once, all at the same time, until everything is noted.

Ours: one web process as the product runs it, sixteen connections that ask again as soon as they are answered, and one
worker that takes up what was heard each second, as the beat does. Told as well: how long the server worked for an
answer, by the processor time of its process, and how long a reader waited. Every opening and click must be noted once.
Limit, in the same run: one bare INSERT of the same row for each, by sixteen clients of pgbench, and nothing else.
"""

import sys
import time
from datetime import timedelta
from statistics import median
from urllib.parse import urlsplit

from django.utils import timezone

from campaigns.actions.permits import ship_permits
from campaigns.actions.policy import ship_policy
from campaigns.models import Campaign, Link, Playbook, ReceivedTouch, Send, Touch
from campaigns.sending import links
from loyalty.actions.business import ship_business
from loyalty.models import User
from tests.benchmarks import pgbench
from tests.benchmarks.load import Load, load
from tests.benchmarks.result import Result, rates
from tests.benchmarks.serving import process, processor_seconds, serving
from tests.campaigns.crowd import campaign_for

RUNS, READERS, CONNECTIONS = 3, 4_000, 16
TAKE_UP = """
import django, time
django.setup()
from campaigns.tasks import take_up_touches
while True:
    time.sleep(1 - time.time() % 1)  # As the beat does.
    take_up_touches()
"""
_INSERT = f"""
INSERT INTO {ReceivedTouch._meta.db_table} (send, kind, url, method, user_agent, at, failures)
VALUES (gen_random_uuid(), 'OPEN', '', 'GET', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140', now(), 0);
"""


def measure() -> Result:
    campaign = _sent()
    per_second: dict[str, list[float]] = {"answered": [], "noted": [], "bare INSERT": []}
    microseconds, waited = list[float](), list[float]()
    for _ in range(RUNS):
        Touch.objects.all().delete()
        per_second["bare INSERT"].append(pgbench.per_second(_INSERT, seconds=4, clients=CONNECTIONS))
        ReceivedTouch.objects.all().delete()
        answers, noted, worked = _ours(campaign)
        per_second["answered"].append(answers.answered / answers.seconds)
        per_second["noted"].append(noted)
        microseconds.append(worked)
        waited.append(answers.percentile(0.99) * 1000)
    return rates(
        "touches",
        ours="answered",
        limit="bare INSERT",
        per_second=per_second,
        unit="touches/s",
        server_us=[round(each) for each in microseconds],
        p99_ms=round(median(waited), 1),
        connections=CONNECTIONS,
    )


def _sent() -> Campaign:
    for ship in (ship_business, ship_policy, ship_permits):
        ship()
    Playbook.objects.create(
        name="Hello", group="champions", aim="-", tone="-", channels=["email"], subject="s", body="b"
    )
    marketer, manager = (User.objects.create_user(f"{name}@shop.example") for name in ("marketer", "manager"))
    campaign = campaign_for(READERS, owner=marketer, approver=manager)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    campaign.sends.update(status=Send.Status.SENT, handed_off_at=an_hour_ago, sent_at=an_hour_ago)
    return campaign


def _ours(campaign: Campaign) -> tuple[Load, float, float]:
    """The answers, how many a second were noted until the last one was, and the server's microseconds for each."""
    link = Link.objects.get_or_create(url="https://shop.example/new", digest="0" * 64)[0]
    sends = list(campaign.sends.all())
    asked = [links.open_url(send) for send in sends] + [links.click_url(send, link.pk) for send in sends]
    left = (_request(urlsplit(url).path) for url in asked)
    with serving("config.asgi:application") as (port, web), process([sys.executable, "-c", TAKE_UP]):
        began, worked = time.perf_counter(), processor_seconds(web)
        answers = load(port, lambda: next(left, None), connections=CONNECTIONS)
        worked = processor_seconds(web) - worked
        assert (answers.refused, answers.answered) == (0, len(asked))
        while ReceivedTouch.objects.exists():
            time.sleep(0.02)
        seconds = time.perf_counter() - began
    assert campaign.sends.exclude(opened_at=None).exclude(clicked_at=None).count() == READERS
    assert Touch.objects.count() == len(asked)
    return answers, len(asked) / seconds, worked / len(asked) * 1_000_000


def _request(path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140\r\n\r\n"
    ).encode()
