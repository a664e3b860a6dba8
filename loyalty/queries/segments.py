"""Who is in a segment: the rule tree as one SQL query, and the facts to answer it for one member without."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce
from math import floor
from operator import and_, or_
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Case, CharField, Count, DecimalField, Exists, F, IntegerField, OuterRef, Q, QuerySet, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce, Floor, Round
from django.utils import timezone

from loyalty.models import Consent, Forecast, Member, MemberStats, Order, OrderLine, Product, Score, Segment, Store
from loyalty.rules.segments import FIELDS, Kind, MemberFacts, Purchase, Rule
from loyalty.rules.segments.fields import AT_LEAST, AT_MOST, EXACTLY
from tracking.models import Event, SavedFunnel
from tracking.queries import event_names, funnels

LONGEST_PREVIEW_MS = 3_000
_ROOM = (
    "SET LOCAL work_mem = '64MB'"  # For the ids of a million members; with less, PostgreSQL reads them for each member.
)
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EVERYBODY, NOBODY = Q(pk__isnull=False), Q(pk__in=[])


def members_matching(rule: Rule, *, now: datetime) -> QuerySet[Member]:
    """The members a rule means at this moment; none who left. The rule must be free of faults (see rules.segments)."""
    return Member.objects.current().alias(**_WORKED_OUT).filter(_where(rule, now))


def _where(rule: Rule, now: datetime) -> Q:
    """Every condition is true or false and never NULL, so that `not` turns it round as it does in memory."""
    if "all" in rule:
        return reduce(and_, (_where(child, now) for child in rule["all"]), EVERYBODY)
    if "any" in rule:
        return reduce(or_, (_where(child, now) for child in rule["any"]), NOBODY)
    if "not" in rule:
        return ~_where(rule["not"], now)
    return _condition(rule, now)


def _condition(rule: Rule, now: datetime) -> Q:
    field, operator, value = FIELDS[rule["field"]], rule["is"], rule["value"]
    if field.name == "member.age":
        return _age(operator, value, timezone.localdate(now))
    if field.kind is Kind.TIMES:
        return _times(field.name, operator, value, now)
    if field.name == "events.left_funnel":
        return _left_funnel(value, now)
    column = _COLUMNS[field.name]
    if field.kind is Kind.DAYS_AGO:
        return _days_ago(column, operator, value, now)
    if field.kind is Kind.CHOICE:
        return _known(column, "in", value)
    lookup = {AT_LEAST: "gte", AT_MOST: "lte", EXACTLY: "exact"}[operator]
    return _known(column, lookup, Decimal(value) if field.kind is Kind.MONEY else value)


def _known(column: str, lookup: str, value: object) -> Q:
    return Q(**{f"{column}__isnull": False, f"{column}__{lookup}": value})


def _days_ago(column: str, operator: str, days: int, now: datetime) -> Q:
    """Compares moments, not dates, so that an index on the column serves."""
    if operator == AT_MOST:
        return _known(column, "gte", start_of_day(now, days))
    return _known(column, "lt", start_of_day(now, days - 1))


def start_of_day(now: datetime, days_ago: int) -> datetime:
    """Midnight of the business's zone, so many days ago."""
    day = timezone.localdate(now) - timedelta(days=days_ago)
    return timezone.make_aware(datetime.combine(day, time.min))


def _age(operator: str, years: int, today: date) -> Q:
    old_enough = _known("birth_date", "lte", years_before(today, years))
    too_young = _known("birth_date", "gt", years_before(today, years + 1))
    return {AT_LEAST: old_enough, AT_MOST: too_young, EXACTLY: old_enough & too_young}[operator]


def years_before(day: date, years: int) -> date:
    """The last birth date of somebody who is `years` old on `day`."""
    year = max(day.year - years, 1)
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February
        return day.replace(year=year, day=28)


def _times(name: str, operator: str, wanted: Mapping[str, Any], now: datetime) -> Q:
    rows, whose, is_whose = _HAPPENED[name](wanted.get("of", ""), start_of_day(now, wanted["days"]))
    if operator == AT_LEAST:
        return _at_least(rows, whose, is_whose, wanted["times"])
    return ~_at_least(rows, whose, is_whose, wanted["times"] + 1)


def _at_least(rows: QuerySet[Any], whose: str, is_whose: str, times: int) -> Q:
    """`whose` of a row is `is_whose` of its member. Once is asked member by member, more is counted for all at once."""
    if times == 0:
        return EVERYBODY
    if times == 1:
        return Q(Exists(rows.filter(**{whose: OuterRef(is_whose)})))
    counted = rows.order_by().values(whose).annotate(times=Count("pk")).filter(times__gte=times)
    return Q(**{f"{is_whose}__in": counted.values(whose)})


Happened = tuple[QuerySet[Any], str, str]


def _orders(since: datetime, *conditions: Exists, **filters: object) -> Happened:
    """Orders of members; an IN of a NULL would be neither true nor false."""
    kept = Order.objects.filter(*conditions, member__isnull=False, ordered_at__gte=since, total__gte=0, **filters)
    return kept, "member", "pk"


def _orders_with(since: datetime, **product: str) -> Happened:
    lines = OrderLine.objects.filter(order=OuterRef("pk"), quantity__gt=0, **product)
    return _orders(since, Exists(lines))


def _events(of: str, since: datetime) -> Happened:
    return Event.objects.filter(name=of, occurred_at__gte=since), "subject", "public_id_as_text"


_HAPPENED: dict[str, Callable[[str, datetime], Happened]] = {
    "orders.any": lambda of, since: _orders(since),
    "orders.category": lambda of, since: _orders_with(since, product__category=of),
    "orders.product": lambda of, since: _orders_with(since, product__sku=of),
    "orders.store": lambda of, since: _orders(since, store__code=of),
    "events.happened": _events,
}


# Members by whatever name their events go by: our id for them, the shop's, or their address.
_MEMBERS_CALLED = """
    WITH gone AS MATERIALIZED ({people})
    SELECT member.id FROM gone JOIN loyalty_member member ON member.external_id = gone.person
    UNION SELECT member.id FROM gone JOIN loyalty_member member ON member.email = gone.person
    UNION SELECT member.id FROM gone JOIN loyalty_member member
        ON member.public_id = CASE WHEN pg_input_is_valid(gone.person, 'uuid') THEN gone.person::uuid END
       AND member.public_id::text = gone.person
"""


def _left_funnel(places: list[str], now: datetime) -> Q:
    """Who reached one of these steps of a saved funnel and not the next. An unknown place is nobody's."""
    saved = {str(funnel.public_id): funnel for funnel in _funnels_named(places)}
    found = NOBODY
    for place in places:
        name, _, step = place.rpartition(":")
        if name in saved and step.isdecimal() and 0 < int(step) < len(saved[name].definition["steps"]):
            people, parameters = funnels.dropped_off_sql(funnels.asked_by(saved[name], now=now), after_step=int(step))
            found |= Q(pk__in=RawSQL(_MEMBERS_CALLED.format(people=people), parameters))  # noqa: S611  # values are parameters
    return found


def _funnels_named(places: list[str]) -> QuerySet[SavedFunnel]:
    """Those put aside answer too, for the segments that ask them."""
    names = [name for place in places if UUID_TEXT.fullmatch(name := place.rpartition(":")[0])]
    return SavedFunnel.objects.filter(public_id__in=names)


def _places_left(member: Member, now: datetime) -> frozenset[str]:
    """Where a member left each saved funnel, under any of their names."""
    names = tuple(filter(None, (str(member.public_id), member.external_id, member.email)))
    left = set()
    for saved in SavedFunnel.objects.all():
        asked = replace(funnels.asked_by(saved, now=now), people=names)
        furthest = range(1, len(saved.definition["steps"]))
        left |= {f"{saved.public_id}:{step}" for step in furthest if funnels.dropped_off(asked, after_step=step)}
    return frozenset(left)


def _consent(channel: str) -> Exists:
    topic = Consent.Topic.MARKETING
    return Exists(Consent.objects.filter(member=OuterRef("pk"), channel=channel, topic=topic, is_granted=True))


_COLUMNS = {
    "member.joined": "joined_at",
    "member.home_store": "home_store__code",
    "member.has_email": "with_email",
    "member.has_phone": "with_phone",
    "member.email_marketing": "email_marketing",
    "member.sms_marketing": "sms_marketing",
    "stats.orders": "orders_or_none",
    "stats.spent": "spent_or_none",
    "stats.average_order": "average_order",
    "stats.first_order": "stats__first_ordered_at",
    "stats.last_order": "stats__last_ordered_at",
    "stats.primary_category": "stats__primary_category",
    "stats.night_orders": "night_orders_or_none",
    "score.group": "score__group",
    "score.recency": "score__recency",
    "score.frequency": "score__frequency",
    "score.monetary": "score__monetary",
    "score.night_buyer": "score__is_night_buyer",
    "forecast.churn_risk": "forecast__churn_risk",
    "forecast.return_percent": "return_percent",
    "forecast.alive_percent": "alive_percent",
    "forecast.value": "forecast__expected_value",
    "forecast.next_category": "forecast__next_category",
}

_WORKED_OUT = {
    "public_id_as_text": Cast("public_id", CharField(max_length=64)),
    "with_email": Q(email__isnull=False),
    "with_phone": Q(phone__isnull=False),
    "email_marketing": _consent("email"),
    "sms_marketing": _consent("sms"),
    "orders_or_none": Coalesce("stats__orders", 0),
    "spent_or_none": Coalesce("stats__spent", Decimal(0)),
    "night_orders_or_none": Coalesce("stats__night_orders", 0),
    "return_percent": Floor(100 * F("forecast__p_return"), output_field=IntegerField()),
    "alive_percent": Floor(100 * F("forecast__p_alive"), output_field=IntegerField()),
    "average_order": Case(
        When(stats__orders__gt=0, then=Round(F("stats__spent") / F("stats__orders"), 2)),
        output_field=DecimalField(max_digits=14, decimal_places=2),
    ),
}


def facts_of(member: Member, *, now: datetime) -> MemberFacts:
    """Everything a rule can ask about one member: seven queries, and a few for each saved funnel."""
    today = timezone.localdate(now)
    return MemberFacts(
        today=today,
        values=_member_values(member, today)
        | _stats_values(member)
        | _score_values(member)
        | _forecast_values(member)
        | {"events.left_funnel": _places_left(member, now)},
        purchases=_purchases(member),
        events=tuple(
            (timezone.localdate(occurred_at), name)
            for name, occurred_at in Event.objects.filter(subject=str(member.public_id)).values_list(
                "name", "occurred_at"
            )
        ),
    )


def _member_values(member: Member, today: date) -> dict[str, Any]:
    granted = member.consents.filter(topic=Consent.Topic.MARKETING, is_granted=True)
    channels = set(granted.values_list("channel", flat=True))
    return {
        "member.joined": timezone.localdate(member.joined_at),
        "member.age": member.age_on(today),
        "member.home_store": member.home_store and member.home_store.code,
        "member.has_email": member.email is not None,
        "member.has_phone": member.phone is not None,
        "member.email_marketing": "email" in channels,
        "member.sms_marketing": "sms" in channels,
    }


def _stats_values(member: Member) -> dict[str, Any]:
    stats = MemberStats.objects.filter(member=member).first() or MemberStats(member=member)
    average = Decimal(stats.spent) / stats.orders if stats.orders else None
    return {
        "stats.orders": stats.orders,
        "stats.spent": stats.spent,
        "stats.average_order": average and average.quantize(Decimal("0.01"), ROUND_HALF_UP),
        "stats.first_order": stats.first_ordered_at and timezone.localdate(stats.first_ordered_at),
        "stats.last_order": stats.last_ordered_at and timezone.localdate(stats.last_ordered_at),
        "stats.primary_category": stats.primary_category,
        "stats.night_orders": stats.night_orders,
    }


def _score_values(member: Member) -> dict[str, Any]:
    score = Score.objects.filter(member=member).first()
    return {
        "score.group": score and score.group,
        "score.recency": score and score.recency,
        "score.frequency": score and score.frequency,
        "score.monetary": score and score.monetary,
        "score.night_buyer": score and score.is_night_buyer,
    }


def _forecast_values(member: Member) -> dict[str, Any]:
    forecast = Forecast.objects.filter(member=member).first()
    return {
        "forecast.churn_risk": forecast and forecast.churn_risk,
        "forecast.return_percent": forecast and floor(100 * forecast.p_return),
        "forecast.alive_percent": forecast and floor(100 * forecast.p_alive),
        "forecast.value": forecast and forecast.expected_value,
        "forecast.next_category": forecast and forecast.next_category,
    }


def _purchases(member: Member) -> tuple[Purchase, ...]:
    orders = member.orders.filter(total__gte=0).select_related("store").prefetch_related("lines__product")
    return tuple(_purchase(order) for order in orders)


def _purchase(order: Order) -> Purchase:
    products = [line.product for line in order.lines.all() if line.quantity > 0]
    return Purchase(
        day=timezone.localdate(order.ordered_at),
        store=order.store.code,
        categories=frozenset(product.category for product in products),
        products=frozenset(product.sku for product in products),
    )


# --- For the pages ------------------------------------------------------------------------------------------------


def count_of(rule: Rule, *, now: datetime) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ROOM)
        return members_matching(rule, now=now).count()


@dataclass(frozen=True)
class Preview:
    """Whom a rule means while it is written. `count` is None when counting takes too long to wait for."""

    count: int | None
    everybody: int
    sample: list[Member]


def preview(rule: Rule, *, sample: int, now: datetime) -> Preview:
    found, everybody = members_matching(rule, now=now), Member.objects.count()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_ROOM)
            cursor.execute("SET LOCAL statement_timeout = %s", [LONGEST_PREVIEW_MS])
            return Preview(found.count(), everybody, list(found.order_by("-joined_at", "-pk")[:sample]))
    except OperationalError:
        return Preview(None, everybody, [])


def segments(*, q: str = "") -> QuerySet[Segment]:
    """Those in use, by name."""
    found = Segment.objects.filter(archived_at=None).select_related("created_by")
    return found.filter(name__icontains=q) if q else found


def known_values() -> dict[str, dict[str, str]]:
    """By field: the values that exist in this business, and what each is called."""
    stores = dict(Store.objects.order_by("name").values_list("code", "name"))
    named = Product.objects.exclude(category="").order_by("category").values_list("category", flat=True).distinct()
    categories = {category: category for category in named}
    return {
        "member.home_store": stores,
        "orders.store": stores,
        "stats.primary_category": categories,
        "orders.category": categories,
        "score.group": dict(Score.Group.choices),
        "forecast.churn_risk": dict(Forecast.ChurnRisk.choices),
        "forecast.next_category": categories,
        "events.happened": {name: name for name in event_names()},
        "events.left_funnel": {
            f"{saved.public_id}:{step}": f"{saved.name}, after {' or '.join(part['names'])}"
            for saved in funnels.saved_funnels()
            for step, part in enumerate(saved.definition["steps"][:-1], start=1)
        },
    }
