"""Somebody under all of their ids, and why these belong together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from tracking.models import IdentityLink, PartnerSystem, PersonActivity, TrackedEvent, UserMerge

MOST_IDS = 100
AMONG, MOST_SHOWN = 400, 25


@dataclass(frozen=True)
class KnownId:
    """One id of a person. `why` says how it is known to be theirs; `merge` is what to undo, if it was a merge."""

    id: str
    is_user: bool
    why: str
    at: datetime | None = None
    merge: UserMerge | None = None
    event_id: str = ""


@dataclass(frozen=True)
class PersonSums:
    events: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True)
class MergePreview:
    """What merging `user_id` into `into` would do."""

    user_id: str
    into: str
    moving: PersonSums
    staying: PersonSums
    systems: int
    anonymous_ids: int


def systems_of(partner_id: int) -> tuple[int, ...]:
    return tuple(PartnerSystem.objects.filter(partner_id=partner_id).values_list("pk", flat=True))


def person_called(partner_id: int, name: str) -> str:
    """The name under which somebody's events stand, by any id of theirs."""
    link = IdentityLink.objects.filter(partner_id=partner_id, anonymous_id=name).first()
    user = link.user_id if link else name
    merged = UserMerge.objects.filter(partner_id=partner_id, user_id=user, undone_at=None).first()
    return merged.into_user_id if merged else user


def ids_of(partner_id: int, person: str) -> list[KnownId]:
    """Every id of `person` (see person_called): the user ids first, then the anonymous ones, the newest first."""
    merges = list(
        UserMerge.objects.filter(partner_id=partner_id, into_user_id=person, undone_at=None)
        .select_related("merged_by")
        .order_by("merged_at")
    )
    users = [person, *(merge.user_id for merge in merges)]
    links = list(
        IdentityLink.objects.filter(partner_id=partner_id, user_id__in=users).order_by("-linked_at")[:MOST_IDS]
    )
    is_user = bool(links or merges) or is_known_user(partner_id, person)
    why = "The id these events stand under" if is_user else "Not identified yet: no user id came with it"
    return [
        KnownId(person, is_user, why),
        *(
            KnownId(merge.user_id, True, f"Merged by {merge.merged_by or 'somebody who left'}", merge.merged_at, merge)
            for merge in merges
        ),
        *(
            KnownId(
                link.anonymous_id, False, f"Became {link.user_id} by an identify or alias", link.linked_at,
                event_id=str(link.event_id),
            )
            for link in links
        ),
    ]  # fmt: skip


def is_known_user(partner_id: int, name: str) -> bool:
    """Whether any event called somebody so, or an anonymous id was linked to them."""
    if IdentityLink.objects.filter(partner_id=partner_id, user_id=name).exists():
        return True
    standing = TrackedEvent.objects.filter(system_id__in=systems_of(partner_id), person=person_called(partner_id, name))
    return bool(name) and standing.filter(user_id=name).exists()


def sums_of(partner_id: int, person: str) -> PersonSums:
    found = TrackedEvent.objects.filter(system_id__in=systems_of(partner_id), person=person).aggregate(
        events=Count("id"), first=Min("occurred_at"), last=Max("occurred_at")
    )
    return PersonSums(found["events"], found["first"], found["last"])


def merge_preview(partner_id: int, user_id: str, into: str) -> MergePreview:
    activity = PersonActivity.objects.filter(system_id__in=systems_of(partner_id), person=user_id)
    links = IdentityLink.objects.filter(partner_id=partner_id, user_id=user_id)
    return MergePreview(
        user_id,
        into,
        sums_of(partner_id, user_id),
        sums_of(partner_id, into),
        activity.count(),
        links.count(),
    )


def merges_of(partner_ids: Sequence[int]) -> list[UserMerge]:
    """The latest merges, those undone too."""
    rows = UserMerge.objects.filter(partner_id__in=partner_ids).select_related("partner", "merged_by", "undone_by")
    return list(rows.order_by("-merged_at", "-pk")[:MOST_IDS])


def seen_lately(system_ids: Sequence[int]) -> list[TrackedEvent]:
    """The last event of each person among the last few hundred events; a person is of one partner."""
    latest = TrackedEvent.objects.filter(system_id__in=system_ids).exclude(person="").order_by("-occurred_at", "-id")
    found: dict[tuple[int, str], TrackedEvent] = {}
    for event in latest.defer("properties", "errors")[:AMONG]:
        found.setdefault((event.partner_id, event.person), event)
    return list(found.values())[:MOST_SHOWN]
