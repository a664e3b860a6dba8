"""Two members who are one person become one, and two again if that was a mistake."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from config.shared.errors import DomainError
from loyalty.actions import ledger, members, orders, redemptions, tiers
from loyalty.events import MembersMerged, MergeUndone
from loyalty.models import (
    Consent,
    Device,
    Member,
    MemberMerge,
    Order,
    Redemption,
    Referral,
    Scan,
    TierStanding,
    User,
    WishlistItem,
)
from tracking.actions import record

FIELDS = ("name", "email", "phone", "birth_date", "external_id", "home_store", "language")
UNIQUE = ("email", "phone", "external_id")
# What belongs to a member by a plain reference.
OWNED: dict[str, tuple[QuerySet[Any], str]] = {
    "orders": (Order.objects.all(), "member"),
    "redemptions": (Redemption.objects.all(), "member"),
    "scans": (Scan.objects.all(), "member"),
    "devices": (Device.objects.all(), "member"),
    "referrals": (Referral.objects.all(), "referrer"),
    "wishes": (WishlistItem.objects.all(), "member"),
}


class CannotMerge(DomainError):
    code = "cannot_merge"


@transaction.atomic
def merge(*, kept: Member, merged: Member, from_merged: Mapping[str, bool], by: User, now: datetime) -> MemberMerge:
    """Give everything of `merged` to `kept`: orders, points with the days they expire on, scans, friends, wishes and
    devices. Rewards they hold are given back first. `from_merged` names the FIELDS whose value is taken from there. An
    opt-out of either stands. Written down, so that `undo` takes it back. Raises CannotMerge.
    """
    if kept.pk == merged.pk:
        raise CannotMerge("This is the same member.")
    both = [kept.pk, merged.pk]
    redemptions.release_all(member_ids=[merged.pk], accounts=both, now=now, note="members merged")
    kept, merged = _locked(kept, merged)
    earlier = Member.objects.filter(merged_into=merged)
    moved: dict[str, Any] = {
        "fields": {"kept": _fields(kept), "merged": _fields(merged)},
        "rows": _move(merged, kept),
        "consents": _join_consents(merged, kept, by=by, now=now),
        "earlier": list(earlier.values_list("pk", flat=True)),
    }
    earlier.update(merged_into=kept)
    row = MemberMerge.objects.create(kept=kept, merged=merged, moved=moved, by=by, merged_at=now)
    lots, owed = ledger.move_all(out_of=merged.pk, into=kept.pk, cause=f"merge:{row.pk}", now=now)
    row.moved |= {"lots": lots, "owed": owed}
    row.save(update_fields=["moved"])
    _join_fields(kept, merged, from_merged)
    TierStanding.objects.filter(member=merged).delete()
    _count_again(kept, merged, now=now)
    record(MembersMerged(subject=str(kept.public_id), merged=str(merged.public_id)), key=f"{row.pk}", at=now)
    return row


@transaction.atomic
def undo(*, row: MemberMerge, now: datetime) -> None:
    """Two members again: what was moved goes back, and so does what is left of the points. What was spent meanwhile
    stays spent, and what came in since stays with who was kept; rewards held since, perhaps for points of the other
    one, are given back first. Raises CannotMerge.
    """
    both = [row.kept_id, row.merged_id]
    redemptions.release_all(member_ids=[row.kept_id], accounts=both, now=now, note="merge undone", since=row.merged_at)
    row = MemberMerge.objects.select_for_update().get(pk=row.pk)
    kept, merged = (Member.objects.get(pk=pk) for pk in (row.kept_id, row.merged_id))
    _refuse_undo(row, kept, merged)
    for name, (rows, field) in OWNED.items():
        rows.filter(pk__in=row.moved["rows"][name]).update(**{field: merged})
    Consent.objects.filter(pk__in=row.moved["consents"]).update(member=merged)
    Member.objects.filter(pk__in=row.moved["earlier"]).update(merged_into=merged)
    ledger.move_back(
        lots=row.moved["lots"],
        owed=row.moved["owed"],
        out_of=kept.pk,
        into=merged.pk,
        cause=f"merge:{row.pk}:undone",
        now=now,
    )
    _part_fields(kept, merged, row.moved["fields"])
    row.undone_at = now
    row.save(update_fields=["undone_at"])
    _count_again(kept, merged, now=now)
    record(MergeUndone(subject=str(kept.public_id), merged=str(merged.public_id)), key=f"{row.pk}", at=now)


def _locked(kept: Member, merged: Member) -> tuple[Member, Member]:
    """After their accounts, as everybody who moves points locks them."""
    rows = Member.objects.order_by("pk").select_for_update(no_key=True).in_bulk([kept.pk, merged.pk])
    for member in rows.values():
        if member.merged_into_id or member.left_at:
            raise CannotMerge(f"{member} is gone already.")
    return rows[kept.pk], rows[merged.pk]


def _refuse_undo(row: MemberMerge, kept: Member, merged: Member) -> None:
    if row.undone_at is not None:
        raise CannotMerge("This was undone already.")
    if not row.moved or kept.left_at or merged.left_at:
        raise CannotMerge("One of them has left: nothing of them is kept that could be given back.")
    if kept.merged_into_id:
        raise CannotMerge(f"{kept} is part of #{kept.merged_into_id} since: undo that first.")
    taken = Member.objects.exclude(pk__in=[kept.pk, merged.pk])
    for name in UNIQUE:
        value = row.moved["fields"]["merged"][name]
        if value and taken.filter(**{name: value}).exists():
            raise CannotMerge("Somebody else has joined with a contact of theirs since.")


def _move(out_of: Member, into: Member) -> dict[str, list[int]]:
    """All but what the other one has as well: the same scan, the same wish, and being one's own friend."""
    known = {
        "scans": Q(client_id__in=Scan.objects.filter(member=into).values("client_id")),
        "wishes": Q(product__in=WishlistItem.objects.filter(member=into).values("product")),
        "referrals": Q(friend=into),
    }
    moved = {}
    for name, (rows, field) in OWNED.items():
        theirs = rows.filter(**{field: out_of})
        theirs = theirs.exclude(known[name]) if name in known else theirs
        moved[name] = list(theirs.values_list("pk", flat=True))
        rows.filter(pk__in=moved[name]).update(**{field: into})
    return moved


def _join_consents(out_of: Member, into: Member, *, by: User, now: datetime) -> list[int]:
    """Those only the other one had move along. Where both have one, a no stands against a yes."""
    known = {(each.channel, each.topic): each for each in Consent.objects.filter(member=into)}
    moved = []
    for theirs in Consent.objects.filter(member=out_of):
        ours = known.get((theirs.channel, theirs.topic))
        if ours is None:
            Consent.objects.filter(pk=theirs.pk).update(member=into)
            moved.append(theirs.pk)
        elif ours.is_granted and not theirs.is_granted:
            members.set_consent(
                member=into,
                channel=theirs.channel,
                topic=theirs.topic,
                is_granted=False,
                wording=theirs.wording,
                source="merge",
                by=by,
                now=now,
            )
    return moved


def _join_fields(kept: Member, merged: Member, from_merged: Mapping[str, bool]) -> None:
    """What is chosen, and what only the other one had. What must be unique is let go there first."""
    values = {
        name: getattr(merged, name) if from_merged.get(name) or not getattr(kept, name) else getattr(kept, name)
        for name in FIELDS
    }
    for name in UNIQUE:
        setattr(merged, name, None)
    merged.merged_into = kept
    merged.save(update_fields=[*UNIQUE, "merged_into"])
    for name, value in values.items():
        setattr(kept, name, value)
    kept.save(update_fields=list(FIELDS))


def _fields(member: Member) -> dict[str, Any]:
    return {
        **{name: getattr(member, name) for name in ("name", "email", "phone", "external_id", "language")},
        "birth_date": member.birth_date.isoformat() if member.birth_date else None,
        "home_store_id": member.home_store_id,
    }


def _part_fields(kept: Member, merged: Member, fields: Mapping[str, Mapping[str, Any]]) -> None:
    """What was taken over goes back; what was corrected since stays."""
    now, ours, theirs = _fields(kept), fields["kept"], fields["merged"]
    back = {name: ours[name] for name, value in now.items() if value == theirs[name] != ours[name]}
    Member.objects.filter(pk=kept.pk).update(**back)
    Member.objects.filter(pk=merged.pk).update(**theirs, merged_into=None)


def _count_again(kept: Member, merged: Member, *, now: datetime) -> None:
    orders.sum_up_again([kept.pk, merged.pk])
    tiers.count_tiers([kept.pk, merged.pk], now=now)
