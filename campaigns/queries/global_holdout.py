"""What all marketing together brings, month by month: everybody against those who never get any."""

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import connection
from django.utils import timezone

from campaigns.queries.lift import outcome_of
from campaigns.queries.policy import policy
from campaigns.rules.effects import NOTHING, Effect, Outcome, effects_of
from campaigns.rules.permits import HOLDOUT_SALT
from loyalty.models import Member, Order

MONTHS = 12


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
    """Whole months since the share last changed, newest first, a year at most. Empty while nobody is held out."""
    rules = policy()
    if not rules.holdout_percent or rules.holdout_since is None:
        return []
    margin = None if rules.gross_margin_percent is None else float(rules.gross_margin_percent) / 100
    arms: dict[datetime, dict[bool, Outcome]] = {}
    ends: dict[datetime, datetime] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _MONTHS,
            {
                "now": now, "since": rules.holdout_since, "zone": settings.TIME_ZONE, "salt": HOLDOUT_SALT,
                "percent": rules.holdout_percent, "months": MONTHS - 1,
            },
        )  # fmt: skip
        for opens, closes, is_held_out, *counts in cursor.fetchall():
            arms.setdefault(opens, {})[is_held_out] = outcome_of(*counts)
            ends[opens] = closes
    return [
        _month(opens, ends[opens], found.get(False, NOTHING), found.get(True, NOTHING), margin=margin, now=now)
        for opens, found in sorted(arms.items(), reverse=True)
    ]


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
_MONTHS = f"""
    WITH month AS (
        SELECT opens AT TIME ZONE %(zone)s AS opens, (opens + interval '1 month') AT TIME ZONE %(zone)s AS closes
        FROM generate_series(
            date_trunc('month', %(now)s::timestamptz AT TIME ZONE %(zone)s) - make_interval(months => %(months)s),
            date_trunc('month', %(now)s::timestamptz AT TIME ZONE %(zone)s), interval '1 month'
        ) opens
        WHERE opens AT TIME ZONE %(zone)s >= %(since)s
    ), arm AS (
        SELECT id, joined_at,
               ('x' || left(md5(%(salt)s || public_id::text), 8))::bit(32)::bigint %% 100 < %(percent)s AS is_held_out
        FROM {_MEMBER} WHERE merged_into_id IS NULL
    ), there AS (
        SELECT month.opens, month.closes, arm.is_held_out, count(*) AS members
        FROM month JOIN arm ON arm.joined_at < month.opens
        GROUP BY 1, 2, 3
    ), bought AS (
        SELECT month.opens, arm.id, arm.is_held_out,
               count(*) FILTER (WHERE orders.total > 0)::float8 AS orders, sum(orders.total)::float8 AS revenue
        FROM month
        JOIN {_ORDER} orders ON orders.ordered_at >= month.opens AND orders.ordered_at < month.closes
         AND orders.ordered_at < %(now)s AND orders.voided_at IS NULL
        JOIN arm ON arm.id = orders.member_id AND arm.joined_at < month.opens
        GROUP BY 1, 2, 3
    )
    SELECT there.opens, there.closes, there.is_held_out, there.members,
           count(bought.id) FILTER (WHERE bought.orders > 0), sum(bought.orders), sum(bought.orders ^ 2),
           sum(bought.revenue), sum(bought.revenue ^ 2)
    FROM there LEFT JOIN bought USING (opens, is_held_out)
    GROUP BY 1, 2, 3, 4
"""
