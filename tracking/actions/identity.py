"""Two known users who are one person: said by somebody, on record, and taken back as easily."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from config.shared.errors import DomainError
from config.shared.trail import note_change
from tracking.actions.read_model import hold_the_follower, recount_activity
from tracking.models import Partner, UserMerge
from tracking.queries import people

Person = Any


class CannotMerge(DomainError):
    code = "cannot_merge"


class MergeUndone(DomainError):
    code = "merge_undone"


@transaction.atomic
def merge(*, partner: Partner, user_id: str, into: str, by: Person, now: datetime) -> UserMerge:
    """From now on all that `user_id` ever did is `into`'s doing. Raises CannotMerge.

    The follower waits meanwhile, so that nothing is written under the old name.
    """
    hold_the_follower()
    refuse_merge(partner, user_id, into)
    made = UserMerge.objects.create(
        partner=partner, user_id=user_id, into_user_id=into, merged_by_id=by and by.pk, merged_at=now
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE tracking_trackedevent SET person = %s WHERE {_OF_PARTNER} AND person = %s",
            [into, partner.pk, user_id],
        )
    recount_activity(partner.pk, [user_id, into])
    return made


@transaction.atomic
def undo(merged: UserMerge, *, by: Person, now: datetime) -> None:
    """Each of the two gets back what is theirs, also what came since. Raises MergeUndone."""
    hold_the_follower()
    standing = UserMerge.objects.filter(pk=merged.pk, undone_at=None)
    if not standing.update(undone_at=now, undone_by_id=by and by.pk):
        raise MergeUndone("These two were taken apart again already.")
    note_change(merged, undone_at=("", now.isoformat()))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE tracking_trackedevent SET person = %s
            WHERE {_OF_PARTNER} AND person = %s AND (user_id = %s OR user_id = '' AND anonymous_id IN (
                SELECT anonymous_id FROM tracking_identitylink WHERE partner_id = %s AND user_id = %s
            ))
            """,
            [merged.user_id, merged.partner_id, merged.into_user_id, merged.user_id, merged.partner_id, merged.user_id],
        )
    recount_activity(merged.partner_id, [merged.user_id, merged.into_user_id])


_OF_PARTNER = "system_id IN (SELECT id FROM tracking_partnersystem WHERE partner_id = %s)"


def refuse_merge(partner: Partner, user_id: str, into: str) -> None:
    """Raises CannotMerge, with what stands against it."""
    if user_id == into:
        raise CannotMerge("These are one user already. Name two.")
    standing = UserMerge.objects.filter(partner=partner, undone_at=None)
    for name in (user_id, into):
        if gone := standing.filter(user_id=name).first():
            raise CannotMerge(f"{name} was merged into {gone.into_user_id} already. Undo that first.")
    if standing.filter(into_user_id=user_id).exists():
        raise CannotMerge(f"Others were merged into {user_id}. Undo those, and merge each into {into}.")
    for name in (user_id, into):
        if not people.is_known_user(partner.pk, name):
            raise CannotMerge(f"No user of {partner.name} is known as “{name}”. Only known users can be merged.")
