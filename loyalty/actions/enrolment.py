"""Joining the programme, on a phone or at a till: old enough, with the consents given, and by whose invitation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from config.shared.errors import DomainError
from loyalty.actions import members, referrals
from loyalty.models import Member, Store
from loyalty.queries import brand


class TooYoung(DomainError):
    code = "too_young"


class UnknownInvite(DomainError):
    """Nobody has an invitation with this code: whoever typed it should know before the points for it are missed."""

    code = "unknown_invite"


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A consent somebody gave, on exactly these words. Being a member allows nothing by itself."""

    channel: str
    topic: str
    wording: str


@dataclass(frozen=True, kw_only=True)
class Joining:
    """What somebody says of themselves who wants to be a member."""

    name: str
    birth_date: date
    language: str = ""
    invite: str = ""
    consents: Sequence[Allowed] = ()


@transaction.atomic
def enrol(
    joining: Joining,
    *,
    email: str = "",
    phone: str = "",
    source: str,
    home_store: Store | None = None,
    address: str | None = None,
    browser_digest: bytes | None = None,
    now: datetime,
) -> Member:
    """Take somebody in who is old enough; of anybody else nothing is kept.

    Raises TooYoung, UnknownInvite, BadContact, AlreadyAMember.
    """
    refuse_too_young(joining.birth_date, now=now)
    if joining.invite.strip() and not referrals.is_known(joining.invite):
        raise UnknownInvite(_("We do not know this invitation code. Correct it, or leave it empty."))
    member = members.join(
        name=joining.name,
        email=email,
        phone=phone,
        birth_date=joining.birth_date,
        language=joining.language,
        home_store=home_store,
        source=source,
        now=now,
    )
    for allowed in joining.consents:
        members.set_consent(
            member=member,
            channel=allowed.channel,
            topic=allowed.topic,
            is_granted=True,
            wording=allowed.wording,
            source=source,
            address=address,
            now=now,
        )
    if joining.invite.strip():
        referrals.note_joined(
            friend=member, code=joining.invite, address=address, device_digest=browser_digest, now=now
        )
    return member


def refuse_too_young(birth_date: date, *, now: datetime) -> None:
    """On the shop's calendar: a birthday begins at midnight there. Raises TooYoung."""
    today, legal_age = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date(), brand.business().legal_age
    age = Member(birth_date=birth_date).age_on(today)
    if age is None or age < legal_age:
        told = _("You must be %(age)s or older to join. We have kept nothing of what you wrote.")
        raise TooYoung(told % {"age": legal_age})
