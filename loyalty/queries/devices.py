"""Where a member is signed in."""

from typing import Any

from django.db.models import QuerySet

from loyalty.models import Device, Member, PushSubscription


def devices_of(member: Member) -> QuerySet[Device]:
    """The open ones, the one used last first."""
    return member.devices.filter(ended_at=None).order_by("-seen_at", "-pk")


def open_device(public_id: Any) -> Device | None:
    """With its member, in one query; None once it was ended or its member has left."""
    rows = Device.objects.select_related("member")
    return rows.filter(public_id=public_id, ended_at=None, member__left_at=None).first()


def push_devices(member: Member) -> QuerySet[PushSubscription]:
    """Where this member takes notifications: on the devices they are signed in on, the one used last first."""
    rows = PushSubscription.objects.filter(device__member=member, device__ended_at=None, gone_at=None)
    return rows.order_by("-device__seen_at", "-pk")
