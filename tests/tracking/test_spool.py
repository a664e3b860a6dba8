"""The local file that stands in for the database: what it took, it gives back, whoever died in between."""

import datetime as dt
import os
import signal
import subprocess
import sys
from itertools import count

import pytest
from uuid_utils import uuid4

from tracking.ingest.arrivals import Arrival
from tracking.ingest.spool import Spool, SpoolFile, SpoolFull, packed, size_of

AT = dt.datetime(2026, 3, 29, 15, 30, tzinfo=dt.UTC)
_numbers = count()


def a_row(**changes: object) -> Arrival:
    values = {
        "id": uuid4(),
        "received_at": AT,
        "system_id": 1,
        "dialect": "native",
        "kind": "track",
        "name": "Order Completed",
        "message_id": f"m{next(_numbers)}",
        "user_id": "ada",
        "anonymous_id": "",
        "occurred_at": AT,
        "properties": b'{"total":12.5,"note":"\xc3\xa9"}',
        "context": b"{}",
        "errors": b"[]",
        "structure_id": None,
        "sdk": "",
        "correlation_id": "c",
    }
    return Arrival(**(values | changes))


def drained(spool: Spool | SpoolFile) -> list[list[Arrival]]:
    groups = []
    while spool.waiting_bytes:
        if rows := spool.next_rows():
            groups.append(rows)
        spool.forget()
    return groups


def test_rows_come_back_as_they_were_and_in_order(tmp_path):
    spool = Spool(tmp_path, most_bytes=10_000_000)
    groups = [[a_row(), a_row()], [a_row(structure_id=7, errors=b'[{"type":"format"}]')]]
    for group in groups:
        spool.append(group)
    assert drained(spool) == groups
    spool.append(groups[1])
    assert drained(spool) == groups[1:], "an emptied file is used again"


def test_a_record_that_was_offered_and_not_forgotten_is_offered_again(tmp_path):
    spool = Spool(tmp_path, most_bytes=10_000_000)
    spool.append([a_row(message_id="kept")])
    assert spool.next_rows() == spool.next_rows()


def test_a_full_spool_says_so_and_keeps_what_it_has(tmp_path):
    groups = [[a_row()] for _ in range(4)]
    spool = Spool(tmp_path, most_bytes=3 * len(packed(groups[0])) + 10)
    for group in groups[:3]:
        spool.append(group)
    with pytest.raises(SpoolFull):
        spool.append(groups[3])
    assert drained(spool) == groups[:3]


def test_a_living_process_keeps_its_file_to_itself(tmp_path):
    mine, other = (Spool(tmp_path, most_bytes=10_000_000) for _ in range(2))
    mine.append([a_row()])
    assert other.orphans() == []
    assert drained(mine)


DYING = """
import sys
from pathlib import Path
from tests.tracking.test_spool import a_row
from tracking.ingest.spool import Spool
spool = Spool(Path(sys.argv[1]), most_bytes=10_000_000)
for number in range(1_000_000):
    spool.append([a_row(message_id=f"m{number}")])
    print(number, flush=True)
"""


def test_what_a_killed_process_had_answered_for_is_found_by_another(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout
    answered = [int(process.stdout.readline()) for _ in range(25)]
    process.send_signal(signal.SIGKILL)
    answered += [int(line) for line in process.stdout.read().splitlines()]
    process.wait(10)
    orphans = Spool(tmp_path, most_bytes=10_000_000).orphans()
    assert len(orphans) == 1
    found = [row.message_id for group in drained(orphans[0]) for row in group]
    assert found[: len(answered)] == [f"m{number}" for number in answered]
    assert len(found) - len(answered) in {0, 1}, "at most one was written and not yet answered"


@pytest.mark.parametrize("lost", [1, 5, 60])
def test_a_record_that_was_cut_short_is_dropped_and_the_whole_ones_before_it_are_not(tmp_path, lost):
    spool = Spool(tmp_path, most_bytes=10_000_000)
    whole = [a_row()]
    spool.append(whole)
    spool.append([a_row()])
    path = next(tmp_path.glob("*.spool"))
    os.truncate(path, path.stat().st_size - lost)
    copy = tmp_path / "copy.spool"
    copy.write_bytes(path.read_bytes())
    orphan = SpoolFile.adopt(copy)
    assert orphan
    assert drained(orphan) == [whole]


def test_a_record_whose_bytes_changed_on_the_disk_is_not_believed(tmp_path):
    spool = Spool(tmp_path, most_bytes=10_000_000)
    spool.append([a_row()])
    path = next(tmp_path.glob("*.spool"))
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    assert drained(spool) == []


def test_a_long_outage_fills_file_after_file_and_gives_the_disk_back_as_they_are_emptied(tmp_path, monkeypatch):
    groups = [[a_row()] for _ in range(30)]
    monkeypatch.setattr("tracking.ingest.spool.LARGE_FILE", 5 * len(packed(groups[0])))
    spool = Spool(tmp_path, most_bytes=10_000_000)
    for group in groups:
        spool.append(group)
    full = size_of(tmp_path)
    assert len(list(tmp_path.glob("*.spool"))) > 3
    spool.append(last := [a_row()])
    found: list[Arrival] = []
    while len(found) < 20:
        found += spool.next_rows(most=5)
        spool.forget()
    assert size_of(tmp_path) < full * 0.7
    assert [[row] for row in found] + drained(spool) == [*groups, last]
    assert size_of(tmp_path) == 0


def test_a_damaged_record_is_set_aside_and_those_behind_it_are_not_lost(tmp_path):
    spool = Spool(tmp_path, most_bytes=10_000_000)
    groups = [[a_row()] for _ in range(3)]
    for group in groups:
        spool.append(group)
    path = next(tmp_path.glob("*.spool"))
    content = bytearray(path.read_bytes())
    content[len(packed(groups[0])) + 40] ^= 1
    path.write_bytes(content)
    assert spool.next_rows(most=10) == [*groups[0], *groups[2]]
    spool.forget()
    assert spool.waiting_bytes == 0
    assert len(next(tmp_path.glob("*.damaged")).read_bytes()) == len(packed(groups[1])), "for somebody who looks"
