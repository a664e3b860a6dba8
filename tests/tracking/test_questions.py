"""Funnels, retention, sessions and lists: the same answers as somebody with a pencil would give."""

import datetime as dt
import random
from dataclasses import replace
from itertools import combinations, pairwise

import pytest

from tests.tracking.received import a_system, receive, said
from tracking.queries.funnels import Funnel, Step, dropped_off, funnel
from tracking.queries.places import BadPlace
from tracking.queries.retention import retention
from tracking.queries.sessions import session_sums, sessions
from tracking.queries.tracked import Place, PropertyIs, Wanted, errors, timeline, tracked

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def system(now):
    return a_system("Acme", "Website")


def do(system, now, *acts: tuple[str, str, dt.timedelta], **more):
    """Each act is (person, event, how long after the beginning)."""
    start = now - 100 * DAY
    receive(
        system, *(said(name, who, timestamp=(start + after).isoformat(), **more) for who, name, after in acts), at=now
    )


def asked(system, now, *steps: str, **more) -> Funnel:
    each = tuple(Step(tuple(step.split("|"))) for step in steps)
    return Funnel(**({"system_ids": (system.pk,), "steps": each, "since": now - 200 * DAY, "until": now} | more))


def test_each_step_counts_those_who_did_it_after_the_one_before(system, now, follow_events):
    do(
        system, now,
        ("ada", "View", 0 * HOUR), ("ada", "Cart", 1 * HOUR), ("ada", "Buy", 2 * HOUR),
        ("bob", "Cart", 0 * HOUR), ("bob", "View", 1 * HOUR),
        ("cy", "View", 0 * HOUR), ("cy", "Buy", 1 * HOUR),
    )  # fmt: skip
    follow_events()
    steps = asked(system, now, "View", "Cart", "Buy")
    assert [reached.people for reached in funnel(steps)] == [[3, 1, 1]]
    assert dropped_off(steps, after_step=1) == ["bob", "cy"]
    assert dropped_off(steps, after_step=3) == ["ada"]


def test_a_later_beginning_counts_when_the_first_one_is_too_long_ago(system, now, follow_events):
    do(system, now, ("ada", "View", 0 * DAY), ("ada", "View", 20 * DAY), ("ada", "Buy", 21 * DAY))
    follow_events()
    assert funnel(asked(system, now, "View", "Buy", window=7 * DAY))[0].people == [1, 1]
    assert funnel(asked(system, now, "View", "Buy", window=HOUR))[0].people == [1, 0]


def test_one_event_is_not_two_steps_and_an_or_step_takes_either_name(system, now, follow_events):
    do(system, now, ("ada", "View", 0 * HOUR), ("bob", "View", 0 * HOUR), ("bob", "Search", HOUR))
    follow_events()
    assert funnel(asked(system, now, "View", "View"))[0].people == [2, 0]
    assert funnel(asked(system, now, "View", "Cart|Search"))[0].people == [2, 1]


def test_strict_order_allows_nothing_in_between(system, now, follow_events):
    do(
        system, now,
        ("ada", "View", 0 * HOUR), ("ada", "Buy", 1 * HOUR),
        ("bob", "View", 0 * HOUR), ("bob", "Read", 1 * HOUR), ("bob", "Buy", 2 * HOUR),
    )  # fmt: skip
    follow_events()
    assert funnel(asked(system, now, "View", "Buy", order="strict"))[0].people == [2, 1]
    assert funnel(asked(system, now, "View", "Buy"))[0].people == [2, 2]


def test_steps_ask_for_properties_and_break_down_by_one(system, now, follow_events):
    for who, colour in (("ada", "red"), ("bob", "red"), ("cy", "white")):
        do(system, now, (who, "View", HOUR), properties={"wine": {"colour": colour}})
    do(system, now, ("ada", "Buy", 2 * HOUR), ("cy", "Buy", 2 * HOUR))
    follow_events()
    red = Step(("View",), (PropertyIs(("wine", "colour"), ("red",)),))
    assert funnel(asked(system, now, "View", "Buy", steps=(red, Step(("Buy",)))))[0].people == [2, 1]
    by_colour = funnel(asked(system, now, "View", "Buy", breakdown=("wine", "colour")))
    assert [(reached.group, reached.people) for reached in by_colour] == [("red", [2, 1]), ("white", [1, 1])]


def by_pencil(events: list[tuple[int, str]], steps: list[str], window: int) -> int:
    """The furthest step of one person: every way to choose events is tried."""
    ordered = sorted(events)
    for count in range(len(steps), 0, -1):
        for chosen in combinations(ordered, count):
            times = [at for at, _ in chosen]
            if all(name == step for (_, name), step in zip(chosen, steps, strict=False)) and (
                all(one < two for one, two in pairwise(times)) and times[-1] - times[0] <= window
            ):
                return count
    return 0


@pytest.mark.parametrize("order", ["ordered", "strict"])
def test_who_has_the_same_name_at_another_partner_is_somebody_else(system, now, follow_events, order):
    rival = a_system("Rival", "Website")
    do(
        system,
        now,
        ("42", "View", 0 * HOUR),
        ("43", "View", 0 * HOUR),
        ("43", "Buy", 1 * HOUR),
        properties={"at": "us"},
    )
    do(rival, now, ("42", "Buy", 1 * HOUR), ("43", "View", 0 * HOUR), properties={"at": "them"})
    follow_events()
    both = asked(system, now, "View", "Buy", system_ids=(system.pk, rival.pk), order=order)
    assert funnel(both)[0].people == [3, 1]
    assert dropped_off(both, after_step=1) == ["42", "43"]
    groups = funnel(replace(both, breakdown=("at",)))
    assert [(each.group, each.people) for each in groups] == [("us", [2, 1]), ("them", [1, 0])]


@pytest.mark.parametrize("seed", range(6))
def test_random_histories_give_what_trying_every_way_gives(system, now, follow_events, seed):
    """Of two partners, whose people go by the same names."""
    chance, steps, window = random.Random(seed), ["A", "B", random.Random(seed).choice("ABC")], 5
    systems = (system, a_system("Rival", "Website"))
    histories = {
        (of, f"p{number}"): [(chance.randrange(12), chance.choice("ABCX")) for _ in range(chance.randrange(9))]
        for of in systems
        for number in range(30)
    }
    for of in systems:
        told = [(who, history) for (owner, who), history in histories.items() if owner == of]
        do(of, now, *((who, name, at * MINUTE) for who, history in told for at, name in history))
    follow_events()
    furthest = {who: by_pencil(history, steps, window) for who, history in histories.items()}
    expected = [sum(1 for level in furthest.values() if level >= step) for step in (1, 2, 3)]
    question = asked(system, now, *steps, window=window * MINUTE, system_ids=tuple(each.pk for each in systems))
    assert funnel(question)[0].people == expected
    assert dropped_off(question, after_step=1) == sorted({who for (_, who), level in furthest.items() if level == 1})


def test_cohorts_begin_with_the_first_event_and_come_back_by_day_and_by_week(system, now, follow_events):
    do(
        system, now,
        ("ada", "View", 0 * DAY), ("ada", "View", 1 * DAY), ("ada", "View", 9 * DAY),
        ("bob", "View", 0 * DAY), ("bob", "View", 8 * DAY),
        ("cy", "View", 30 * DAY),
    )  # fmt: skip
    follow_events()
    first = (now - 100 * DAY).date()
    days = retention([system.pk], unit="day", first=first, last=first, units=9, today=now.date())
    assert [(cohort.people, cohort.returned) for cohort in days] == [(2, [2, 1, 0, 0, 0, 0, 0, 0, 1, 1])]
    weeks = retention([system.pk], unit="week", first=first - 7 * DAY, last=first, units=2, today=now.date())
    assert [(cohort.people, cohort.returned) for cohort in weeks] == [(2, [2, 2, 0])]


def test_a_young_cohort_is_not_said_to_have_stayed_away_in_the_future(system, now, follow_events):
    do(system, now, ("ada", "View", 99 * DAY))
    follow_events()
    yesterday = (now - DAY).date()
    found = retention([system.pk], unit="day", first=yesterday, last=yesterday, units=9, today=now.date())
    assert [cohort.returned for cohort in found] == [[1, 0]]


def test_half_an_hour_of_quiet_ends_a_session(system, now, follow_events):
    for after in (0, 10, 39, 70, 80):
        do(system, now, ("", "View", after * MINUTE), anonymous_id="cookie")
    do(system, now, ("", "View", 5 * MINUTE), anonymous_id="other")
    follow_events()
    found = sessions([system.pk], since=now - 200 * DAY, until=now)
    assert [(each.anonymous_id, each.events) for each in found] == [("cookie", 2), ("other", 1), ("cookie", 3)]
    sums = session_sums([system.pk], since=now - 200 * DAY, until=now)
    assert (sums.sessions, sums.visitors, sums.events_per_session, sums.median_seconds) == (3, 2, 2.0, 600.0)


def test_a_list_goes_on_where_it_stopped_though_many_happened_at_once(system, now, follow_events):
    do(system, now, *((f"p{number}", "View", HOUR) for number in range(7)))
    follow_events()
    seen, place = [], None
    while page := list(tracked(Wanted((system.pk,)), before=place)[:3]):
        seen += [event.person for event in page]
        place = Place.read(str(Place.of(page[-1])))
    assert sorted(seen) == [f"p{number}" for number in range(7)]
    with pytest.raises(BadPlace):
        Place.read("elsewhere")


def test_lists_are_narrowed_by_what_somebody_asks_for(system, now, follow_events):
    other = a_system("Acme", "App")
    do(system, now, ("ada", "View", HOUR), properties={"sku": "A1", "n": 3})
    do(system, now, ("bob", "Buy", 2 * HOUR), ("bob", "", 3 * HOUR))
    do(other, now, ("ada", "Open", HOUR))
    follow_events()

    def names(**wanted) -> list[str]:
        return [event.name for event in tracked(Wanted((system.pk,), **wanted))]

    assert names() == ["", "Buy", "View"]
    assert names(names=("Buy", "View")) == ["Buy", "View"]
    assert names(is_valid=False) == names(error_type="missing_name") == [""]
    assert names(properties=(PropertyIs(("sku",), ("A1", "A2")), PropertyIs(("n",), ("3",)))) == ["View"]
    assert names(properties=(PropertyIs(("sku",)),)) == ["View"]
    assert names(since=now - 100 * DAY + 2 * HOUR, until=now - 100 * DAY + 3 * HOUR) == ["Buy"]
    assert [event.name for event in timeline(system.partner_id, "ada")] == ["Open", "View"] or [
        event.name for event in timeline(system.partner_id, "ada")
    ] == ["View", "Open"]


def test_faults_are_counted_by_event_kind_and_pointer(system, now, follow_events):
    do(system, now, ("ada", "", HOUR), ("bob", "", 2 * HOUR))
    receive(system, said("Buy", timestamp="soon"), at=now - DAY)
    follow_events()
    found = errors([system.pk], since=now - 200 * DAY, until=now, may_see=True)
    assert [(each.name, each.type, each.events) for each in found] == [
        ("", "missing_name", 2),
        ("Buy", "bad_timestamp", 1),
    ]
