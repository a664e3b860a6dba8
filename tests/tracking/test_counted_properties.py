"""A property is declared, its values are counted as events arrive, and no answer depends on it."""

import datetime as dt
import random
from contextlib import suppress
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as how

from tests.tracking.received import a_system, receive, said
from tests.tracking.test_read_model import NAME, follow
from tests.tracking.test_replays import MENDED, WRONG, publish
from tracking.actions import counted, partitions, rebuild, replays, values
from tracking.actions.old_months import drop_old_months
from tracking.models import CountedProperty, PartnerSystem, TrackedEvent, ValueCount
from tracking.queries.shop_clock import start_of
from tracking.queries.values import TopValues, top_values

pytestmark = [pytest.mark.alone, pytest.mark.django_db(transaction=True)]
DAY = dt.timedelta(days=1)
Status = CountedProperty.Status


def declare(system: PartnerSystem, now: dt.datetime, *, name: str = "Sold", path: str = "sku") -> CountedProperty:
    return counted.declare(system=system, event_name=name, path=path, by=None, now=now)


def fill(row: CountedProperty, now: dt.datetime) -> CountedProperty:
    assert counted.fill(row.pk, clock=lambda: now)
    row.refresh_from_db()
    return row


def sold(sku: object, **more):
    return said("Sold", properties={"sku": sku}, **more)


def days_around(now: dt.datetime, back: int = 40, ahead: int = 5) -> dict[str, dt.datetime]:
    today = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    first, end = today - back * DAY, today + ahead * DAY
    return {"since": start_of(first, settings.TIME_ZONE), "until": start_of(end, settings.TIME_ZONE)}


def answer(*systems: PartnerSystem, path: str = "sku", name: str = "Sold", **span: dt.datetime) -> TopValues:
    return top_values([system.pk for system in systems], name=name, path=path, may_see=True, limit=1_000, **span)


def by_rows(*systems: PartnerSystem, path: str = "sku", name: str = "Sold", **span: dt.datetime) -> TopValues:
    """The same question where nothing is declared."""
    CountedProperty.objects.update(zone="nowhere")
    try:
        return answer(*systems, path=path, name=name, **span)
    finally:
        CountedProperty.objects.update(zone=settings.TIME_ZONE)


def told(found: TopValues) -> dict[str, int]:
    return {row.value: row.events for row in found.rows}


def sums(*systems: PartnerSystem) -> list[tuple[object, ...]]:
    """What is counted, less whatever was stopped."""
    kept = CountedProperty.objects.filter(system__in=systems, status=Status.COUNTED).values_list("pk", flat=True)
    rows = ValueCount.objects.filter(property_id__in=list(kept)).order_by("property_id", "day", "value")
    return list(rows.values_list("property_id", "day", "value", "events"))


def test_the_past_is_counted_and_what_comes_later_is_added(now):
    system, whole = a_system(), days_around(now)
    receive(system, sold("A"), sold("A"), sold("B"), said("Sold"), said("Viewed", properties={"sku": "A"}), at=now)
    follow(now)
    row = fill(declare(system, now), now)
    assert (row.status, row.seen, row.total) == (Status.COUNTED, 4, 4)
    receive(system, sold("B"), sold("B"), sold(None), sold(7), at=now)
    follow(now)
    assert told(answer(system, **whole)) == {"B": 3, "A": 2, "7": 1}
    assert answer(system, **whole) == by_rows(system, **whole)
    TrackedEvent.objects.all().delete()
    assert told(answer(system, **whole)) == {"B": 3, "A": 2, "7": 1}, "the sums answer, not the events"


def test_events_that_come_while_the_past_is_counted_are_counted_once(now, monkeypatch):
    system, whole = a_system(), days_around(now)
    monkeypatch.setattr(counted, "EVENTS_A_STEP", 3)
    for back in range(12):
        receive(system, *(sold(letter) for letter in "ABC"), at=now - back * DAY)
    follow(now)
    row, arrivals = declare(system, now), iter(range(100))

    def clock() -> dt.datetime:
        """Between two steps something arrives, for a day that is counted, one that is not, and for tomorrow."""
        for days in (next(arrivals) % 12, 11, -1):
            receive(system, sold("late"), at=now - days * DAY)
        follow(now)
        return now

    assert counted.fill(row.pk, clock=clock)
    row.refresh_from_db()
    assert row.status == Status.COUNTED
    assert answer(system, **whole) == by_rows(system, **whole)
    assert told(answer(system, **whole))["late"] > 20


def test_days_counted_already_answer_while_the_rest_is_counted(now, monkeypatch):
    system, today = a_system(), days_around(now, back=0)
    monkeypatch.setattr(counted, "EVENTS_A_STEP", 3)
    for back in range(12):
        receive(system, *(sold(letter) for letter in "ABC"), at=now - back * DAY)
    follow(now)
    row, ticks = declare(system, now), iter(range(100))

    def clock() -> dt.datetime:
        if next(ticks) == 4:
            raise KeyboardInterrupt  # The worker is killed.
        return now

    with pytest.raises(KeyboardInterrupt):
        counted.fill(row.pk, clock=clock)
    row.refresh_from_db()
    assert row.status == Status.FILLING
    assert 0 < row.seen < row.total
    assert answer(system, **today) == by_rows(system, **today)
    assert answer(system, **days_around(now)) == by_rows(system, **days_around(now))
    assert not counted.fill(row.pk, clock=lambda: now), "somebody else may be at it"
    later = now + 2 * counted.LEFT_BEHIND
    counted.work(clock=lambda: later)
    row.refresh_from_db()
    assert (row.status, row.seen) == (Status.COUNTED, 36)
    assert answer(system, **days_around(now)) == by_rows(system, **days_around(now))


def test_part_of_a_day_and_systems_that_do_not_count_ask_their_events(now):
    website, till, whole = a_system(), a_system("Acme", "Till"), days_around(now)
    for system in (website, till):
        receive(system, sold("A"), sold("B"), at=now)
        receive(system, sold("A"), at=now - dt.timedelta(hours=2))
    follow(now)
    fill(declare(website, now), now)
    assert told(answer(website, till, **whole)) == {"A": 4, "B": 2}
    part = {"since": now - dt.timedelta(hours=1), "until": now + dt.timedelta(hours=1)}
    assert told(answer(website, **part)) == {"A": 1, "B": 1}
    ValueCount.objects.update(events=100)
    assert told(answer(website, till, **whole)) == {"A": 102, "B": 101}
    assert told(answer(website, **part)) == {"A": 1, "B": 1}


def test_where_the_shops_days_move_to_another_zone_the_events_are_asked(now, settings):
    system = a_system()
    receive(system, sold("A"), at=now)
    follow(now)
    fill(declare(system, now), now)
    ValueCount.objects.update(events=100)
    settings.TIME_ZONE = "Asia/Tokyo"
    assert told(answer(system, **days_around(now))) == {"A": 1}


def test_a_property_that_names_each_thing_once_is_refused_with_the_reason(now, monkeypatch):
    system = a_system()
    monkeypatch.setattr(counted, "MANY_VALUES", 10)
    events = (said("Sold", properties={"order": {"id": number}, "sku": "A", "note": "x" * 300}) for number in range(30))
    receive(system, *events, at=now)
    follow(now)
    for path, reason in (("order.id", "different values"), ("note", "300 characters"), ("skew", "no property|has a")):
        with pytest.raises(counted.CannotCount, match=reason):
            declare(system, now, path=path)
    declare(system, now)
    with pytest.raises(counted.CannotCount, match="counted already"):
        declare(system, now)
    monkeypatch.setattr(counted, "MOST_OF_A_SYSTEM", 1)
    with pytest.raises(counted.CannotCount, match="Stop one"):
        declare(system, now, path="order")


@pytest.mark.parametrize("is_filled", [True, False])
def test_values_without_bounds_end_the_counting_and_never_the_answer(now, monkeypatch, is_filled):
    system, whole = a_system(), days_around(now)
    receive(system, sold("A"), at=now)
    follow(now)
    row = declare(system, now)
    if is_filled:
        fill(row, now)
    monkeypatch.setattr(values, "MOST_VALUES_A_DAY", 5)
    receive(system, *(sold(number) for number in range(9)), at=now)
    follow(now)
    if not is_filled:
        fill(row, now)
    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.GIVEN_UP, values.TOO_MANY)
    assert answer(system, **whole).different == 10
    counted.work(clock=lambda: now)
    assert not ValueCount.objects.exists()
    assert answer(system, **whole).different == 10


@pytest.mark.parametrize("is_filled", [True, False])
def test_a_value_as_long_as_a_page_does_too(now, is_filled):
    system, whole = a_system(), days_around(now)
    receive(system, sold("A"), at=now)
    follow(now)
    row = declare(system, now)
    if is_filled:
        fill(row, now)
    receive(system, sold("x" * 5_000), at=now)
    follow(now)
    if not is_filled:
        fill(row, now)
    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.GIVEN_UP, values.TOO_LONG)
    assert told(answer(system, **whole)) == {"A": 1, "x" * 5_000: 1}


def test_what_is_stopped_asks_its_events_and_leaves_nothing_behind(now):
    system, whole = a_system(), days_around(now)
    receive(system, sold("A"), at=now)
    follow(now)
    row = fill(declare(system, now), now)
    counted.stop(row)
    ValueCount.objects.update(events=100)
    assert told(answer(system, **whole)) == {"A": 1}
    receive(system, sold("A"), at=now)
    follow(now)
    counted.work(clock=lambda: now)
    assert not ValueCount.objects.exists()
    fill(declare(system, now), now)
    assert told(answer(system, **whole)) == {"A": 2}


def test_months_that_are_dropped_take_their_sums_along(now):
    system = a_system()
    partitions.make_months("tracking_trackedevent", [dt.date(2025, 12, 1), dt.date(2026, 1, 1)])
    edge = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for hours in (-40, -3, -1, 1, 3, 40, 24 * 60):
        receive(system, sold("A"), at=edge + dt.timedelta(hours=hours))
    follow(now)
    row = fill(declare(system, now), now)
    whole = days_around(now, back=200)
    assert told(answer(system, **whole)) == {"A": 7}
    assert drop_old_months(now=now, keep_months=0) == []
    assert "tracking_trackedevent_2025_12" in drop_old_months(now=now, keep_months=2)
    assert told(answer(system, **whole)) == {"A": 4}
    counted.work(clock=lambda: now)
    row.refresh_from_db()
    assert row.status == Status.COUNTED
    assert told(answer(system, **whole)) == {"A": 4}
    assert drop_old_months(now=now, keep_months=2) == []
    row.refresh_from_db()
    assert row.status == Status.COUNTED, "where nothing was dropped nothing is counted again"


ZONE_EDGES = [dt.timedelta(hours=hours) for hours in (0, 3, 4, 5, 6, 23, 24, 29)]
EVENT = strategies.tuples(
    strategies.sampled_from(["Sold", "Sold", "Sold", "Viewed"]),
    strategies.sampled_from(["A", "B", 1, 1.5, None, "", ["A"], {"inner": "A"}, "absent"]),
    strategies.integers(0, 14),  # message id: some collide, some repeat
    strategies.integers(0, 60),  # days ago
    strategies.sampled_from(ZONE_EDGES),
    strategies.booleans(),  # of which system
)
VERBS = ["declare", "fill", "step", "stop", "mend", "rebuild"]
STEP = strategies.one_of(
    strategies.tuples(strategies.just("receive"), strategies.lists(EVENT, min_size=1, max_size=8)),
    strategies.tuples(
        strategies.sampled_from(["declare", "fill", "step", "stop", "mend", "rebuild"]), strategies.none()
    ),
)


@how(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=strategies.lists(STEP, min_size=4, max_size=25))
def test_sums_answer_like_events_whatever_happened(now, history, monkeypatch):
    """Late, repeated and colliding events, replays and rebuilds, before, while and after the past is counted."""
    monkeypatch.setattr(counted, "EVENTS_A_STEP", 4)
    whole, narrow = days_around(now, back=90), days_around(now, back=21, ahead=-3)
    systems = a_system("Acme", f"Website {uuid4()}"), a_system("Acme", f"Till {uuid4()}")
    wrong = publish(systems[0], WRONG, now)
    for verb, events in history:
        _happen(verb, events, systems, wrong, now)
        for span in (whole, narrow):
            for asked in (systems[:1], systems):
                assert answer(*asked, **span) == by_rows(*asked, **span), verb
    _happen("fill", None, systems, wrong, now)
    before = sums(*systems)
    rebuild(NAME, now=now)
    assert sums(*systems) == before, "step by step or all at once"


def _happen(verb, events, systems, wrong, now) -> None:
    rows = CountedProperty.objects.filter(status__in=CountedProperty.KEPT_UP)
    match verb:
        case "receive":
            for name, sku, message, days, hours, is_first in events:
                properties = {} if sku == "absent" else {"sku": sku}
                at = (now - days * DAY).replace(hour=0, minute=0) + hours
                event = said(name, message_id=str(message), properties=properties)
                receive(systems[not is_first], event, at=at, structures=[wrong])
            follow(now)
        case "declare":
            for system in systems:
                with suppress(counted.CannotCount):
                    declare(system, now)
        case "fill":
            counted.work(clock=lambda: now + 2 * counted.LEFT_BEHIND)
        case "step":
            for row in rows:
                counted._count_some_days(row.pk, now)
        case "stop" if row := rows.first():
            counted.stop(row)
        case "mend":
            publish(systems[0], MENDED, now)
            try:
                replay = replays.start(system=systems[0], by=None, now=now)
            except replays.NothingToReplay:
                return
            replays.run(replay.pk, clock=lambda: now)
        case "rebuild":
            rebuild(NAME, now=now)


def test_a_rebuild_counts_what_was_counted_step_by_step(now):
    chance, system = random.Random(5), a_system()
    receive(system, sold("A"), at=now)
    follow(now)
    fill(declare(system, now), now)
    for _ in range(12):
        for _ in range(5):
            at = now - chance.randrange(70) * DAY - dt.timedelta(hours=chance.randrange(24))
            receive(system, sold(chance.choice("ABC"), message_id=str(chance.randrange(40))), at=at)
        follow(now)
    before = sums(system)
    assert sum(row[3] for row in before) == TrackedEvent.objects.count()
    rebuild(NAME, now=now)
    assert sums(system) == before
