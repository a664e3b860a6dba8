"""Named rule trees over members: made, changed, put aside and counted."""

from datetime import datetime

from django.db import transaction

from config.shared.errors import DomainError
from loyalty.models import Score, Segment, User
from loyalty.queries.segments import count_of
from loyalty.rules.segments import Rule, faults_of
from loyalty.rules.segments.shipped import ShippedSegment, shipped_segments


class BadRule(DomainError):
    code = "bad_rule"


class NameTaken(DomainError):
    code = "name_taken"


@transaction.atomic
def create_segment(*, name: str, description: str, rule: Rule, by: User | None, now: datetime) -> Segment:
    """Raises BadRule, NameTaken."""
    _check(name, rule)
    segment = Segment.objects.create(
        name=name, description=description, rule=rule, created_by=by, created_at=now, changed_at=now
    )
    return recount_segment(segment, now=now)


@transaction.atomic
def change_segment(*, segment: Segment, name: str, description: str, rule: Rule, now: datetime) -> Segment:
    """Plans that exist keep the members they were made for. Raises BadRule, NameTaken."""
    _check(name, rule, but=segment)
    segment.name, segment.description, segment.rule, segment.changed_at = name, description, rule, now
    segment.save(update_fields=["name", "description", "rule", "changed_at"])
    return recount_segment(segment, now=now)


def archive_segment(*, segment: Segment, now: datetime) -> None:
    """Offer it no more. Campaigns that use it go on. A second time changes nothing."""
    Segment.objects.filter(pk=segment.pk, archived_at=None).update(archived_at=now)


def _check(name: str, rule: Rule, but: Segment | None = None) -> None:
    if faults := faults_of(rule):
        raise BadRule(str(faults[0]))
    others = Segment.objects.exclude(pk=but.pk) if but else Segment.objects.all()
    if others.filter(name=name).exists():
        raise NameTaken(f"Another segment is called “{name}”. Choose another name.")


def recount_segment(segment: Segment, *, now: datetime) -> Segment:
    segment.member_count, segment.counted_at = count_of(segment.rule, now=now), now
    segment.save(update_fields=["member_count", "counted_at"])
    return segment


def recount_segments(*, now: datetime) -> int:
    """Count every segment in use again; how many there are. Each is committed for itself: a long one holds up none."""
    segments = list(Segment.objects.filter(archived_at=None))
    for segment in segments:
        recount_segment(segment, now=now)
    return len(segments)


@transaction.atomic
def ship_segments(*, now: datetime) -> None:
    """Write the shipped segments into a copy that has none."""
    if Segment.objects.exists():
        return
    Segment.objects.bulk_create(_shipped(segment, now) for segment in shipped_segments(Score.Group.choices))


def _shipped(segment: ShippedSegment, now: datetime) -> Segment:
    return Segment(
        name=segment.name,
        description=segment.description,
        rule=segment.rule,
        is_shipped=True,
        created_at=now,
        changed_at=now,
    )
