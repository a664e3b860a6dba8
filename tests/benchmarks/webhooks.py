"""Status calls of a provider over HTTP, each signed (Standard Webhooks) and of another message, until all are applied.

Ours: one web process as the product runs it, sixteen connections that ask again as soon as they are answered, and one
worker that reads calls and applies reports each second, as the beat does. Every call must be there once, read once, and
applied once. Limit, in the same run: one bare INSERT of the same row for each call, by sixteen clients of pgbench into
an empty table with the same indexes, and nothing else.
"""

import hashlib
import hmac
import itertools
import os
import sys
import time
from base64 import b64encode
from statistics import median

from django.db import connection

from integrations.models import InboundCall, ProviderReport
from tests.benchmarks import pgbench
from tests.benchmarks.load import Load, http_post, load
from tests.benchmarks.result import Result, rates
from tests.benchmarks.serving import process, server

RUNS, SECONDS, CONNECTIONS = 5, 8, 16
KEY = b"a benchmark's secret, of 32 bytes"
BODY = (
    b'{"type": "message.delivered", "timestamp": "2026-11-20T12:00:00Z", "data": {"channel": "sms", "message_id": '
    b'"%036d@shop.example", "provider_id": "p-%d", "address": "+15557654321", "segments": 1, "carrier": "Example"}}'
)
READ_AND_APPLY = """
import django, time
django.setup()
from campaigns.tasks import apply_reports
from integrations.tasks import read_calls
while True:
    time.sleep(1 - time.time() % 1)  # As the beat does.
    read_calls()
    apply_reports()
"""
_TABLE = InboundCall._meta.db_table
_INSERT = f"""
INSERT INTO bare_call (public_id, sender, content_type, query, body, digest, received_at)
VALUES (gen_random_uuid(), 'generic', 'application/json', '', convert_to('{(BODY % (1, 1)).decode()}', 'UTF8'),
        sha256(gen_random_uuid()::text::bytea), now());
"""


def measure() -> Result:
    os.environ["GENERIC_WEBHOOK_SECRETS"] = "whsec_" + b64encode(KEY).decode()
    per_second: dict[str, list[float]] = {"answered": [], "applied": [], "bare INSERT": []}
    latencies = []
    for _ in range(RUNS):
        per_second["bare INSERT"].append(_bare())
        answered, applied = _ours()
        per_second["answered"].append(answered.answered / answered.seconds)
        per_second["applied"].append(applied)
        latencies.append(answered.percentile(0.99) * 1000)
    return rates(
        "webhooks",
        ours="applied",
        limit="bare INSERT",
        per_second=per_second,
        unit="calls/s",
        p99_ms=round(median(latencies), 1),
        connections=CONNECTIONS,
        calls=InboundCall.objects.count(),
    )


def _ours() -> tuple[Load, float]:
    """The answers, and how many calls a second were applied from the first request until the last report."""
    before = InboundCall.objects.count()
    with server("config.asgi:application") as port, process([sys.executable, "-c", READ_AND_APPLY]):
        began = time.perf_counter()
        answers = load(port, _calls(), connections=CONNECTIONS, seconds=SECONDS)
        assert answers.refused == 0
        expected = before + answers.answered
        while ProviderReport.objects.exclude(applied_at=None).count() < expected:
            time.sleep(0.02)
        seconds = time.perf_counter() - began
    assert InboundCall.objects.filter(status=InboundCall.Status.READ).count() == expected
    assert ProviderReport.objects.count() == expected == ProviderReport.objects.values("message_id").distinct().count()
    return answers, answers.answered / seconds


def _calls():
    """Each with an id of its own, signed."""
    places, timestamp = itertools.count(int(time.time() * 1_000_000)), str(int(time.time()))

    def request() -> bytes:
        place = next(places)
        body = BODY % (place, place)
        proof = hmac.new(KEY, b"msg_%d.%s.%s" % (place, timestamp.encode(), body), hashlib.sha256).digest()
        headers = (
            f"Content-Type: application/json\r\nwebhook-id: msg_{place}\r\nwebhook-timestamp: {timestamp}\r\n"
            f"webhook-signature: v1,{b64encode(proof).decode()}\r\n"
        )
        return http_post("/hooks/generic/", headers, body)

    return request


def _bare() -> float:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare_call")
        cursor.execute(f"CREATE TABLE bare_call (LIKE {_TABLE} INCLUDING ALL)")
    return pgbench.per_second(_INSERT, seconds=SECONDS // 2, clients=CONNECTIONS)
