"""At which hour each member usually answers, counted from what they did."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models.functions import Left

from campaigns.models import MemberHour, Send
from loyalty.models import Consent, Member, Order, Store
from loyalty.rules.contacts import PHONE_START, zone_of_phone

LOOKS_BACK = timedelta(days=180)
# What a sign weighs: who clicks had time for us, who buys was out shopping, who opens may only have looked.
CLICK, PURCHASE, OPENING = 3, 2, 1
# A sign counts half as much for the hour before and the one after.
NEIGHBOUR = 0.5
FEWEST_SIGNS = 3


def count_best_hours(*, now: datetime) -> int:
    """The best hour of every member with at least three signs of one in 180 days; how many members those are.

    Signs are messages that a person clicked (weight 3) or else opened (1), and purchases (2), each at its hour by the
    clock of the member's home store; without one by that of the telephone number for texts, of the store they bought
    in, or of the business. An hour's score is its weight and half of that of the hours beside it, around midnight too;
    the highest wins, then what weighs more by itself, then the earlier hour. Who has too few signs by now has no row.
    """
    starts = Member.objects.filter(home_store=None, left_at=None, phone__isnull=False).order_by()
    zones = {
        start: zone_of_phone(start) for start in starts.values_list(Left("phone", PHONE_START), flat=True).distinct()
    }
    told = [(start, zone) for start, zone in zones.items() if zone]
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "since": now - LOOKS_BACK,
                "now": now,
                "business": settings.TIME_ZONE,
                "starts": [start for start, _ in told],
                "zones": [zone for _, zone in told],
                "sms": Consent.Channel.SMS.value,
            },
        )
        return cursor.rowcount


_MEMBER, _STORE, _ORDER, _SEND, _HOUR = (model._meta.db_table for model in (Member, Store, Order, Send, MemberHour))
_COUNT = f"""
    WITH sign AS (
        SELECT member_id, coalesce(clicked_at, opened_at) AS at, channel, NULL::bigint AS store_id,
               CASE WHEN clicked_at IS NULL THEN {OPENING} ELSE {CLICK} END AS weight
        FROM {_SEND}
        WHERE coalesce(clicked_at, opened_at) > %(since)s AND coalesce(clicked_at, opened_at) <= %(now)s
        UNION ALL
        SELECT member_id, ordered_at, '', store_id, {PURCHASE}
        FROM {_ORDER}
        WHERE member_id IS NOT NULL AND ordered_at > %(since)s AND ordered_at <= %(now)s
          AND voided_at IS NULL AND total > 0
    ), counted AS (
        SELECT member.id AS member_id, count(*) AS signs, sum(sign.weight) AS weight,
               extract(hour FROM sign.at AT TIME ZONE coalesce(
                   home.time_zone, CASE sign.channel WHEN %(sms)s THEN dialled.zone END, bought_in.time_zone,
                   %(business)s
               ))::int AS hour
        FROM sign
        JOIN {_MEMBER} member ON member.id = sign.member_id
        LEFT JOIN {_STORE} home ON home.id = member.home_store_id
        LEFT JOIN {_STORE} bought_in ON bought_in.id = sign.store_id
        LEFT JOIN unnest(%(starts)s::text[], %(zones)s::text[]) AS dialled (start, zone)
            ON home.id IS NULL AND dialled.start = left(member.phone, {PHONE_START})
        WHERE member.left_at IS NULL AND member.merged_into_id IS NULL
        GROUP BY member.id, hour
    ), score AS (
        SELECT member_id, (hour + beside.by + 24) %% 24 AS hour, sum(weight * beside.share) AS score,
               sum(weight) FILTER (WHERE beside.by = 0) AS own, sum(signs) FILTER (WHERE beside.by = 0) AS signs
        FROM counted
        CROSS JOIN (VALUES (-1, {NEIGHBOUR}), (0, 1), (1, {NEIGHBOUR})) AS beside (by, share)
        GROUP BY 1, 2
    ), best AS (
        SELECT member_id, (array_agg(hour ORDER BY score DESC, own DESC NULLS LAST, hour))[1] AS hour,
               sum(signs) AS seen
        FROM score
        GROUP BY member_id
        HAVING sum(signs) >= {FEWEST_SIGNS}
    ), gone AS (
        DELETE FROM {_HOUR} WHERE member_id NOT IN (SELECT member_id FROM best)
    )
    INSERT INTO {_HOUR} (member_id, hour, seen, counted_at)
    SELECT member_id, hour, seen, %(now)s FROM best
    ON CONFLICT (member_id) DO UPDATE SET hour = excluded.hour, seen = excluded.seen, counted_at = excluded.counted_at
"""


def forget_hour(*, public_id: str) -> None:
    """Of somebody who has left."""
    MemberHour.objects.filter(member__public_id=public_id).delete()
