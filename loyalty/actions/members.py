"""Members: who they are and what they allowed."""

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from config.shared.errors import DomainError
from loyalty.events import ConsentChanged, MemberJoined, MembersExported
from loyalty.models import Consent, Member, PointsAccount, Store, User
from loyalty.rules.contacts import NotAnAddress, normal_email, normal_phone
from tracking.actions import record

IMPORT = "import"


class BadContact(DomainError):
    code = "bad_contact"


class AlreadyAMember(DomainError):
    """Somebody else has this email, phone or customer number; the message says who to look up."""

    code = "already_a_member"


class OptedOut(DomainError):
    code = "opted_out"


@transaction.atomic
def join(
    *,
    now: datetime,
    source: str,
    name: str = "",
    email: str = "",
    phone: str = "",
    birth_date: date | None = None,
    external_id: str = "",
    home_store: Store | None = None,
    language: str = "",
) -> Member:
    """Take somebody in, with an empty points account. Raises BadContact, AlreadyAMember."""
    member = Member(
        name=name.strip(),
        birth_date=birth_date,
        external_id=external_id.strip() or None,
        home_store=home_store,
        language=language,
        joined_at=now,
        **_contacts(email, phone),
    )
    _refuse_double(member)
    _save(member, force_insert=True)
    PointsAccount.objects.create(member=member)
    record(MemberJoined(subject=str(member.public_id), source=source), key=str(member.public_id), at=now)
    return member


@transaction.atomic
def change_member(
    *,
    member: Member,
    name: str,
    email: str,
    phone: str,
    birth_date: date | None,
    home_store: Store | None,
) -> Member:
    """Correct who somebody is. Raises BadContact, AlreadyAMember."""
    member.name, member.birth_date, member.home_store = name.strip(), birth_date, home_store
    for field, value in _contacts(email, phone).items():
        setattr(member, field, value)
    _refuse_double(member)
    _save(member, update_fields=["name", "email", "phone", "birth_date", "home_store"])
    return member


@transaction.atomic
def set_consent(
    *,
    member: Member,
    channel: str,
    is_granted: bool,
    wording: str,
    source: str,
    now: datetime,
    topic: str = Consent.Topic.MARKETING,
    address: str | None = None,
    by: User | None = None,
) -> bool:
    """Note what a member allowed or withdrew, on which words, where. False when that was known already.

    An import never undoes an opt-out: then OptedOut is raised.
    """
    # Not the key: an import that withdraws this consent holds it, and then asks for the member to be there.
    Member.objects.select_for_update(no_key=True).get(pk=member.pk)
    standing = Consent.objects.filter(member=member, channel=channel, topic=topic).first()
    if standing and standing.is_granted == is_granted:
        return False
    if standing and is_granted and source == IMPORT:
        raise OptedOut(_("This member opted out; only the member can opt in again, at the till or by a form."))
    evidence = {"is_granted": is_granted, "wording": wording, "source": source, "address": address, "changed_by": by}
    Consent.objects.update_or_create(
        member=member, channel=channel, topic=topic, defaults={**evidence, "changed_at": now}
    )
    record(
        ConsentChanged(
            subject=str(member.public_id),
            channel=channel,
            topic=topic,
            is_granted=is_granted,
            wording=wording,
            source=source,
            address=address,
        ),
        key=f"{member.public_id}:{channel}:{topic}:{now.isoformat()}",
        at=now,
    )
    return True


@transaction.atomic
def note_export(*, by: User, filters: dict[str, str], is_masked: bool, now: datetime) -> None:
    """Leave a trace of who took which list of members out of the house."""
    kept = filters | {"q": "(a search)"} if "q" in filters else filters
    exported = MembersExported(subject=str(by.pk), filters=kept, is_masked=is_masked)
    record(exported, key=f"{by.pk}:{now.isoformat()}", at=now)


def _contacts(email: str, phone: str) -> dict[str, str | None]:
    try:
        return {
            "email": normal_email(email) if email.strip() else None,
            "phone": normal_phone(phone) if phone.strip() else None,
        }
    except NotAnAddress as fault:
        raise BadContact(str(fault)) from None


def _refuse_double(member: Member) -> None:
    labels = {"email": _("email address"), "phone": _("phone number"), "external_id": _("customer number")}
    for field, label in labels.items():
        value = getattr(member, field)
        if value is None:
            continue
        other = Member.objects.filter(**{field: value}).exclude(pk=member.pk).first()
        if other:
            told = _("This %(contact)s belongs to member %(member)s. Look up #%(number)s instead.")
            raise AlreadyAMember(told % {"contact": label, "member": other, "number": other.pk})


def _save(member: Member, **options: object) -> None:
    """Two tills at once: the database decides, and the loser hears the same words."""
    try:
        with transaction.atomic():
            member.save(**options)  # type: ignore[arg-type]
    except IntegrityError:
        _refuse_double(member)
        raise
