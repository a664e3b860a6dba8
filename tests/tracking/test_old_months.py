"""Months that nobody wants to keep: dropped when nobody is in the way, and a rebuild loses nothing with them."""

import datetime as dt
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import Sum

from tests.tracking.received import a_system, receive, said
from tests.tracking.test_counted_properties import declare, fill, sold
from tests.tracking.test_read_model import NAME, follow, signed_in
from tracking.actions import partitions, read_model, rebuild
from tracking.actions.old_months import drop_old_months
from tracking.models import (
    HourCount,
    IdentityLink,
    PersonActivity,
    ReceivedEvent,
    SeenMessage,
    TrackedEvent,
    ValueCount,
)

pytestmark = [pytest.mark.alone, pytest.mark.django_db(transaction=True)]
DAY = dt.timedelta(days=1)
FAR = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _tables_as_before(now: dt.datetime) -> Iterator[None]:
    """Tables that a test makes are no rows: nothing else would take them away, here or where other tests made them."""
    for table in partitions.PARTITIONED:
        drop_tables(partitions.months_before(table, now))
    before = {table: partitions.months_before(table, FAR) for table in partitions.PARTITIONED}
    yield
    for table, names in before.items():
        drop_tables(set(partitions.months_before(table, FAR)) - set(names))


def drop_tables(names: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP TABLE {name}")


@contextmanager
def somebody_else() -> Iterator[psycopg.Connection]:
    known = connection.get_connection_params()
    wanted = {key: known[key] for key in ("dbname", "user", "password", "host", "port") if key in known}
    with psycopg.connect(**wanted) as other:
        other.execute("SET statement_timeout = '20s'")
        yield other


def names_of(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return [name for (name,) in cursor.fetchall()]


def test_only_months_older_than_the_retention_are_dropped(now):
    system = a_system()
    partitions.make_months("tracking_receivedevent", [dt.date(2025, 12, 1), dt.date(2026, 3, 1)])
    for at in (now - 100 * DAY, now):
        receive(system, said("A"), at=at)
    follow(now)
    assert drop_old_months(now=now, keep_months=0) == []
    dropped = drop_old_months(now=now, keep_months=2)
    assert dropped == ["tracking_receivedevent_2025_12", "tracking_trackedevent_2025_12"]
    assert TrackedEvent.objects.get().occurred_at == now
    assert SeenMessage.objects.get().seen_at == now
    assert HourCount.objects.aggregate(all=Sum("valid"))["all"] == 2, "the sums outlive the events"


def test_a_long_question_delays_the_dropping_and_not_what_systems_send(now):
    system = a_system()
    for table in partitions.PARTITIONED:
        partitions.make_months(table, [dt.date(2020, 1, 1)])
    dropped: list[str] = []

    def drop() -> None:
        try:
            dropped.extend(drop_old_months(now=now, keep_months=3))
        finally:
            connection.close()

    with somebody_else() as asking:
        asking.execute("SELECT count(*) FROM tracking_trackedevent")
        dropping = threading.Thread(target=drop)
        dropping.start()
        receive(system, said("A"), at=now)
        dropping.join(20)
        assert not dropping.is_alive(), "it gives up while the question is still running"
        assert dropped == ["tracking_receivedevent_2020_01"]
        receive(system, said("B"), at=now)
    assert drop_old_months(now=now, keep_months=3) == ["tracking_trackedevent_2020_01"]
    assert ReceivedEvent.objects.count() == 2


def test_where_nothing_is_to_be_dropped_nobody_waits_for_the_follower(now):
    follow(now)
    with somebody_else() as following:
        following.execute("SELECT FROM tracking_projection FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '1s'")
            assert drop_old_months(now=now, keep_months=600) == []
            cursor.execute("RESET statement_timeout")


def test_readers_see_the_old_state_while_it_is_being_rebuilt(now):
    receive(a_system(), said("A"), at=now)
    follow(now)
    with transaction.atomic(), somebody_else() as reader:
        read_model.forget_received()
        for model in (TrackedEvent, HourCount, PersonActivity, SeenMessage):
            assert reader.execute(f"SELECT count(*) FROM {model._meta.db_table}").fetchone() == (1,)


def what_is_known() -> dict[str, list[tuple]]:
    rows = {
        TrackedEvent: ("name", "person", "occurred_at", "is_valid"),
        HourCount: ("name", "hour", "valid", "invalid", "duplicates"),
        PersonActivity: ("person", "first_day", "days", "first_week", "weeks"),
        IdentityLink: ("anonymous_id", "user_id", "linked_at"),
        ValueCount: ("day", "value", "events"),
    }
    return {model.__name__: sorted(model.objects.values_list(*columns)) for model, columns in rows.items()}


def test_a_rebuild_after_months_were_dropped_loses_nothing_and_counts_nothing_twice(now):
    system, begins = a_system(), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    partitions.make_months("tracking_receivedevent", [dt.date(2025, 12, 1), dt.date(2026, 1, 1), dt.date(2026, 3, 1)])
    for days in (-20, -3, -1):
        receive(system, signed_in("ada", "phone"), sold("A", person="bob"), at=begins + days * DAY)
    late = {"timestamp": (begins - 2 * DAY).isoformat()}
    receive(system, sold("B", person="bob", **late), sold("C", person="eve"), at=begins + DAY)
    repeated = sold("D", person="", anonymous_id="phone", message_id="1")
    receive(system, repeated, signed_in("eve", "till"), at=now)
    receive(system, repeated, at=now)
    follow(now)
    fill(declare(system, now), now)
    assert "tracking_receivedevent_2025_12" in drop_old_months(now=now, keep_months=2)
    before = what_is_known()
    assert ("D", 1) in [(value, events) for _, value, events in before["ValueCount"]]
    for _ in range(2):
        rebuild(NAME, now=now)
        drop_old_months(now=now, keep_months=2)
        assert what_is_known() == before
    receive(system, sold("E", person="bob", **late), at=now)
    follow(now)
    assert HourCount.objects.aggregate(all=Sum("valid"))["all"] == sum(row[2] for row in before["HourCount"]) + 1


def test_a_public_key_makes_no_tables_for_long_ago_and_what_happened_then_is_shown_and_dropped(now):
    system = a_system()
    receive(system, *(said("A", timestamp=f"{year}-02-03T00:00:00Z") for year in range(2000, 2027)), at=now)
    follow(now)
    made = {name for name in names_of("tracking_trackedevent") if name.endswith("_02")}
    assert made == {f"tracking_trackedevent_{year}_02" for year in range(2022, 2027)}
    assert TrackedEvent.objects.filter(occurred_at__year=2000).count() == 1
    drop_old_months(now=now, keep_months=2)
    assert TrackedEvent.objects.count() == 1


def test_no_table_is_made_for_months_that_would_be_dropped_at_once(now, settings):
    settings.TRACKING_RETENTION_MONTHS = 3
    receive(a_system(), said("A", timestamp="2025-11-30T12:00:00Z"), at=now)
    follow(now)
    assert "tracking_trackedevent_2025_11" not in names_of("tracking_trackedevent")
    assert TrackedEvent.objects.count() == 1
