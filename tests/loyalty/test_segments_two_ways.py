"""A segment asked of the database and asked of one member in memory has the same answer."""

import datetime as dt
import random
import uuid
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loyalty.models import Consent, Forecast, Member, MemberStats, Order, OrderLine, Product, Score, Store
from loyalty.queries.segments import facts_of, members_matching
from loyalty.rules.segments import FIELDS, Kind, faults_of, matches
from tests.kept import kept
from tests.tracking.received import a_system
from tracking.models import Event, SavedFunnel, TrackedEvent

STORES, CATEGORIES, SKUS, EVENTS = ("north", "south"), ("Wine", "Beer", ""), ("w1", "b1", "x1"), ("opened", "clicked")
FUNNELS = [str(uuid.UUID(int=number)) for number in (1, 2)]
DAYS = (0, 1, 2, 3, 20, 21, 22, 366)
TEXTS = {
    "member.home_store": STORES,
    "stats.primary_category": ("Wine", "Beer"),
    "score.group": ("champions", "lost", "new"),
    "forecast.churn_risk": ("low", "medium", "high"),
    "forecast.next_category": ("Wine", "Beer"),
    "orders.category": ("Wine", "Beer"),
    "orders.product": SKUS,
    "orders.store": STORES,
    "events.happened": EVENTS,
    "events.left_funnel": [f"{funnel}:{step}" for funnel in FUNNELS for step in (1, 2, 3)],
}


def values_of(field):
    match field.kind:
        case Kind.NUMBER if field.topic == "score":
            return st.integers(1, 5)
        case Kind.NUMBER if field.name == "member.age":
            return st.integers(19, 23)
        case Kind.NUMBER if field.topic == "forecast":
            return st.sampled_from([0, 28, 29, 30, 57, 58, 99, 100])
        case Kind.NUMBER:
            return st.integers(0, 4)
        case Kind.MONEY:
            return st.sampled_from(["0", "0.01", "10", "33.33", "33.34", "100.00"])
        case Kind.DAYS_AGO:
            return st.sampled_from(DAYS)
        case Kind.FLAG:
            return st.booleans()
        case Kind.CHOICE:
            return st.lists(st.sampled_from([*TEXTS[field.name], "elsewhere"]), min_size=1, max_size=3)
    counted = {"times": st.integers(0, 3), "days": st.sampled_from([day for day in DAYS if day])}
    if field.of:
        counted["of"] = st.sampled_from([*TEXTS[field.name], "elsewhere"])
    return st.fixed_dictionaries(counted)


def conditions_on(field):
    return st.fixed_dictionaries(
        {"field": st.just(field.name), "is": st.sampled_from(field.operators), "value": values_of(field)}
    )


conditions = st.sampled_from(list(FIELDS.values())).flatmap(conditions_on)
rules = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=8,
).filter(lambda rule: not faults_of(rule))


@pytest.fixture
def crowd(db, now):
    return kept(("crowd", now), lambda: _crowd(now))


def _crowd(now):
    """Fifty members with every sort of gap, many of whose moments lie at the edge of a day."""
    dice = random.Random(20_260_329)
    stores = [Store.objects.create(code=code, name=code) for code in STORES]
    products = [
        Product.objects.create(sku=sku, name=sku, category=category)
        for sku, category in zip(SKUS, CATEGORIES, strict=True)
    ]
    members = [_member(dice, number, stores, now) for number in range(50)]
    for member in members:
        for number in range(dice.choice([0, 0, 1, 3, 5])):
            _order(dice, f"{member.pk}-{number}", member, stores, products, now)
        for number in range(dice.choice([0, 0, 1, 4])):
            Event.objects.create(
                name=dice.choice(EVENTS),
                subject=str(member.public_id),
                key=f"{member.pk}-{number}",
                occurred_at=_moment(dice, now),
            )
    _visits(dice, members, now)
    return [(member.pk, facts_of(member, now=now)) for member in members]


def _visits(dice, members, now):
    """What some of them did on a website, under any of their names, and two funnels about it."""
    system = a_system()
    for member in members:
        called = dice.choice([str(member.public_id), member.external_id, member.email, f"stranger-{member.pk}"])
        for name in dice.sample(["View", "Cart", "Buy"], dice.randint(0, 3)) if called else ():
            TrackedEvent.objects.create(
                id=uuid.UUID(int=dice.getrandbits(128)), occurred_at=_moment(dice, now), received_at=now,
                partner_id=system.partner_id, system_id=system.pk, kind="track", name=name, person=called,
                user_id=called, is_valid=dice.random() < 0.9,
            )  # fmt: skip
    for number, (funnel, order) in enumerate(zip(FUNNELS, ("ordered", "strict"), strict=True)):
        steps = [{"names": [name]} for name in ("View", "Cart", "Buy")]
        definition = {"steps": steps, "window": 21, "order": order, "days": 400}
        SavedFunnel.objects.create(
            public_id=funnel, name=f"Funnel {number}", definition=definition, created_at=now,
            archived_at=now if number else None,
        )  # fmt: skip


def _moment(dice, now):
    """Some days ago: at the first or last instant of a local day, or at any time in it."""
    day = timezone.localdate(now) - dt.timedelta(days=dice.choice(DAYS))
    time = dice.choice([dt.time.min, dt.time.max, dt.time(dice.randrange(24), 30)])
    return timezone.make_aware(dt.datetime.combine(day, time))


def _member(dice, number, stores, now):
    today = timezone.localdate(now)
    birthdays = [None, today.replace(year=2005), today.replace(year=2005) + dt.timedelta(days=1), dt.date(2004, 2, 29)]
    member = Member.objects.create(
        name=f"Member {number}",
        email=dice.choice([None, f"m{number}@example.com"]),
        phone=dice.choice([None, f"+1212555{number:04}"]),
        birth_date=dice.choice(birthdays),
        external_id=dice.choice([None, f"C{number}"]),
        home_store=dice.choice([None, *stores]),
        joined_at=_moment(dice, now),
    )
    for channel in ("email", "sms"):
        if (granted := dice.choice([None, True, False])) is not None:
            Consent.objects.create(
                member=member, channel=channel, is_granted=granted, wording="Yes", source="till", changed_at=now
            )
    if dice.random() < 0.7:
        moments = sorted([_moment(dice, now), _moment(dice, now)])
        orders = dice.choice([0, 1, 2, 3])
        MemberStats.objects.create(
            member=member,
            orders=orders,
            night_orders=dice.randint(0, orders),
            spent=Decimal(dice.choice(["-5.00", "0.00", "10.00", "66.67", "100.00", "100.01"])),
            first_ordered_at=moments[0] if orders else None,
            last_ordered_at=moments[1] if orders else None,
            primary_category=dice.choice(CATEGORIES),
        )
        if orders:
            quintiles = {name: dice.randint(1, 5) for name in ("recency", "frequency", "monetary")}
            group = dice.choice(TEXTS["score.group"])
            Score.objects.create(member=member, group=group, is_night_buyer=dice.choice([True, False]), **quintiles)
        if orders > 1:
            _forecast(dice, member)
    return member


def _forecast(dice, member):
    """Chances that a hundred times over are a little less than they should be, among others."""
    chances = (0.0, 0.29, 0.2999, 0.3, 0.57, 0.58, 1.0)
    Forecast.objects.create(
        member=member,
        p_alive=dice.choice(chances),
        p_return=dice.choice(chances),
        expected_orders=dice.random(),
        expected_value=Decimal(dice.choice(["0.00", "9.99", "10.00", "33.33", "100.00"])),
        churn_risk=dice.choice(TEXTS["forecast.churn_risk"]),
        next_category=dice.choice(CATEGORIES),
    )


def _order(dice, number, member, stores, products, now):
    total = dice.choice([Decimal(12), Decimal(0), Decimal(-12)])
    order = Order.objects.create(
        number=number, member=member, store=dice.choice(stores), ordered_at=_moment(dice, now), total=total
    )
    for place, product in enumerate(dice.sample(products, dice.randint(0, 3))):
        quantity = dice.choice([1, 1, -1])
        OrderLine.objects.create(order=order, product=product, key=str(place), quantity=quantity, amount=12 * quantity)


@settings(
    max_examples=600, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rule=rules)
@example(rule={"not": {"field": "member.age", "is": "at_least", "value": 21}})
@example(rule={"not": {"not": {"field": "score.night_buyer", "is": "exactly", "value": False}}})
@example(rule={"not": {"any": [{"field": "member.home_store", "is": "one_of", "value": ["north"]}]}})
def test_the_database_and_the_memory_agree_on_who_is_meant(crowd, now, rule):
    in_database = set(members_matching(rule, now=now).values_list("pk", flat=True))
    in_memory = {pk for pk, facts in crowd if matches(rule, facts)}
    assert in_database == in_memory


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_they_agree_on_every_single_field_and_its_opposite(crowd, now, field, data):
    rule = data.draw(conditions_on(field))
    for asked in (rule, {"not": rule}):
        in_database = set(members_matching(asked, now=now).values_list("pk", flat=True))
        assert in_database == {pk for pk, facts in crowd if matches(asked, facts)}
