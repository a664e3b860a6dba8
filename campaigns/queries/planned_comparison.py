"""What the members a plan holds out will be able to show, told before anybody approves it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Sum, When
from django.db.models.functions import Power

from campaigns.models import Plan
from campaigns.rules.sample_sizes import Planned
from campaigns.rules.statistics import Share
from loyalty.models import Order
from loyalty.queries.forecasts import HORIZON

_KEPT_SECONDS = 600


def planned_comparison(plan: Plan, groups: Iterable[str], *, counted_days: int, now: datetime) -> Planned:
    """Of the members in `groups`, which the plan writes to: how many are held out, and how many buy without it.

    Results are counted for the days of the plan and `counted_days` after. So many days are what each member's forecast
    is for, with an even chance of coming back on each; of who has none it is taken that they do as in the days before.
    The groups say who has stayed away, so the days before alone would say that nobody comes back. Counted anew every
    ten minutes at most.
    """
    written_to, days = sorted(set(groups)), len(plan.facts.get("days", [])) + counted_days
    key = f"planned-comparison:{plan.pk}:{days}:{','.join(written_to)}"
    found = cache.get_or_set(key, lambda: _counted(plan, written_to, days, now), timeout=_KEPT_SECONDS) or (0, 0, 0)
    members, held_out, buyers = found
    return Planned(held_out, members - held_out, days, Share(members, buyers))


def _counted(plan: Plan, groups: list[str], days: int, now: datetime) -> tuple[int, int, int]:
    """Members, those held out, and those who probably buy within so many days."""
    since = now - timedelta(days=days)
    bought = Order.objects.filter(
        member=OuterRef("member"), ordered_at__gt=since, ordered_at__lte=now, voided_at=None, total__gt=0
    )
    comes_back = 1 - Power(1 - F("member__forecast__p_return"), days / HORIZON)
    did_come = Case(When(Exists(bought), then=1.0), default=0.0)
    counted = plan.candidates.filter(group__in=groups).order_by()
    counts = counted.aggregate(
        members=Count("pk"),
        held_out=Count("pk", filter=Q(is_held_out=True)),
        buyers=Sum(Case(When(member__forecast=None, then=did_come), default=comes_back)),
    )
    return counts["members"], counts["held_out"], round(counts["buyers"] or 0)
