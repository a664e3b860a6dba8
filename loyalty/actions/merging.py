"""Two members who are one person become one, and two again if that was a mistake."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from config.shared.errors import DomainError
from loyalty.actions import ledger, orders, tiers
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
    """Give everything of `merged` to `kept`: orders, points with the days they expire on, rewards held, scans, friends,
    wishes and devices. `from_merged` names the FIELDS whose value is taken from there. An opt-out of either stands.
    Written down, so that `undo` takes it back. Raises CannotMerge.
    """
    kept, merged = _locked(kept, merged)
    moved: dict[str, Any] = {
        "fields": {"kept": _fields(kept), "merged": _fields(merged)},
        "rows": _move(merged, kept),
        "consents": _join_consents(merged, kept),
    }
    row = MemberMerge.objects.create(kept=kept, merged=merged, moved=moved, by=by, merged_at=now)
    row.moved["points"] = ledger.move_all(out_of=merged.pk, into=kept.pk, cause=f"merge:{row.pk}", now=now)
    row.save(update_fields=["moved"])
    _join_fields(kept, merged, from_merged)
    _count_again(kept, merged, now=now)
    record(MembersMerged(subject=str(kept.public_id), merged=str(merged.public_id)), key=f"{row.pk}", at=now)
    return row


@transaction.atomic
def undo(*, row: MemberMerge, now: datetime) -> None:
    """Two members again: what was moved goes back, and so do the points, as far as they were not spent since. What
    came in since stays with who was kept. Raises CannotMerge.
    """
    row = MemberMerge.objects.select_for_update().get(pk=row.pk)
    if row.undone_at is not None:
        raise CannotMerge("This was undone already.")
    if not row.moved:
        raise CannotMerge("One of them has left: nothing of them is kept that could be given back.")
    kept, merged = (Member.objects.select_for_update().get(pk=pk) for pk in (row.kept_id, row.merged_id))
    for name, (rows, field) in OWNED.items():
        rows.filter(pk__in=row.moved["rows"][name]).update(**{field: merged})
    Consent.objects.filter(pk__in=row.moved["consents"]).update(member=merged)
    _give_back_points(row, kept, merged, now=now)
    _restore(kept, row.moved["fields"]["kept"])
    _restore(merged, row.moved["fields"]["merged"])
    row.undone_at = now
    row.save(update_fields=["undone_at"])
    _count_again(kept, merged, now=now)
    record(MergeUndone(subject=str(kept.public_id), merged=str(merged.public_id)), key=f"{row.pk}", at=now)


def _locked(kept: Member, merged: Member) -> tuple[Member, Member]:
    if kept.pk == merged.pk:
        raise CannotMerge("This is the same member.")
    rows = Member.objects.select_for_update().in_bulk([kept.pk, merged.pk])
    for member in rows.values():
        if member.merged_into_id or member.left_at:
            raise CannotMerge(f"{member} is gone already.")
    return rows[kept.pk], rows[merged.pk]


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


def _join_consents(out_of: Member, into: Member) -> list[int]:
    """Those only the other one had move along. Where both have one, a no stands against a yes."""
    known = {(each.channel, each.topic): each for each in Consent.objects.filter(member=into)}
    moved = []
    for theirs in Consent.objects.filter(member=out_of):
        ours = known.get((theirs.channel, theirs.topic))
        if ours is None:
            Consent.objects.filter(pk=theirs.pk).update(member=into)
            moved.append(theirs.pk)
        elif ours.is_granted and not theirs.is_granted:
            Consent.objects.filter(pk=ours.pk).update(
                is_granted=False, wording=theirs.wording, source="merge", changed_at=theirs.changed_at
            )
    return moved


def _join_fields(kept: Member, merged: Member, from_merged: Mapping[str, bool]) -> None:
    """What is chosen, and what only the other one had. One of two values that must be unique is let go first."""
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


def _restore(member: Member, fields: Mapping[str, Any]) -> None:
    Member.objects.filter(pk=member.pk).update(**fields, merged_into=None)


def _give_back_points(row: MemberMerge, kept: Member, merged: Member, *, now: datetime) -> None:
    balance = ledger.lock_accounts([kept.pk, merged.pk])[kept.pk]
    points = min(row.moved["points"], balance)
    if points <= 0:
        return
    cause = {"points": points, "reason": "MERGE", "occurred_at": now}
    ledger.debit([ledger.Debit(member_id=kept.pk, reference=f"merge:{row.pk}:back", **cause)], now=now)
    ledger.credit([ledger.Credit(member_id=merged.pk, reference=f"merge:{row.pk}:returned", **cause)], now=now)


def _count_again(kept: Member, merged: Member, *, now: datetime) -> None:
    orders.sum_up_again([kept.pk, merged.pk])
    tiers.count_tiers([kept.pk, merged.pk], now=now)
