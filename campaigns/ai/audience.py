"""Whom a plan is for, in which order, and what the numbers say about them. Set-based; nobody is loaded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.timezone import localdate

from campaigns.ai.ranking import Ranked
from campaigns.models import Action, Candidate, Plan
from campaigns.rules import goals
from campaigns.rules.goals import Understood
from campaigns.sending import gate
from campaigns.sending.assignment import HELD_OUT
from loyalty.models import Consent, Member, MemberStats, Order, Score, Store
from loyalty.queries.segments import members_matching

MARKETING = Consent.Topic.MARKETING
UNHEARD = "No step reaches them by a channel they allow"
UNWRITTEN = "In a group that no step writes to"
# They allow the channel of a step, or are no members any more.
NOT_ANY_MORE = "May not be written to any more, or have left since"
NOT_IN_GOAL = "In no group that the goal is about"
NOT_AT_APPROVAL = "Could not be written to when it was approved, or have left since"


def targeted(rules: Sequence[dict[str, Any]], *, now: datetime) -> QuerySet[Member]:
    """Members in any of the segments."""
    wanted = Q(pk__in=[])
    for rule in rules:
        wanted |= Q(pk__in=members_matching(rule, now=now).values("pk"))
    return Member.objects.filter(wanted)


def eligible(target: QuerySet[Member], channels: Sequence[str], *, now: datetime) -> QuerySet[Member]:
    """Those of the target with a score who may be written to by at least one of `channels`."""
    reached = Q(pk__in=[])
    for channel in channels:
        reached |= Q(pk__in=gate.admitted(Member.objects.all(), channel=channel, now=now).values("pk"))
    return target.filter(reached, score__isnull=False)


def whom_goal_is_about(
    target: QuerySet[Member], goal: Understood, channels: Sequence[str], *, now: datetime
) -> QuerySet[Member]:
    """Those of the target in the groups that a goal is about. Where none of them may be written to, all of it but whom
    the goal leaves out in so many words.
    """
    about = [group for group in Score.Group.values if goal.is_about(group)]
    if len(about) == len(Score.Group.values):
        return target
    narrowed = target.filter(score__group__in=about)
    if not goal.groups or eligible(narrowed, channels, now=now).exists():
        return narrowed
    left_out = goal.excluded.groups
    return target.exclude(score__group__in=left_out) if left_out else target


def left_out(
    target: QuerySet[Member], wanted: QuerySet[Member], channels: Sequence[str], *, ranked: Ranked, now: datetime
) -> dict[str, int]:
    """Why members of the target are not in the audience; each member under the first reason that holds.

    `wanted` are those of the target who were ranked.
    """
    consent = Exists(
        Consent.objects.filter(member=OuterRef("pk"), channel__in=channels, topic=MARKETING, is_granted=True)
    )
    counted = target.count()
    unscored = target.filter(score__isnull=True).count()
    without_consent = target.filter(~consent, score__isnull=False).count()
    may_be_written_to = eligible(target, channels, now=now).count()
    ranked_of_them = may_be_written_to if wanted is target else eligible(wanted, channels, now=now).count()
    otherwise = {reason: count for reason, count in ranked.left_out.items() if count}
    return {
        "Never bought anything": unscored,
        "No consent": without_consent,
        "No address, or not known to be of age": counted - unscored - without_consent - may_be_written_to,
        **({NOT_IN_GOAL: besides} if (besides := may_be_written_to - ranked_of_them) else {}),
        **otherwise,
        "Ranked below the limit": ranked_of_them - ranked.taken - sum(otherwise.values()),
    }


def group_facts(plan: Plan, channels: Sequence[str], *, now: datetime) -> list[dict[str, Any]]:
    """One entry per group of the plan's audience, without personal data; texts for money, so that cents stay.

    Who is held out is in none of the numbers, as nothing is written to them.
    """
    facts = [_group_entry(row) for row in _rows(_GROUPS_SQL, [localdate(now), settings.TIME_ZONE, plan.pk])]
    habits = {row["group"]: row for row in _rows(_HABITS_SQL, [plan.pk])}
    favourites = {row["group"]: row["categories"] for row in _rows(_FAVOURITES_SQL, [plan.pk])}
    reached = {channel: reach(plan, channel, now=now) for channel in channels}
    with_hour = plan.candidates.filter(member__best_hour__isnull=False, is_held_out=False).order_by()
    hours_known = dict(with_hour.values_list("group").annotate(Count("pk")))
    for entry in facts:
        group = entry["group"]
        entry["usual_weekday"] = habits[group]["weekday"] if group in habits else 5
        entry["usual_hour"] = habits[group]["hour"] if group in habits else 17
        entry["favourite_categories"] = favourites.get(group, [])
        entry["hours_known"] = hours_known.get(group, 0)
        entry["reachable"] = {channel: reached[channel].get(group, 0) for channel in channels}
    return facts


def reach(plan: Plan, channel: str, *, now: datetime) -> dict[str, int]:
    admitted = gate.admitted(Member.objects.all(), channel=channel, now=now).values("pk")
    reached = plan.candidates.filter(member__in=admitted, is_held_out=False).order_by()
    return dict(reached.values_list("group").annotate(Count("pk")))


@dataclass(frozen=True)
class Hearing:
    """Members of an audience: whom a step reaches; whom none of those to their group reaches by a channel they allow;
    whose group no step writes to; and who is held out of the groups that steps write to.
    """

    reached: int = 0
    unheard: int = 0
    unwritten: int = 0
    compared: int = 0


def hearing(plan: Plan, channels: Iterable[str], *, now: datetime) -> Hearing:
    """In one statement; of an approved plan `reached` has a message made. `channels` are those of its steps."""
    heard, reached = Q(is_held_out=False), _is_reached(plan, channels, now=now)
    allowed = Consent.objects.filter(member=OuterRef(OuterRef("member")), topic=MARKETING, is_granted=True)
    steps = plan.steps.filter(group=OuterRef("group"), removed_at=None)
    unheard = ~Q(Exists(steps.filter(channel__in=allowed.values("channel")))) & ~Q(_made_for(plan))
    written_to = Q(Exists(steps))
    counted = plan.candidates.order_by().aggregate(
        reached=Count("pk", filter=heard & reached),
        unheard=Count("pk", filter=heard & written_to & unheard),
        unwritten=Count("pk", filter=heard & ~written_to & ~Q(_made_for(plan))),
        compared=Count("pk", filter=~heard & written_to),
    )
    return Hearing(**counted)


def buyers(plan: Plan, categories: Iterable[str], *, now: datetime) -> dict[str, dict[str, int]]:
    """How many of each group of the plan's audience bought from each of `categories` within a year."""
    audience = plan.candidates.filter(is_held_out=False).order_by()
    return {
        category: dict(
            audience.filter(member__in=members_matching(goals.bought(category), now=now).values("pk"))
            .values_list("group")
            .annotate(Count("pk"))
        )
        for category in categories
    }


def with_reach(plan: Plan, *, now: datetime) -> QuerySet[Candidate]:
    """The plan's audience, best first; of each `is_reached`: whether a step of the plan reaches them."""
    channels = plan.steps.filter(removed_at=None).order_by().values_list("channel", flat=True).distinct()
    reached = Q(is_held_out=False) & _is_reached(plan, channels, now=now)
    return plan.candidates.select_related("member").annotate(is_reached=reached).order_by("rank")


def _made_for(plan: Plan) -> Exists:
    return Exists(Action.objects.filter(step__plan=plan, member=OuterRef("member")))


def _is_reached(plan: Plan, channels: Iterable[str], *, now: datetime) -> Q:
    """Of a candidate who is not held out."""
    if plan.status == Plan.Status.APPROVED:
        return Q(_made_for(plan))
    members = Member.objects.filter(pk__in=plan.candidates.filter(is_held_out=False).values("member"))
    steps = plan.steps.filter(group=OuterRef("group"), removed_at=None)
    reached = Q(pk__in=[])
    for channel in channels:
        admitted = gate.admitted(members, channel=channel, now=now).values("pk")
        reached |= Q(Exists(steps.filter(channel=channel)), member__in=admitted)
    return reached


def left_out_of(plan: Plan, heard: Hearing) -> dict[str, int]:
    """Everybody in the plan's segments whom none of its steps reaches, by the reason."""
    why = NOT_AT_APPROVAL if plan.status == Plan.Status.APPROVED else NOT_ANY_MORE
    otherwise = plan.audience_size - heard.reached - heard.unheard - heard.unwritten
    # Who is held out of a group that nobody writes to compares with nobody.
    held = plan.excluded.get(HELD_OUT, 0)
    compared = {HELD_OUT: heard.compared} if held else {}
    unwritten = heard.unwritten + (held - heard.compared if held else 0)
    rest = {reason: many for reason, many in {UNWRITTEN: unwritten, why: otherwise}.items() if many}
    return {**plan.excluded, **compared, UNHEARD: heard.unheard, **rest}


def _group_entry(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "group": row["group"],
        "label": Score.Group(row["group"]).label,
        "stake": row["stake"],
        "expected_extra": str(row["value"]),
        "members": row["members"],
        "last_bought_days": {"least": row["least"], "median": row["median"], "most": row["most"]},
        "median_orders": row["orders"],
        "average_order": str(row["average_order"]),
        "spent_so_far": str(row["spent"]),
        "night_buyers": row["night_buyers"],
    }


def _rows(sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


_CANDIDATE, _SCORE, _STATS, _ORDER, _STORE = (
    model._meta.db_table for model in (Candidate, Score, MemberStats, Order, Store)
)

_GROUPS_SQL = f"""
    SELECT candidate."group", count(*) AS members,
           round(avg(candidate.priority))::int AS stake, sum(candidate.value) AS value,
           min(bought.days_ago) AS least, max(bought.days_ago) AS most,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY bought.days_ago) AS median,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY stats.orders) AS orders,
           round(avg(stats.spent / stats.orders), 2) AS average_order,
           sum(stats.spent) AS spent, count(*) FILTER (WHERE score.is_night_buyer) AS night_buyers
    FROM {_CANDIDATE} candidate
    JOIN {_SCORE} score USING (member_id)
    JOIN {_STATS} stats USING (member_id)
    CROSS JOIN LATERAL (SELECT %s - (stats.last_ordered_at AT TIME ZONE %s)::date AS days_ago) bought
    WHERE candidate.plan_id = %s AND NOT candidate.is_held_out AND stats.orders > 0
    GROUP BY candidate."group"
    ORDER BY min(candidate.rank)
"""
_HABITS_SQL = f"""
    SELECT candidate."group",
           mode() WITHIN GROUP (ORDER BY extract(isodow FROM local.ordered_at))::int AS weekday,
           mode() WITHIN GROUP (ORDER BY extract(hour FROM local.ordered_at))::int AS hour
    FROM {_CANDIDATE} candidate
    JOIN {_ORDER} orders USING (member_id)
    JOIN {_STORE} store ON store.id = orders.store_id
    CROSS JOIN LATERAL (SELECT orders.ordered_at AT TIME ZONE store.time_zone AS ordered_at) local
    WHERE candidate.plan_id = %s AND NOT candidate.is_held_out
    GROUP BY candidate."group"
"""
_FAVOURITES_SQL = f"""
    SELECT "group", array_agg(category ORDER BY members DESC, category) AS categories
    FROM (
        SELECT candidate."group", stats.primary_category AS category, count(*) AS members,
               row_number() OVER (
                   PARTITION BY candidate."group" ORDER BY count(*) DESC, stats.primary_category
               ) AS place
        FROM {_CANDIDATE} candidate
        JOIN {_STATS} stats USING (member_id)
        WHERE candidate.plan_id = %s AND NOT candidate.is_held_out AND stats.primary_category <> ''
        GROUP BY candidate."group", stats.primary_category
    ) liked
    WHERE place <= 3
    GROUP BY "group"
"""
