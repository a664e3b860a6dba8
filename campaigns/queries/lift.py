"""What campaigns and playbooks brought: those the lot chose against those it held out, whatever reached them.

One statement counts the orders of any number of campaigns. The page, the CSV and the API read these.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import connection

from campaigns.models import Campaign, Candidate, Plan, PlanStep, Playbook, Send
from campaigns.queries.policy import policy
from campaigns.rules import sample_sizes, statistics
from campaigns.rules.effects import NOTHING, ORDERS, Effect, Outcome, effects_of
from campaigns.rules.statistics import Sums
from loyalty.models import Order

# How far the effect of a playbook is from none as a rule: a fifth of what members do by themselves.
USUAL_EFFECT = 0.2
_KEPT_SECONDS, _KEPT_SECONDS_WHOLE = 600, 24 * 3600


@dataclass(frozen=True)
class Window:
    """From the first message until some days after the last: when it left, or was due if it never did."""

    opens: datetime
    closes: datetime

    def elapsed(self, now: datetime) -> float:
        """How much of it has passed, 0 to 1."""
        return min(1.0, max(0.0, (now - self.opens) / (self.closes - self.opens)))


@dataclass(frozen=True)
class Lift:
    """A campaign's two arms, and what may be said of them. No window: nothing was due yet."""

    campaign: Campaign
    window: Window | None
    treated: Outcome
    held_out: Outcome
    effects: tuple[Effect, ...]
    is_final: bool

    @property
    def is_measured(self) -> bool:
        """Somebody was held out, and the first message was due."""
        return bool(self.effects)

    @property
    def has_begun(self) -> bool:
        """The first message was due: from then on members are counted."""
        return self.treated.members + self.held_out.members > 0

    def effect(self, measure: str) -> Effect | None:
        return next((effect for effect in self.effects if effect.measure == measure), None)


@dataclass(frozen=True)
class PlaybookLift:
    """What a playbook brings a member in orders, over all campaigns whose window has closed; None: not measured yet.

    Pooled by inverse variance, then drawn to zero where little is known; `low` and `high` are the 95 % bounds of that.
    """

    playbook_id: int
    group: str
    treated: int
    held_out: int
    lift_per_member: float | None
    low: float | None
    high: float | None
    revenue_per_member: Decimal | None
    is_certain: bool
    campaigns: int = 0


def lift_of(campaign: Campaign, *, now: datetime) -> Lift:
    return lifts_of([campaign], now=now)[0]


def lifts_of(campaigns: Iterable[Campaign], *, now: datetime) -> list[Lift]:
    """Each campaign with what it brought; one query however many they are, and one for the policy.

    What is final is counted once a day: an order brought back later shows from the next day on.
    """
    campaigns, rules = list(campaigns), policy()
    counted = _known([campaign.pk for campaign in campaigns], now=now, days=rules.result_days)
    margin = None if rules.gross_margin_percent is None else float(rules.gross_margin_percent) / 100
    return [_lift(campaign, counted.get(campaign.pk), margin, now) for campaign in campaigns]


def _known(campaigns: Sequence[int], *, now: datetime, days: int) -> dict[int, "_Arms"]:
    """By campaign, as far as any message of it was due."""
    keys = {f"lift:{campaign}:{days}:{now:%Y-%m-%d}": campaign for campaign in campaigns}
    found: dict[int, _Arms] = {keys[key]: arms for key, arms in cache.get_many(keys).items()}
    missing = [campaign for campaign in campaigns if campaign not in found]
    if not missing:
        return found
    rows = _counted(_OF_CAMPAIGN, now=now, days=days, campaigns=missing)
    counted = {campaign: arms for (campaign, _), arms in rows.items()}
    final = {key: counted[campaign] for key, campaign in keys.items() if _is_final(counted.get(campaign), now)}
    cache.set_many(final, timeout=_KEPT_SECONDS_WHOLE)
    return found | counted


def _is_final(arms: "_Arms | None", now: datetime) -> bool:
    return arms is not None and arms.window.elapsed(now) == 1


def playbook_lifts(*, now: datetime) -> list[PlaybookLift]:
    """One for each playbook, the one that brings most first; one that nobody has measured before those that bring less
    than nothing.
    """
    counted = _counted(_OF_PLAYBOOK, now=now, days=policy().result_days, campaigns=None)
    arms: dict[int, list[_Arms]] = {}
    for (_campaign, playbook), found in counted.items():
        if _is_final(found, now) and found.treated.members > 1 and found.held_out.members > 1:
            arms.setdefault(playbook, []).append(found)
    rows = [_playbook_lift(playbook, arms.get(playbook.pk, [])) for playbook in Playbook.objects.order_by("name")]
    return sorted(rows, key=_brings_most)


def _brings_most(row: PlaybookLift) -> float:
    return -(row.lift_per_member or 0.0)


def known_playbook_lifts(*, now: datetime) -> list[PlaybookLift]:
    """As `playbook_lifts`, counted anew every ten minutes at most; a playbook newer than that is not measured yet."""
    key = f"playbook-lifts:{now:%Y-%m-%d}"
    found: dict[int, tuple[Any, ...]] = (
        cache.get_or_set(
            key, lambda: {lift.playbook_id: astuple(lift) for lift in playbook_lifts(now=now)}, timeout=_KEPT_SECONDS
        )
        or {}
    )
    there = {playbook.pk: playbook for playbook in Playbook.objects.order_by("name")}
    kept = [PlaybookLift(*found[pk]) for pk in found if pk in there]
    newer = (_playbook_lift(playbook, []) for pk, playbook in there.items() if pk not in found)
    return sorted([*kept, *newer], key=_brings_most)


def outcomes_by_group(*, since: datetime, now: datetime) -> dict[tuple[int, str], tuple[Outcome, Outcome]]:
    """Treated and held out of each group of members in each campaign that began after `since`, by the campaign's id
    and the group, where the window has closed and both arms have two members or more.
    """
    recent = list(Campaign.objects.filter(started_at__gt=since).values_list("pk", flat=True))
    counted = _counted(_OF_GROUP, now=now, days=policy().result_days, campaigns=recent)
    return {
        key: (found.treated, found.held_out)
        for key, found in counted.items()
        if _is_final(found, now) and min(found.treated.members, found.held_out.members) > 1
    }


@dataclass(frozen=True)
class _Arms:
    window: Window
    treated: Outcome = NOTHING
    held_out: Outcome = NOTHING


def _lift(campaign: Campaign, found: _Arms | None, margin: float | None, now: datetime) -> Lift:
    if found is None or found.window.opens > now:
        return Lift(campaign, found.window if found else None, NOTHING, NOTHING, (), is_final=False)
    elapsed = found.window.elapsed(now)
    has_both = min(found.treated.members, found.held_out.members) > 0
    effects = effects_of(found.treated, found.held_out, elapsed=elapsed, margin=margin) if has_both else ()
    return Lift(campaign, found.window, found.treated, found.held_out, effects, is_final=elapsed == 1)


def _playbook_lift(playbook: Playbook, arms: Sequence[_Arms]) -> PlaybookLift:
    treated, held_out = sum(each.treated.members for each in arms), sum(each.held_out.members for each in arms)
    none = PlaybookLift(playbook.pk, playbook.group, treated, held_out, None, None, None, None, is_certain=False)
    orders = _drawn_together([(each.treated.orders, each.held_out.orders) for each in arms])
    revenue = _drawn_together([(each.treated.revenue, each.held_out.revenue) for each in arms])
    if orders is None or revenue is None:
        return none
    bought = (_together([each.treated for each in arms]), _together([each.held_out for each in arms]))
    is_enough = sample_sizes.is_enough(*bought, fewest=sample_sizes.FEWEST_FOR_MEANS)
    return PlaybookLift(
        playbook_id=playbook.pk,
        group=playbook.group,
        treated=treated,
        held_out=held_out,
        lift_per_member=orders.value,
        low=orders.low,
        high=orders.high,
        revenue_per_member=Decimal(f"{revenue.value:.4f}"),
        is_certain=is_enough and orders.is_clear,
        campaigns=len(arms),
    )


def _drawn_together(pairs: Sequence[tuple[Sums, Sums]]) -> statistics.Difference | None:
    """Campaigns weighed by inverse variance (fixed effect), and the sum drawn to zero. None: nobody bought at all."""
    value, squared = statistics.pooled([statistics.difference_under_one_spread(*pair) for pair in pairs])
    members = sum(held_out.n for _, held_out in pairs)
    usual = sum(held_out.total for _, held_out in pairs) / members if members else 0.0
    if not usual > 0 or squared == float("inf"):
        return None
    prior = USUAL_EFFECT * usual
    left = squared * prior**2 / (squared + prior**2)
    return statistics.normal_interval(statistics.shrunk(value, squared, prior=prior), left)


def _together(outcomes: Sequence[Outcome]) -> statistics.Share:
    return statistics.Share(sum(each.members for each in outcomes), sum(each.buyers for each in outcomes))


def _counted(assigned: str, *, now: datetime, days: int, campaigns: list[int] | None) -> dict[tuple[int, Any], _Arms]:
    """By campaign and the part of it that `assigned` names: a playbook, a group, or 0 for all of it."""
    found: dict[tuple[int, Any], _Arms] = {}
    with connection.cursor() as cursor:
        of: dict[str, Any] = {"days": days, "now": now, "campaigns": campaigns, "open": list(Send.OPEN)}
        cursor.execute(_OUTCOMES.format(assigned=assigned), of)
        for campaign, part, is_held_out, opens, closes, *counts in cursor.fetchall():
            arms = found.get((campaign, part)) or _Arms(Window(opens, closes))
            outcome = outcome_of(*counts)
            found[campaign, part] = (
                _Arms(arms.window, arms.treated, outcome) if is_held_out else _Arms(arms.window, outcome, arms.held_out)
            )
    return found


def outcome_of(members: int, buyers: int, *sums: Any, clicks: int = 0) -> Outcome:
    """From the columns of SUMS: orders, their squares, revenue, its squares."""
    orders, orders_squared, revenue, revenue_squared = (float(each or 0) for each in sums)
    return Outcome(
        members, buyers, Sums(members, orders, orders_squared), Sums(members, revenue, revenue_squared), clicks
    )


_CAMPAIGN, _PLAN, _STEP, _CANDIDATE, _SEND, _ORDER = (
    model._meta.db_table for model in (Campaign, Plan, PlanStep, Candidate, Send, Order)
)
# Of each member: what they ordered in the window and did not bring back whole. Members who bought nothing count, too.
SUMS = """count(*), count(*) FILTER (WHERE bought.orders > 0), sum(bought.orders), sum(bought.orders ^ 2),
           sum(bought.revenue), sum(bought.revenue ^ 2)"""
BOUGHT = f"""
    SELECT count(*) FILTER (WHERE orders.total > 0)::float8 AS orders, coalesce(sum(orders.total), 0)::float8 AS revenue
    FROM {_ORDER} orders
    WHERE orders.member_id = {{member}} AND orders.voided_at IS NULL
      AND orders.ordered_at >= {{opens}} AND orders.ordered_at < {{closes}}
"""
# Of a campaign whose first message is due and was held back, for the night or by a pause, nothing has begun; nor of one
# that was cancelled before any message had left.
# A pause moves no due time: what still waits keeps the window open, however long it has been due. Of a campaign that
# was cancelled, what was due later does not.
WINDOWS = f"""
    SELECT campaign.id, sent.opens,
           greatest(sent.opens, CASE WHEN campaign.status = 'CANCELLED' THEN least(sent.last, campaign.finished_at)
                                     WHEN sent.is_waiting THEN greatest(sent.last, %(now)s)
                                     ELSE sent.last END) + make_interval(days => %(days)s) AS closes
    FROM {_CAMPAIGN} campaign
    CROSS JOIN LATERAL (
        SELECT greatest(campaign.started_at, coalesce(left_at, first_due)) AS opens, last, is_waiting,
               left_at IS NULL AND (campaign.status = 'CANCELLED' OR is_waiting AND first_due <= %(now)s) AS is_held
        FROM (
            SELECT min(sent_at) AS left_at, min(due_at) AS first_due, max(coalesce(sent_at, due_at)) AS last,
                   campaign.status IN ('RUNNING', 'PAUSED') AND bool_or(status = ANY(%(open)s)) AS is_waiting
            FROM {_SEND} send WHERE send.campaign_id = campaign.id
        ) counted
    ) sent
    WHERE campaign.started_at IS NOT NULL AND sent.last IS NOT NULL AND NOT sent.is_held
      AND (campaign.status <> 'CANCELLED' OR campaign.finished_at > sent.opens)
      AND (%(campaigns)s::bigint[] IS NULL OR campaign.id = ANY(%(campaigns)s))
"""
# The windows once, and not again for every candidate.
_OUTCOMES = f"""
    WITH span AS MATERIALIZED ({WINDOWS})
    SELECT campaign_id, part, is_held_out, opens, closes, {SUMS}
    FROM span
    JOIN {_PLAN} plan ON plan.campaign_id = span.id AND plan.status = 'APPROVED'
    JOIN LATERAL ({{assigned}}) assigned ON true
    CROSS JOIN LATERAL (
        {BOUGHT.format(member="assigned.member_id", opens="span.opens", closes="least(span.closes, %(now)s)")}
    ) bought
    GROUP BY campaign_id, part, is_held_out, opens, closes
"""
# Only members of groups the plan writes to: the others would get nothing either way.
_OF_CAMPAIGN = f"""
    SELECT candidate.member_id, candidate.is_held_out, 0 AS part FROM {_CANDIDATE} candidate
    WHERE candidate.plan_id = plan.id AND candidate."group" IN (
        SELECT step."group" FROM {_STEP} step WHERE step.plan_id = plan.id AND step.removed_at IS NULL
    )
"""
_OF_PLAYBOOK = f"""
    SELECT DISTINCT candidate.member_id, candidate.is_held_out, step.playbook_id AS part
    FROM {_CANDIDATE} candidate
    JOIN {_STEP} step ON step.plan_id = plan.id AND step."group" = candidate."group" AND step.removed_at IS NULL
    WHERE candidate.plan_id = plan.id
      AND (SELECT holdout_percent FROM {_CAMPAIGN} campaign WHERE campaign.id = plan.campaign_id) > 0
"""
_OF_GROUP = _OF_CAMPAIGN.replace("0 AS part", 'candidate."group" AS part')

__all__ = [
    "ORDERS",
    "Lift",
    "PlaybookLift",
    "Window",
    "known_playbook_lifts",
    "lift_of",
    "lifts_of",
    "outcomes_by_group",
    "playbook_lifts",
]
