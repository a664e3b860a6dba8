"""Ten-event Segment batches over HTTP, keys and structures checked, durable at the answer, read model included.

Ours: one web process and one follower of the log as the product runs them, sixteen connections, until the read model
has everything. Limits, in the same run: COPY of the same rows into an empty copy of the log's table with its indexes,
the same into one of the read model's, and a handler of the same server that only parses the body. Beside them what most
would write: a DRF view with bulk_create into the log, and no read model. All on the same cores, the client among them.
"""

import itertools
import sys
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

import orjson
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from tests.benchmarks.load import Load, http_post, load
from tests.benchmarks.result import Result
from tests.benchmarks.serving import FOLLOW, process, server
from tracking.actions import partitions, partners, structures
from tracking.models import HourCount, Projection, ReceivedEvent, TrackedEvent

RUNS, SECONDS, CONNECTIONS, EVENTS_IN_A_BATCH = 5, 10.0, 16, 10
SCHEMA = {
    "type": "object",
    "required": ["sku", "price"],
    "properties": {
        "sku": {"type": "string", "pattern": "^SKU-[0-9]+$"},
        "price": {"type": "number", "minimum": 0},
        "quantity": {"type": "integer", "minimum": 1},
        "currency": {"type": "string", "minLength": 3, "maxLength": 3},
    },
}


def measure() -> Result:
    now = timezone.now()
    partitions.make_months_ahead(now=now)
    system = partners.add_system(partner=partners.add_partner(name="Bench"), name="Website", kind="WEBSITE")
    key = partners.add_write_key(system=system, by=None).shown
    structure = structures.draft(system=system, event_name="Product Viewed", schema=SCHEMA, by=None)
    structures.publish(structure, now=now)
    bare = [_bare() for _ in range(RUNS)]
    ours = [_ours(key) for _ in range(RUNS)]
    logged = [_copied(ReceivedEvent, "received_at") for _ in range(RUNS)]
    tracked = [_copied(TrackedEvent, "occurred_at") for _ in range(RUNS)]
    return _result(ours, logged, tracked, bare, [_plain() for _ in range(RUNS)])


def _result(
    ours: list[tuple[float, Load, int]],
    logged: list[float],
    tracked: list[float],
    bare: list[float],
    plain: list[float],
) -> Result:
    rates, loads, memory = ([run[part] for run in ours] for part in range(3))
    rate, limit = median(rates), median(logged)
    p99 = median(answers.percentile(0.99) for answers in loads) * 1000
    print(f"\n{'':44}{'median':>12}{'ours':>8}{'runs':>40}")
    for name, values in (
        ("ours, in the read model, events/s", rates),
        ("ours, durable and answered, events/s", list(map(_events, loads))),
        ("limit: COPY into the log's table, rows/s", logged),
        ("limit: COPY into the read model's, rows/s", tracked),
        ("limit: parsing only, events/s", bare),
        ("DRF and bulk_create, no read model, events/s", plain),
    ):
        runs = " ".join(f"{value:,.0f}" for value in values)
        print(f"{name:44}{median(values):12,.0f}{rate / median(values):8.3f}{runs:>40}")
    print(f"{'p99 at 16 connections, ms':44}{p99:12,.1f}")
    print(f"{'most memory of the web process, MB':44}{max(memory):12,}{' '.join(map(str, memory)):>48}")
    detail = {
        "p99_ms": round(p99, 1),
        "answered_events_per_second": round(median(map(_events, loads))),
        "of_copy_into_the_read_model": round(rate / median(tracked), 3),
        "parsing_only_events_per_second": round(median(bare)),
        "of_parsing_only": round(rate / median(bare), 3),
        "drf_bulk_create_events_per_second": round(median(plain)),
        "of_drf_bulk_create": round(rate / median(plain), 1),
        "web_peak_mb": max(memory),
        "connections": CONNECTIONS,
        "batch": EVENTS_IN_A_BATCH,
    }
    return Result("ingest", round(rate), "events/s", round(limit), round(rate / limit, 3), len(ours), detail)


# --- Ours ---------------------------------------------------------------------------------------------------------


def _ours(key: str) -> tuple[float, Load, int]:
    """Events per second from the first request until the read model has the last, the answers, the web's megabytes."""
    before = TrackedEvent.objects.count()
    with server("config.asgi:application") as port, process([sys.executable, "-c", FOLLOW]):
        began = time.perf_counter()
        answers = load(port, _batches(key), connections=CONNECTIONS, seconds=SECONDS)
        sent = answers.answered * EVENTS_IN_A_BATCH
        assert answers.refused == 0
        while HourCount.objects.filter(name="Product Viewed").count() == 0 or _entered() < before + sent:
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        memory = _peak_megabytes("config.asgi:application")
    assert TrackedEvent.objects.count() == before + sent == ReceivedEvent.objects.count()
    assert not TrackedEvent.objects.filter(is_valid=False).exists()
    assert not Projection.objects.exclude(last_error="").exists()
    return sent / seconds, answers, memory


def _peak_megabytes(command: str) -> int:
    """Of the largest of our processes with these words in its command."""
    peaks = [0]
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if command.encode() in (folder / "cmdline").read_bytes():
                status = (folder / "status").read_text()
                peaks.append(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
    return max(peaks)


def _entered() -> int:
    """By the rollup, which is quicker to ask than the table."""
    return sum(HourCount.objects.values_list("valid", flat=True))


def _batches(key: str):
    places = itertools.count(int(time.time() * 1000) * 1_000)
    at = timezone.now().isoformat()
    event = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "node-next-@@",
        "userId": "user-@u",
        "timestamp": at,
        "context": {"library": {"name": "@segment/analytics-node", "version": "3.1.0"}, "ip": "192.0.2.1"},
        "properties": {"sku": "SKU-1234", "price": 12.5, "quantity": 2, "currency": "USD", "category": "Red wine"},
    }
    template = orjson.dumps({"batch": [event] * EVENTS_IN_A_BATCH, "sentAt": at, "writeKey": key}).split(b"@@")
    users = [b"user-%d" % user for user in range(997)]
    headers = "Content-Type: application/json\r\n"

    def request() -> bytes:
        place = next(places)
        parts = [template[0]]
        for index, part in enumerate(template[1:]):
            parts += (b"%d-%d" % (place, index), part)
        body = b"".join(parts).replace(b"user-@u", users[place % 997])
        return http_post("/v1/batch", headers, body)

    return request


# --- The limits ---------------------------------------------------------------------------------------------------


def _bare() -> float:
    with server("tests.benchmarks.bare:application") as port:
        return _events(load(port, _batches("wk_x"), connections=CONNECTIONS, seconds=SECONDS / 2))


def _plain() -> float:
    with server("tests.benchmarks.bare:plain", "--interface", "wsgi", "--factory") as port:
        answers = load(port, _batches("wk_x"), connections=CONNECTIONS, seconds=SECONDS / 4)
    assert answers.refused == 0
    return _events(answers)


def _copied(model: type[Model], month: str) -> float:
    """Rows a second into an empty table like this one, by COPY in binary, of rows the product itself has stored."""
    rows, table = 200_000, model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS copied")
        cursor.execute(f"CREATE TABLE copied (LIKE {table} INCLUDING ALL) PARTITION BY RANGE ({month})")
        cursor.execute("CREATE TABLE copied_all PARTITION OF copied FOR VALUES FROM (MINVALUE) TO (MAXVALUE)")
        with cursor.copy(f"COPY (SELECT * FROM {table} LIMIT {rows}) TO STDOUT (FORMAT binary)") as copy:
            blocks = [bytes(block) for block in copy]
        began = time.perf_counter()
        with cursor.copy("COPY copied FROM STDIN (FORMAT binary)") as copy:
            for block in blocks:
                copy.write(block)
        seconds = time.perf_counter() - began
        cursor.execute("SELECT count(*) FROM copied")
        return cursor.fetchone()[0] / seconds


def _events(answers: Load) -> float:
    return answers.answered * EVENTS_IN_A_BATCH / answers.seconds
