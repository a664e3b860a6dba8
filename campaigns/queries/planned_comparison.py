"""What the members a plan holds out will be able to show, told before anybody approves it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Count, Exists, OuterRef, Q

from campaigns.models import Plan
from campaigns.rules.sample_sizes import Planned
from campaigns.rules.statistics import Share
from loyalty.models import Order

_KEPT_SECONDS = 600


def planned_comparison(plan: Plan, groups: Iterable[str], *, counted_days: int, now: datetime) -> Planned:
    """Of the members in `groups`, which the plan writes to: how many are held out, and how many buy without it.

    That is taken to be as many as bought in the days before, as long as results are counted: the days of the plan, and
    `counted_days` after. Counted anew every ten minutes at most.
    """
    written_to, days = sorted(set(groups)), len(plan.facts.get("days", [])) + counted_days
    key = f"planned-comparison:{plan.pk}:{days}:{','.join(written_to)}"
    found = cache.get_or_set(key, lambda: _counted(plan, written_to, days, now), timeout=_KEPT_SECONDS) or (0, 0, 0)
    members, held_out, buyers = found
    return Planned(held_out, members - held_out, days, Share(members, buyers))


def _counted(plan: Plan, groups: list[str], days: int, now: datetime) -> tuple[int, int, int]:
    """Members, those held out, and those who bought within so many days."""
    since = now - timedelta(days=days)
    bought = Order.objects.filter(
        member=OuterRef("member"), ordered_at__gt=since, ordered_at__lte=now, voided_at=None, total__gt=0
    )
    counted = plan.candidates.filter(group__in=groups).order_by()
    counts = counted.aggregate(
        members=Count("pk"), held_out=Count("pk", filter=Q(is_held_out=True)), buyers=Count("pk", filter=Exists(bought))
    )
    return counts["members"], counts["held_out"], counts["buyers"]
