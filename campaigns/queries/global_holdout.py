"""What all marketing together brings, month by month: everybody against those who never get any."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from campaigns.models import CampaignPolicy
from campaigns.queries.lift import outcome_of
from campaigns.queries.policy import policy
from campaigns.rules.effects import NOTHING, Effect, Outcome, effects_of
from campaigns.rules.permits import HOLDOUT_SALT
from loyalty.models import Member, Order

MONTHS = 12
_KEPT_SECONDS, _KEPT_SECONDS_WHOLE = 600, 24 * 3600


@dataclass(frozen=True)
class Month:
    """The members who had joined before it, in two arms. A month that is not over is looked at as it goes."""

    first: date
    treated: Outcome
    held_out: Outcome
    effects: tuple[Effect, ...]
    is_final: bool

    def effect(self, measure: str) -> Effect | None:
        return next((effect for effect in self.effects if effect.measure == measure), None)


def months_of_holdout(*, now: datetime) -> list[Month]:
    """Whole months since the share last changed, newest first, a year at most. Empty while nobody is held out.

    The month that runs is counted anew every ten minutes at most, those that are over once a day.
    """
    rules = policy()
    if not rules.holdout_percent or rules.holdout_since is None:
        return []
    margin = None if rules.gross_margin_percent is None else float(rules.gross_margin_percent) / 100
    arms: dict[datetime, dict[bool, Outcome]] = {}
    ends: dict[datetime, datetime] = {}
    for opens, closes, is_held_out, *counts in [*_known(rules, now, whole=False), *_known(rules, now, whole=True)]:
        arms.setdefault(opens, {})[is_held_out] = outcome_of(*counts)
        ends[opens] = closes
    return [
        _month(opens, ends[opens], found.get(False, NOTHING), found.get(True, NOTHING), margin=margin, now=now)
        for opens, found in sorted(arms.items(), reverse=True)
    ]


def _known(rules: CampaignPolicy, now: datetime, *, whole: bool) -> list[tuple[Any, ...]]:
    """What `_MONTHS` says of those that are over, or of the one that runs."""
    today = timezone.localdate(now)
    key = f"holdout-months:{today}:{whole}:{rules.holdout_percent}:{rules.holdout_since:%Y-%m-%dT%H:%M:%S.%f}"
    asked = {
        "now": now, "since": rules.holdout_since, "zone": settings.TIME_ZONE, "salt": HOLDOUT_SALT,
        "percent": rules.holdout_percent, "oldest": MONTHS - 1 if whole else 0, "newest": int(whole),
    }  # fmt: skip
    kept = _KEPT_SECONDS_WHOLE if whole else _KEPT_SECONDS
    return cache.get_or_set(key, lambda: _counted(asked), timeout=kept) or []


def _counted(asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS, asked)
        return cursor.fetchall()


def _month(
    opens: datetime, closes: datetime, treated: Outcome, held_out: Outcome, *, margin: float | None, now: datetime
) -> Month:
    elapsed = min(1.0, (now - opens) / (closes - opens))
    has_both = min(treated.members, held_out.members) > 0
    effects = effects_of(treated, held_out, elapsed=elapsed, margin=margin) if has_both else ()
    return Month(timezone.localtime(opens).date(), treated, held_out, effects, is_final=elapsed == 1)


_MEMBER, _ORDER = (model._meta.db_table for model in (Member, Order))
# Whoever had joined when the month began, whether or not they may be written to: who takes a consent back because of
# messages must not leave the arm that got them. Members are counted apart from orders: most of them bought nothing.
# Months are numbered from 1, and members and orders are read once, each with how many of the months had begun by then:
# a member who joined in month 3, or on its first moment, counts from month 4 on.
_MONTHS = f"""
    WITH month AS MATERIALIZED (
        SELECT opens AT TIME ZONE %(zone)s AS opens, (opens + interval '1 month') AT TIME ZONE %(zone)s AS closes,
               row_number() OVER (ORDER BY opens)::int AS number
        FROM generate_series(
            date_trunc('month', %(now)s::timestamptz AT TIME ZONE %(zone)s) - make_interval(months => %(oldest)s),
            date_trunc('month', %(now)s::timestamptz AT TIME ZONE %(zone)s) - make_interval(months => %(newest)s),
            interval '1 month'
        ) opens
        WHERE opens AT TIME ZONE %(zone)s >= %(since)s
    ), starts AS (
        SELECT array_agg(opens ORDER BY opens) AS each, min(opens) AS first, least(max(closes), %(now)s) AS last
        FROM month
    ), arm AS MATERIALIZED (
        SELECT id, width_bucket(joined_at, (SELECT each FROM starts)) AS begun,
               ('x' || left(md5(%(salt)s || public_id::text), 8))::bit(32)::bigint %% 100 < %(percent)s AS is_held_out
        FROM {_MEMBER} WHERE merged_into_id IS NULL AND joined_at < (SELECT last FROM starts)
    ), there AS (
        SELECT month.number, month.opens, month.closes, joined.is_held_out, sum(joined.members)::bigint AS members
        FROM month
        JOIN (SELECT is_held_out, begun, count(*) AS members FROM arm GROUP BY 1, 2) joined ON joined.begun < number
        GROUP BY 1, 2, 3, 4
    ), sold AS (
        SELECT member_id, width_bucket(ordered_at, (SELECT each FROM starts)) AS number,
               count(*) FILTER (WHERE total > 0)::float8 AS orders, sum(total)::float8 AS revenue
        FROM {_ORDER}
        WHERE ordered_at >= (SELECT first FROM starts) AND ordered_at < (SELECT last FROM starts) AND voided_at IS NULL
        GROUP BY 1, 2
    ), bought AS (
        SELECT sold.number, arm.is_held_out, count(*) FILTER (WHERE sold.orders > 0) AS buyers,
               sum(sold.orders) AS orders, sum(sold.orders ^ 2) AS orders_squared,
               sum(sold.revenue) AS revenue, sum(sold.revenue ^ 2) AS revenue_squared
        FROM sold JOIN arm ON arm.id = sold.member_id AND arm.begun < sold.number
        GROUP BY 1, 2
    )
    SELECT there.opens, there.closes, there.is_held_out, there.members, coalesce(bought.buyers, 0), bought.orders,
           bought.orders_squared, bought.revenue, bought.revenue_squared
    FROM there LEFT JOIN bought USING (number, is_held_out)
"""
