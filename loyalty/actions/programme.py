"""The terms of the programme. What was given under older terms keeps them."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from config.shared.errors import DomainError
from loyalty.models import Programme, ReferralMilestone

MOST_MILESTONES, MOST_FRIENDS, LARGEST_MILESTONE = 12, 10_000, 1_000_000


class BadTerms(DomainError):
    code = "bad_terms"


def ship_programme() -> None:
    Programme.objects.get_or_create(pk=1)


@transaction.atomic
def change_terms(*, milestones: dict[int, int] | None = None, **fields: Any) -> Programme:
    """Change the named fields of the one row, and with `milestones` (points by number of friends who bought) replace
    those. All of it or nothing. Raises BadTerms.
    """
    programme = Programme.objects.select_for_update().get(pk=1)
    for name, value in fields.items():
        setattr(programme, name, value)
    try:
        programme.clean_fields()
    except ValidationError as fault:
        raise BadTerms(" ".join(fault.messages)) from None
    if programme.pending == Programme.Pending.EVENT and not programme.pending_event.strip():
        raise BadTerms("Name the event that makes points usable, such as order.delivered.")
    if programme.pending == Programme.Pending.DAYS and programme.pending_days < 1:
        raise BadTerms("Points that wait, wait for at least one day.")
    programme.save(update_fields=list(fields))
    if milestones is not None:
        _set_milestones(milestones)
    return programme


def _set_milestones(points_by_friends: dict[int, int]) -> None:
    if len(points_by_friends) > MOST_MILESTONES:
        raise BadTerms(f"At most {MOST_MILESTONES} milestones.")
    for friends, points in points_by_friends.items():
        if not (1 <= friends <= MOST_FRIENDS and 1 <= points <= LARGEST_MILESTONE):
            raise BadTerms(
                f"A milestone is for 1 to {MOST_FRIENDS:,} friends, and gives 1 to {LARGEST_MILESTONE:,} points."
            )
    ReferralMilestone.objects.all().delete()
    ReferralMilestone.objects.bulk_create(
        ReferralMilestone(friends=friends, points=points) for friends, points in points_by_friends.items()
    )
