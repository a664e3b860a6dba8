"""What members change about themselves, and how they leave."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from config.shared.errors import DomainError
from config.shared.trail import forget_values, note_change
from loyalty.actions import ledger, members, redemptions, sign_in, wallet
from loyalty.actions.enrolment import refuse_too_young
from loyalty.events import ConsentChanged, MemberLeft
from loyalty.models import (
    Answer,
    Consent,
    Invite,
    LoginCode,
    Member,
    MemberMerge,
    PointsEntry,
    Referral,
    RefreshToken,
    Store,
)
from tracking.actions import record
from tracking.actions.erasure import blank_properties

NOBODY = "Somebody who has left"
LEFT = "The member left the programme."


class BirthDateIsKnown(DomainError):
    code = "birth_date_known"


@transaction.atomic
def change_profile(
    *,
    member: Member,
    now: datetime,
    name: str | None = None,
    language: str | None = None,
    home_store: Store | None = None,
    birth_date: date | None = None,
) -> Member:
    """None leaves it as it is. A date of birth is told once: afterwards it is for staff to correct, who see a card.

    Raises TooYoung, BirthDateIsKnown.
    """
    member = Member.objects.select_for_update(of=("self",)).select_related("home_store").get(pk=member.pk)
    if birth_date is not None and birth_date != member.birth_date:
        if member.birth_date is not None:
            raise BirthDateIsKnown(_("Your date of birth is known. If it is wrong, ask in the shop and bring a card."))
        refuse_too_young(birth_date, now=now)
    said = {"name": name and name.strip(), "language": language, "home_store": home_store, "birth_date": birth_date}
    changed = {field: value for field, value in said.items() if value is not None}
    for field, value in changed.items():
        setattr(member, field, value)
    member.save(update_fields=list(changed))
    return member


@transaction.atomic
def forget(member: Member, *, now: datetime) -> None:
    """Nothing personal is kept of this member, and of those who were merged into them. Orders and the ledger stay, as
    nobody's; what they hold goes back, and points that nobody can use any more expire. A second time changes nothing.
    """
    everyone = Member.objects.filter(Q(pk=member.pk) | Q(merged_into=member))
    ids = list(everyone.values_list("pk", flat=True))
    redemptions.release_all(member_ids=ids, accounts=ids, now=now, note=LEFT)
    _expire_all(ids, now)
    for each in everyone.order_by("pk").select_for_update():
        if each.left_at is None:
            _forget(each, now)


def _expire_all(ids: list[int], now: datetime) -> None:
    """The shop owes them to nobody. Their accounts are locked."""
    ledger.debit(
        [
            ledger.Debit(
                member_id=member,
                points=balance,
                reason=PointsEntry.Reason.EXPIRY,
                reference=f"left:{member}",
                note=LEFT,
                occurred_at=now,
            )
            for member, balance in ledger.lock_accounts(ids).items()
            if balance > 0
        ],
        now=now,
    )


def _forget(member: Member, now: datetime) -> None:
    _withdraw_consents(member, now)
    _end_devices(member, now)
    wallet.void(member=member, now=now)
    member.wishlist.all().delete()
    Invite.objects.filter(member=member).delete()
    Referral.objects.filter(friend=member).update(address=None, device_digest=None)
    LoginCode.objects.filter(destination__in=[word for word in (member.email, member.phone) if word]).delete()
    Answer.objects.filter(caller=f"member:{member.pk}").delete()
    MemberMerge.objects.filter(kept=member).update(moved={})
    MemberMerge.objects.filter(merged=member).update(moved={})
    # Not by save(): the trail would write down what is emptied here.
    Member.objects.filter(pk=member.pk).update(
        name="", email=None, phone=None, birth_date=None, external_id=None, home_store=None, language="", left_at=now
    )
    forget_values(Member, [member.pk], called=NOBODY)
    note_change(Member.objects.get(pk=member.pk), left_at=(None, now))
    record(MemberLeft(subject=str(member.public_id)), key=str(member.public_id), at=now)


def _withdraw_consents(member: Member, now: datetime) -> None:
    """The evidence of each yes and no stays, without where on the internet it was given."""
    for consent in member.consents.filter(is_granted=True):
        members.set_consent(
            member=member,
            channel=consent.channel,
            topic=consent.topic,
            is_granted=False,
            wording=LEFT,
            source="left",
            now=now,
        )
    consents = Consent.objects.filter(member=member)
    consents.update(address=None)
    forget_values(Consent, consents.values_list("pk", flat=True), called=NOBODY)
    blank_properties(subject=str(member.public_id), name=ConsentChanged.name, properties=["address"])


def _end_devices(member: Member, now: datetime) -> None:
    sign_in.end_all_devices(member, now=now)
    RefreshToken.objects.filter(device__member=member).delete()
    member.devices.update(name="", address=None, browser_digest=None)
