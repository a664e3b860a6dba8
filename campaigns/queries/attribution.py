"""Which orders messages brought, by any set of rules: one statement over touches, which never change.

Machines are left out. An order counts once: for the last touch, for the first, or in equal parts for every message.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from campaigns.models import Attribution, Campaign, Send, Touch
from campaigns.rules.attribution import EVEN, FIRST, WINDOWS, AttributionRules
from loyalty.models import Order


@dataclass(frozen=True)
class Sales:
    """What a campaign is given: whole orders, or where they are shared, parts of some."""

    orders: Decimal
    revenue: Decimal


@dataclass(frozen=True)
class Change:
    """What another set of rules would make of a campaign."""

    campaign: Campaign
    before: Sales
    after: Sales


NOTHING = Sales(Decimal(0), Decimal(0))


def attribution() -> Attribution:
    """The one row; until somebody writes it, what it says by itself."""
    return Attribution.objects.filter(pk=1).first() or Attribution(pk=1)


def rules_in(row: Attribution) -> AttributionRules:
    return AttributionRules(row.rule, {name: getattr(row, name) for name in WINDOWS})


def current() -> AttributionRules:
    return rules_in(attribution())


def sales_of(campaign_ids: Sequence[int], by: AttributionRules) -> dict[int, Sales]:
    """By campaign; those without an order are left out."""
    sql, parameters = attributed(campaign_ids, by)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT campaign_id, sum(share), sum(total * share) FROM ({sql}) attributed GROUP BY campaign_id",
            parameters,
        )
        return {campaign: Sales(_plain(orders), revenue) for campaign, orders, revenue in cursor.fetchall()}


def changes(campaigns: Iterable[Campaign], *, to: AttributionRules) -> list[Change]:
    """What `to` would make of each campaign, beside what is shown now. Nothing is written."""
    campaigns = list(campaigns)
    ids = [campaign.pk for campaign in campaigns]
    before, after = sales_of(ids, current()), sales_of(ids, to)
    return [Change(each, before.get(each.pk, NOTHING), after.get(each.pk, NOTHING)) for each in campaigns]


def attributed(campaign_ids: Sequence[int], by: AttributionRules) -> tuple[str, dict[str, Any]]:
    """SQL that gives (order's id, total, campaign_id, send_id, share) for these campaigns, and its parameters."""
    touches = [_TOUCHED] if by.counts("click") or by.counts("open") else []
    touches += [_ARRIVED] if by.counts("delivered") else []
    reached = [f"{column} IS NOT NULL" for column, name in _REACHED.items() if by.counts(name)] or ["false"]
    touched = (" UNION ALL ".join(touches) or _NONE).format(reached=" OR ".join(f"send.{each}" for each in reached))
    shared = _SHARED if by.rule == EVEN else _ONE_HAS_IT.format(order="" if by.rule == FIRST else "DESC")
    members = f"SELECT member_id FROM {_SEND} send WHERE campaign_id = ANY(%(campaigns)s) AND ({' OR '.join(reached)})"
    sql = f"""
        WITH touched (member_id, campaign_id, send_id, at, tie, hours) AS (
            {touched.replace("[members]", members)}
        ), bought AS (
            SELECT orders.id, orders.total, touched.campaign_id, touched.send_id, touched.at, touched.tie
            FROM touched
            JOIN {_ORDER} orders ON orders.member_id = touched.member_id AND orders.ordered_at >= touched.at
             AND orders.ordered_at < touched.at + make_interval(hours => touched.hours) AND orders.voided_at IS NULL
        )
        SELECT id, total, campaign_id, send_id, share FROM ({shared}) shared WHERE campaign_id = ANY(%(campaigns)s)
    """
    return sql, {"campaigns": list(campaign_ids), **by.hours}


def _plain(value: Decimal | int) -> Decimal:
    """Thirds add up to one."""
    return Decimal(value).quantize(Decimal("0.01")).normalize() + 0


_SEND, _TOUCH, _ORDER = (model._meta.db_table for model in (Send, Touch, Order))
_REACHED = {"clicked_at": "click", "opened_at": "open", "delivered_at": "delivered"}
_HOURS = """CASE send.channel || touch.kind
            WHEN 'emailCLICK' THEN %(email_click)s WHEN 'emailOPEN' THEN %(email_open)s
            WHEN 'smsCLICK' THEN %(sms_click)s WHEN 'pushCLICK' THEN %(push_click)s ELSE 0 END::int"""
# Members who did nothing with any message of these campaigns are not looked at; what the others did with messages of
# other campaigns is, for one of these may have the order.
_TOUCHED = f"""
    SELECT send.member_id, send.campaign_id, send.id AS send_id, touch.at, touch.id AS tie, {_HOURS} AS hours
    FROM {_SEND} send
    JOIN {_TOUCH} touch ON touch.send_id = send.id AND touch.kind IN ('CLICK', 'OPEN') AND touch.machine = ''
    WHERE ({{reached}}) AND send.member_id IN ([members])
"""
_ARRIVED = f"""
    SELECT send.member_id, send.campaign_id, send.id, send.delivered_at, 0,
           CASE send.channel WHEN 'email' THEN %(email_delivered)s WHEN 'sms' THEN %(sms_delivered)s
                             ELSE %(push_delivered)s END::int
    FROM {_SEND} send
    WHERE send.delivered_at IS NOT NULL AND send.member_id IN ([members])
"""
_NONE = f"""
    SELECT member_id, campaign_id, id AS send_id, due_at AS at, 0 AS tie, 0 AS hours FROM {_SEND} WHERE false
"""
_ONE_HAS_IT = """
    SELECT DISTINCT ON (id) id, total, campaign_id, send_id, 1 AS share FROM bought ORDER BY id, at {order}, tie {order}
"""
# A message that was opened and clicked is one message.
_SHARED = """
    SELECT id, total, campaign_id, send_id, 1::numeric / count(*) OVER (PARTITION BY id) AS share
    FROM bought GROUP BY id, total, campaign_id, send_id
"""
