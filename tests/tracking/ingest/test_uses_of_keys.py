"""When a key was last used is written down beside the events, and disturbs nobody."""

import datetime as dt

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from tests.copies import wait_for
from tracking.ingest import uses
from tracking.ingest.commit import conninfo_of

EVENT = {"type": "track", "event": "Sold", "userId": "ada"}


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "LOOK_EVERY", 0.05)


def last_used(sender):
    sender.write_key.refresh_from_db()
    return sender.write_key.last_used_at


def test_a_key_that_opened_the_door_says_when(door, sender):
    assert last_used(sender) is None
    door.post("/v1/track", EVENT, key=sender.key)
    used = wait_for(lambda: last_used(sender), seconds=5)
    assert abs(used - timezone.now()) < dt.timedelta(seconds=10)
    assert not sender.system.keys.exclude(pk=sender.write_key.pk).filter(last_used_at__isnull=False).exists()


def test_it_is_written_once_a_minute_and_wakes_nobody(door, sender):
    with psycopg.connect(conninfo_of(connection.get_connection_params()), autocommit=True) as ear:
        ear.execute("LISTEN tracking_catalogue")
        for _ in range(20):
            door.post("/v1/track", EVENT, key=sender.key)
        first = wait_for(lambda: last_used(sender), seconds=5)
        door.post("/v1/track", EVENT, key=sender.key)
        door.run(door.app.uses.tell)
        assert list(ear.notifies(timeout=0.2)) == []
    assert last_used(sender) == first


def test_of_two_processes_the_one_that_told_lately_stands(door, sender):
    lately = timezone.now() - dt.timedelta(seconds=30)
    type(sender.write_key).objects.filter(pk=sender.write_key.pk).update(last_used_at=lately)
    door.post("/v1/track", EVENT, key=sender.key)
    door.run(door.app.uses.tell)
    assert last_used(sender) == lately
