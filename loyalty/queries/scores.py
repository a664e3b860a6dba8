from django.db.models import Count

from loyalty.models import Score, Scoring


def latest_scoring() -> Scoring | None:
    """The date all scores hold for, and the cuts; None before the first."""
    return Scoring.objects.first()


def members_by_group() -> dict[str, int]:
    """How many members each named group has; all eleven, in their order."""
    counted = dict(Score.objects.order_by().values_list("group").annotate(Count("pk")))
    return {group: counted.get(group, 0) for group in Score.Group.values}
