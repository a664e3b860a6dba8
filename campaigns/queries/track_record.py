"""What the shop's own messages brought of late, by what was said to whom: a planner reads this before it plans."""

from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.utils.timezone import localdate

from campaigns.models import Action, Campaign, Offer, PlanStep, Playbook, Send
from campaigns.queries.attribution import attributed, current
from loyalty.models import Consent, Score

DAYS = 90
# Fewer say nothing: they are not shown to a planner.
ENOUGH_MESSAGES = 20
_KEPT_SECONDS = 600


@dataclass(frozen=True)
class Record:
    """One playbook for one group by one channel with one offer, of the last DAYS days. `revenue` in the currency.

    Orders are attributed as on the page of a campaign, and rounded where several messages share them; opens and clicks
    are those of people. `offer` is a code, `offer_name` what people call it; both are empty for none.
    """

    playbook_id: int
    playbook: str
    group: str
    channel: str
    offer: str
    messages: int
    opened: int
    clicked: int
    unsubscribed: int
    orders: int
    revenue: Decimal
    offer_name: str

    @property
    def group_name(self) -> str:
        return str(Score.Group(self.group).label)

    @property
    def channel_name(self) -> str:
        return str(Consent.Channel(self.channel).label)

    @property
    def told(self) -> str:
        """`120 messages, 31% opened, 8% clicked, 5 orders, 2 unsubscribed`"""
        rates = f"{self._share(self.opened)} opened, {self._share(self.clicked)} clicked"
        messages, orders = _counted(self.messages, "message"), _counted(self.orders, "order")
        return f"{messages}, {rates}, {orders}, {self.unsubscribed:,} unsubscribed"

    def _share(self, count: int) -> str:
        return f"{100 * count / self.messages:.0f}%" if self.messages else "none"


def track_record(*, now: datetime) -> list[Record]:
    """Those with most messages first. Two statements, however much was sent."""
    since = now - timedelta(days=DAYS)
    brought = _brought(since)
    records = []
    for playbook, name, group, channel, offer, offer_name, *counts in _rows(_SENT_SQL, [list(Send.LEFT), since]):
        messages, opened, clicked, left = counts
        orders, revenue = brought.get((playbook, group, channel, offer), (0, Decimal(0)))
        records.append(
            Record(
                playbook, name, group, channel, offer, messages, opened, clicked, left, orders, revenue, offer_name
            )
        )  # fmt: skip
    return records


def known_track_record(*, now: datetime) -> list[Record]:
    """As `track_record`, counted anew every ten minutes at most, and when orders are put down by other rules."""
    rules = current()
    key = "track-record-2:" + ":".join([f"{now:%Y-%m-%d}", rules.rule, *map(str, rules.hours.values())])
    found: list[tuple[Any, ...]] = (
        cache.get_or_set(key, lambda: [astuple(record) for record in track_record(now=now)], timeout=_KEPT_SECONDS)
        or []
    )
    return [Record(*row) for row in found]


def _brought(since: datetime) -> dict[tuple[Any, ...], tuple[int, Decimal]]:
    """Orders and revenue by playbook, group, channel and offer."""
    recent = Campaign.objects.filter(ends_on__gte=localdate(since)).values_list("pk", flat=True)
    sql, parameters = attributed(list(recent), current())
    rows = _rows(_BROUGHT_SQL.format(attributed=sql), parameters | {"since": since})
    return {tuple(key): (round(orders), round(revenue, 2)) for *key, orders, revenue in rows}


def records_of(playbook: Playbook, *, now: datetime) -> list[Record]:
    """What a playbook brought, whichever groups and channels it was used for."""
    return [each for each in known_track_record(now=now) if each.playbook_id == playbook.pk]


def records_like(step: PlanStep, *, now: datetime) -> list[Record]:
    """What a step's playbook brought among its group by its channel."""
    records = records_of(step.playbook, now=now)
    return [each for each in records if (each.group, each.channel) == (step.group, step.channel)]


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _rows(sql: str, parameters: list[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


_SEND, _ACTION, _STEP, _PLAYBOOK, _OFFER = (model._meta.db_table for model in (Send, Action, PlanStep, Playbook, Offer))
_SENT_SQL = f"""
    SELECT step.playbook_id, playbook.name, step."group", step.channel, coalesce(offer.code, '') AS offer,
           coalesce(max(offer.name), '') AS offer_name,
           count(*) AS messages, count(send.opened_at), count(send.clicked_at), count(send.unsubscribed_at)
    FROM {_SEND} send
    JOIN {_ACTION} action ON action.id = send.action_id
    JOIN {_STEP} step ON step.id = action.step_id
    JOIN {_PLAYBOOK} playbook ON playbook.id = step.playbook_id
    LEFT JOIN {_OFFER} offer ON offer.id = step.offer_id
    WHERE send.status = ANY(%s) AND send.due_at >= %s
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY messages DESC, 1, 3, 4, 5
"""
_BROUGHT_SQL = f"""
    SELECT step.playbook_id, step."group", step.channel, coalesce(offer.code, '') AS offer,
           sum(attributed.share) AS orders, sum(attributed.total * attributed.share) AS revenue
    FROM ({{attributed}}) attributed
    JOIN {_SEND} send ON send.id = attributed.send_id AND send.due_at >= %(since)s
    JOIN {_ACTION} action ON action.id = send.action_id
    JOIN {_STEP} step ON step.id = action.step_id
    LEFT JOIN {_OFFER} offer ON offer.id = step.offer_id
    GROUP BY 1, 2, 3, 4
"""
