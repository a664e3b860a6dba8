"""What happens to events while the database does not take them, and when it does again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests.tracking.ingest.door import Door, Sender
from tests.tracking.test_spool import a_row
from tracking.ingest.arrivals import Arrival
from tracking.ingest.commit import Committer, conninfo_of
from tracking.ingest.spool import Spool
from tracking.models import HourCount, IdentityLink, PersonActivity, ReceivedEvent, SeenMessage, TrackedEvent

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS, BACKLOG = 64, 200


def while_it_runs(folder: Path, work: Callable[[Committer, Spool], Awaitable[None]], *, options: str = "") -> None:
    async def main() -> None:
        spool = Spool(folder, most_bytes=100_000_000)
        committer = Committer(f"{conninfo_of(connection.get_connection_params())} {options}", spool)
        running = asyncio.create_task(committer.run())
        try:
            await asyncio.wait_for(work(committer, spool), 60)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await committer.close()

    asyncio.run(main())


def rows(number: int) -> list[Arrival]:
    return [a_row() for _ in range(number)]


@pytest.mark.timeout(120)
def test_after_an_outage_the_spool_is_emptied_though_events_never_stop_coming(tmp_path):
    sent = BACKLOG * 10

    async def work(committer: Committer, spool: Spool) -> None:
        nonlocal sent
        for _ in range(BACKLOG):
            spool.append(rows(10))
        is_wanted = True

        async def client() -> None:
            nonlocal sent
            while is_wanted:
                await committer.store(rows(10))
                sent += 10

        clients = [asyncio.create_task(client()) for _ in range(CLIENTS)]
        while spool.waiting_bytes:
            await asyncio.sleep(0)
        is_wanted = False
        await asyncio.gather(*clients)

    while_it_runs(tmp_path, work)
    assert ReceivedEvent.objects.count() == sent


def test_a_dead_process_leaves_nothing_behind_though_events_never_stop_coming(tmp_path):
    dead = Spool(tmp_path, most_bytes=100_000_000)
    for _ in range(20):
        dead.append(rows(10))
    dead.release()
    sent = 200

    async def work(committer: Committer, spool: Spool) -> None:
        nonlocal sent
        while len(list(tmp_path.glob("*.spool"))) > 1:
            await committer.store(rows(10))
            sent += 10

    while_it_runs(tmp_path, work)
    assert ReceivedEvent.objects.count() == sent


def test_a_database_that_only_reads_since_a_failover_is_away(tmp_path):
    async def work(committer: Committer, spool: Spool) -> None:
        await committer.store(rows(3))
        assert spool.waiting_bytes

    while_it_runs(tmp_path, work, options="options='-c default_transaction_read_only=on'")
    assert not ReceivedEvent.objects.exists()


def test_whatever_holds_up_the_read_side_holds_up_nobody_who_sends(door: Door, sender: Sender):
    """A question that never ends, a rebuild, a lock somebody forgot: the way in touches none of these tables."""
    read_side = (TrackedEvent, SeenMessage, HourCount, PersonActivity, IdentityLink)
    tables = ", ".join(model._meta.db_table for model in read_side)
    with psycopg.connect(conninfo_of(connection.get_connection_params())) as stuck:
        stuck.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        answer = door.post("/v1/batch", {"batch": [{"type": "track", "event": "A", "userId": "ada"}]}, key=sender.key)
        assert answer.status_code == 200
        assert len(sender.stored()) == 1
