"""Where a member's devices take web push messages (RFC 8030). Sending them is the business of a channel."""

import hashlib
from datetime import datetime

from django.db import transaction

from loyalty.models import Device, PushSubscription


@transaction.atomic
def subscribe(*, device: Device, endpoint: str, p256dh: str, auth: str, now: datetime) -> PushSubscription:
    """A browser has one subscription for us; it belongs to whoever is signed in on it now."""
    PushSubscription.objects.filter(device=device).exclude(endpoint_digest=_digest(endpoint)).delete()
    told = {"device": device, "endpoint": endpoint, "p256dh": p256dh, "auth": auth, "created_at": now, "gone_at": None}
    row, _is_new = PushSubscription.objects.update_or_create(endpoint_digest=_digest(endpoint), defaults=told)
    return row


def unsubscribe(*, device: Device, endpoint: str) -> None:
    PushSubscription.objects.filter(device__member=device.member, endpoint_digest=_digest(endpoint)).delete()


def forget(*, endpoint_digest: str, now: datetime) -> None:
    """The push service says that this subscription is gone; `endpoint_digest` is in hex."""
    gone = PushSubscription.objects.filter(endpoint_digest=bytes.fromhex(endpoint_digest), gone_at=None)
    gone.update(gone_at=now)


def _digest(endpoint: str) -> bytes:
    return hashlib.sha256(endpoint.encode()).digest()
