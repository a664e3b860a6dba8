"""Shoppers in and out: a code opens a device, and the device keeps itself open by tokens that are used once.

Whoever shows a refresh token a second time has a copy of it, or was copied: then the device is shut, for both.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from config.shared.errors import DomainError
from loyalty.actions.enrolment import Joining, enrol
from loyalty.actions.login_codes import EMAIL, SMS, right_code, use_code
from loyalty.models import Device, LoginCode, Member, PushSubscription, RefreshToken
from loyalty.rules.shopper_tokens import DEVICE_LASTS, LEEWAY, new_refresh_token
from tracking.rules.keys import digest_of

UNNAMED = "A device"


class NotAMember(DomainError):
    code = "not_a_member"


class SignedOut(DomainError):
    code = "signed_out"

    def __init__(self) -> None:
        super().__init__(_("You are signed out on this device. Ask for a code to sign in again."))


@dataclass(frozen=True)
class SignedIn:
    """`refresh` is told this one time."""

    device: Device
    refresh: str
    is_new: bool = False


def sign_in_with_code(
    *,
    asked_id: Any,
    code: str,
    device_name: str,
    join: Joining | None = None,
    address: str | None,
    browser_digest: bytes | None = None,
    now: datetime,
) -> SignedIn:
    """Open a device for the member who has the email or phone the code was sent to, or who joins with it now.

    Raises WrongCode; NotAMember, TooYoung and BadContact, after all of which the code is still good.
    """
    asked = right_code(asked_id=asked_id, code=code, now=now)
    with transaction.atomic():
        use_code(asked, now=now)
        member, is_new = _member_at(asked), False
        if member is None:
            if join is None:
                raise NotAMember(_("Nobody has joined with this yet. Tell us your name and your date of birth."))
            member, is_new = _joined(asked, join, address, browser_digest, now), True
        device = Device.objects.create(
            member=member,
            name=device_name.strip() or UNNAMED,
            created_at=now,
            seen_at=now,
            address=address,
            browser_digest=browser_digest,
        )
        return SignedIn(device, _next_token(device, now), is_new)


def refresh(*, token: str, address: str | None, now: datetime) -> SignedIn:
    """The next token of a device for the one it has. Raises SignedOut.

    One that was just used is given another: two tabs asked at once, or the answer was lost. Later, it shuts the device.
    """
    with transaction.atomic():
        shown = _token_row(token)
        is_open = shown is not None and _is_open(shown.device) and shown.expires_at > now
        if shown is not None and is_open and not _is_reused(shown, now):
            if shown.used_at is None:
                RefreshToken.objects.filter(pk=shown.pk).update(used_at=now)
            Device.objects.filter(pk=shown.device_id).update(seen_at=now, address=address)
            return SignedIn(shown.device, _next_token(shown.device, now))
        if shown is not None and is_open:
            _end(Device.objects.filter(pk=shown.device_id), Device.Ended.REUSED, now)
    raise SignedOut


def sign_out(device: Device, *, now: datetime) -> None:
    _end(Device.objects.filter(pk=device.pk), Device.Ended.SIGNED_OUT, now)


def sign_out_with(token: str, *, now: datetime) -> None:
    """Any refresh token the device ever had will do, used or not: it shuts the door and opens none."""
    shown = RefreshToken.objects.filter(digest=digest_of(token))
    _end(Device.objects.filter(pk__in=shown.values("device")), Device.Ended.SIGNED_OUT, now)


def end_device(device: Device, *, now: datetime) -> None:
    """Shut it from another one, or because it is lost."""
    _end(Device.objects.filter(pk=device.pk), Device.Ended.REVOKED, now)


def end_all_devices(member: Member, *, now: datetime) -> None:
    _end(member.devices.all(), Device.Ended.REVOKED, now)


def forget_old_tokens(*, now: datetime) -> None:
    """Used or not, nobody can come back with one that has run out."""
    RefreshToken.objects.filter(expires_at__lt=now).delete()


def _member_at(asked: LoginCode) -> Member | None:
    """Of two members who were one person, the one that was kept."""
    contact = Q(phone=asked.destination) if asked.channel == SMS else Q(email=asked.destination)
    member = Member.objects.select_related("merged_into").filter(contact, left_at=None).first()
    while member is not None and member.merged_into is not None:
        member = member.merged_into
    return member


def _joined(
    asked: LoginCode, join: Joining, address: str | None, browser_digest: bytes | None, now: datetime
) -> Member:
    return enrol(
        join,
        email=asked.destination if asked.channel == EMAIL else "",
        phone=asked.destination if asked.channel == SMS else "",
        source="app",
        address=address,
        browser_digest=browser_digest,
        now=now,
    )


def _token_row(token: str) -> RefreshToken | None:
    """Held until the end of the transaction: of two who show it at once, the second sees what the first did."""
    rows = RefreshToken.objects.select_related("device__member").select_for_update(of=("self",))
    return rows.filter(digest=digest_of(token)).first()


def _is_open(device: Device) -> bool:
    return device.ended_at is None and device.member.left_at is None


def _is_reused(shown: RefreshToken, now: datetime) -> bool:
    return shown.used_at is not None and now - shown.used_at > LEEWAY


def _next_token(device: Device, now: datetime) -> str:
    made = new_refresh_token()
    RefreshToken.objects.create(device=device, digest=made.digest, created_at=now, expires_at=now + DEVICE_LASTS)
    return made.shown


@transaction.atomic
def _end(devices: QuerySet[Device], why: str, now: datetime) -> None:
    """Nothing opens it any more and no push message reaches it, from this commit on."""
    ended = list(devices.filter(ended_at=None).select_for_update().values_list("pk", flat=True))
    PushSubscription.objects.filter(device__in=ended).delete()
    Device.objects.filter(pk__in=ended).update(ended_at=now, ended_by=why)
