"""Whom to write to first: what each message is expected to bring, counted and written down set by set."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from campaigns.models import Candidate, Plan, Send, SendingRate
from campaigns.queries.policy import policy
from campaigns.rules import priority
from campaigns.rules.priority import Factor
from campaigns.sending import gate
from integrations.channels.base import provider_of
from loyalty.models import Consent, Forecast, Member, MemberStats, Order, OrderLine, Product, Score

# Habits and messages are looked up for so many times the members that are taken: the best by what they buy.
LOOKED_AT, LEAST_LOOKED_AT = 10, 1_000
# A habit: bought so often within a year. It has lapsed after twice its usual pause, and never sooner than in a month.
HABIT, LONGEST_PAUSE = 3, "14 days"
TOO_DEAR, TOO_COSTLY, TOO_MANY = "A text would cost more than it brings", "Beyond the budget", "More than {} carries"


@dataclass(frozen=True)
class Ranked:
    """How many were taken, and how many of the rest were left out for another reason than their place."""

    taken: int
    left_out: Mapping[str, int]


def rank(
    plan: Plan,
    target: QuerySet[Member],
    channels: Sequence[str],
    *,
    factors: Mapping[str, Factor],
    days: int,
    now: datetime,
) -> Ranked:
    """Make the best of `target` the plan's candidates, up to the campaign's limit. See campaigns.rules.priority.

    Each member counts for the cheapest channel they can be reached by. A channel takes no more than the rate of its
    provider lets leave in `days` days of the shop's hours, and the texts no more than the budget pays for. Runs in the
    caller's transaction.
    """
    with connection.cursor() as cursor:
        _reach(cursor, target, channels, now)
        cursor.execute(_RANK, _terms(plan, channels, factors, days, now))
        taken, too_dear, too_costly, too_many = cursor.fetchone()
    full = {
        TOO_MANY.format(Consent.Channel(channel).label): count
        for channel, count in json.loads(too_many or "{}").items()
    }
    return Ranked(taken, {TOO_DEAR: too_dear, **full, TOO_COSTLY: too_costly})


def _reach(cursor: CursorWrapper, target: QuerySet[Member], channels: Sequence[str], now: datetime) -> None:
    """Everybody who may be written to, with the first of the channels in the order of their price."""
    cursor.execute("DROP TABLE IF EXISTS reached")
    cursor.execute("CREATE TEMPORARY TABLE reached (member_id bigint, channel text, place int) ON COMMIT DROP")
    for place, channel in enumerate(sorted(channels, key=lambda channel: channel == Consent.Channel.SMS)):
        members = gate.admitted(target, channel=channel, now=now).order_by().values("pk")
        sql, parameters = members.query.sql_with_params()
        cursor.execute(
            f"INSERT INTO reached SELECT id, %s, %s FROM ({sql}) AS admitted (id)", [channel, place, *parameters]
        )
    cursor.execute("ANALYZE reached")


def _terms(
    plan: Plan, channels: Sequence[str], factors: Mapping[str, Factor], days: int, now: datetime
) -> dict[str, Any]:
    campaign, rules = plan.campaign, policy()
    seconds = days * 3600 * (rules.send_until - rules.send_from)
    return {
        "plan": plan.pk,
        "limit": campaign.audience_limit,
        "looked_at": max(LOOKED_AT * campaign.audience_limit, LEAST_LOOKED_AT),
        "now": now,
        "alive": list(priority.ALIVE_BY_RECENCY),
        "usual": priority.USUAL,
        "at_risk": priority.AT_RISK,
        "lapsed": priority.LAPSED,
        "weariness": priority.WEARINESS,
        "heard_days": priority.HEARD_DAYS,
        "heard_since": now - timedelta(days=priority.HEARD_DAYS),
        "away": list(Send.AWAY),
        "groups": list(factors),
        "factors": [factor.mean for factor in factors.values()],
        "price": float(rules.sms_price or 0),
        "channels": list(channels),
        "carries": [_carries(channel, seconds) for channel in channels],
        "budget": None if campaign.budget is None else float(campaign.budget),
    }


def _carries(channel: str, seconds: int) -> int | None:
    """As many messages as the rate of its provider lets leave in that time; None without one."""
    rate = SendingRate.objects.filter(provider=provider_of(channel), per_second__isnull=False).first()
    return None if rate is None or rate.per_second is None else int(rate.per_second * seconds)


_CANDIDATE, _FORECAST, _LINE, _ORDER, _PRODUCT, _SCORE, _SEND, _STATS = (
    model._meta.db_table for model in (Candidate, Forecast, OrderLine, Order, Product, Score, Send, MemberStats)
)
# Without a forecast: what they spend a visit, as often as they came, by the odds that they still do.
_RULE_OF_THUMB = """
    (%(alive)s::float[])[score.recency] * greatest(stats.spent, 0)::float / stats.orders * CASE
        WHEN stats.orders = 1 THEN 1
        ELSE least(90 / greatest(
            extract(epoch FROM stats.last_ordered_at - stats.first_ordered_at) / 86400 / (stats.orders - 1), 1
        ), 30) END
"""
_RANK = f"""
    WITH known AS (
        SELECT DISTINCT ON (member_id) member_id, channel, CASE channel WHEN 'sms' THEN %(price)s ELSE 0 END AS price,
               score."group", coalesce(tried.factor, 1) AS factor, stats.last_ordered_at,
               coalesce(forecast.p_alive, (%(alive)s::float[])[score.recency]) AS alive,
               coalesce(forecast.expected_value::float, {_RULE_OF_THUMB}) AS value
        FROM reached
        JOIN {_SCORE} score USING (member_id)
        JOIN {_STATS} stats USING (member_id)
        LEFT JOIN {_FORECAST} forecast USING (member_id)
        LEFT JOIN unnest(%(groups)s::text[], %(factors)s::float[]) AS tried ("group", factor)
            ON tried."group" = score."group"
        ORDER BY member_id, reached.place
    ), looked_at AS MATERIALIZED (
        SELECT *, factor * %(usual)s * value AS usual, factor * %(at_risk)s * value * (1 - alive) AS at_risk
        FROM known
        ORDER BY factor * value * (%(usual)s + %(at_risk)s * (1 - alive)) - price DESC, member_id
        LIMIT %(looked_at)s
    ), worth AS (
        SELECT looked_at.*, coalesce(habit.category, '') AS category,
               coalesce(factor * %(lapsed)s * alive * habit.spent * 90 / 365, 0) AS lapsed,
               power(%(weariness)s, coalesce(heard.messages, 0)) AS patience
        FROM looked_at
        LEFT JOIN LATERAL (
            SELECT category, spent
            FROM (
                SELECT product.category, sum(line.amount)::float AS spent, count(DISTINCT orders.id) AS times,
                       min(orders.ordered_at) AS first, max(orders.ordered_at) AS last
                FROM {_ORDER} orders
                JOIN {_LINE} line ON line.order_id = orders.id AND line.amount > 0
                JOIN {_PRODUCT} product ON product.id = line.product_id AND product.category <> ''
                WHERE orders.member_id = looked_at.member_id AND orders.voided_at IS NULL
                  AND orders.ordered_at > %(now)s - interval '365 days'
                GROUP BY product.category
                HAVING count(DISTINCT orders.id) >= {HABIT}
            ) bought
            WHERE last + 2 * greatest((last - first) / (times - 1), interval '{LONGEST_PAUSE}') < %(now)s
              AND looked_at.last_ordered_at > last
            ORDER BY spent DESC, category
            LIMIT 1
        ) habit ON TRUE
        LEFT JOIN LATERAL (
            SELECT sum(1 - extract(epoch FROM %(now)s - send.due_at) / 86400 / %(heard_days)s)::float AS messages
            FROM {_SEND} send
            WHERE send.member_id = looked_at.member_id AND send.due_at > %(heard_since)s AND send.due_at <= %(now)s
              AND send.status = ANY(%(away)s) AND send.opened_at IS NULL AND send.clicked_at IS NULL
        ) heard ON TRUE
    ), netted AS (
        SELECT *, (usual + at_risk + lapsed) * patience - price AS net FROM worth
    ), placed AS (
        SELECT netted.*, carried.most,
               row_number() OVER (PARTITION BY netted.channel ORDER BY net DESC, member_id) AS place_in_channel
        FROM netted
        LEFT JOIN unnest(%(channels)s::text[], %(carries)s::bigint[]) AS carried (channel, most) USING (channel)
        WHERE net > 0 OR price = 0
    ), carried AS (
        SELECT placed.*, sum(price) OVER (ORDER BY net DESC, member_id ROWS UNBOUNDED PRECEDING) AS spent_by_then
        FROM placed
        WHERE most IS NULL OR place_in_channel <= most
    ), paid AS (
        SELECT carried.*, row_number() OVER (ORDER BY net DESC, member_id) AS rank
        FROM carried
        WHERE price = 0 OR %(budget)s::float IS NULL OR spent_by_then <= %(budget)s::float
    ), middle AS (
        SELECT greatest(percentile_cont(0.5) WITHIN GROUP (ORDER BY net), 0.01) AS net
        FROM paid WHERE rank <= %(limit)s
    ), taken AS (
        INSERT INTO {_CANDIDATE} (plan_id, member_id, "group", rank, priority, value, parts)
        SELECT %(plan)s, member_id, "group", rank,
               round(100 * greatest(paid.net, 0) / (greatest(paid.net, 0) + middle.net)),
               round(paid.net::numeric, 2), jsonb_strip_nulls(jsonb_build_object(
                   'usual', round(usual::numeric, 4), 'at_risk', round(at_risk::numeric, 4),
                   'lapsed', nullif(round(lapsed::numeric, 4), 0), 'category', nullif(category, ''),
                   'heard', nullif(round(((usual + at_risk + lapsed) * (patience - 1))::numeric, 4), 0),
                   'price', nullif(round(-price::numeric, 4), 0),
                   'factor', nullif(round(nullif(factor, 0)::numeric, 4), 1)
               ))
        FROM paid CROSS JOIN middle
        WHERE rank <= %(limit)s
        ORDER BY rank
        RETURNING member_id
    )
    SELECT (SELECT count(*) FROM taken),
           (SELECT count(*) FROM netted) - (SELECT count(*) FROM placed),
           (SELECT count(*) FROM carried) - (SELECT count(*) FROM paid),
           (SELECT jsonb_object_agg(channel, members) FROM (
               SELECT channel, count(*) AS members FROM placed WHERE place_in_channel > most GROUP BY channel
           ) full_channels)
"""
