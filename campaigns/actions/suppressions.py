"""Addresses that are left alone: by what providers report, by what members ask, by hand."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from campaigns.models import CampaignPolicy, Send, Suppression
from campaigns.queries.permits import standing
from campaigns.queries.policy import policy
from config.shared.errors import DomainError
from config.shared.trail import note_change
from integrations.models import ProviderReport
from loyalty.actions.members import set_consent
from loyalty.models import Consent, Member, User
from loyalty.rules.contacts import NotAnAddress, normal_email, normal_phone

Kind, Reason = ProviderReport.Kind, Suppression.Reason
FIELDS = {Consent.Channel.EMAIL: "email", Consent.Channel.SMS: "phone"}
STOP_SOURCE = "text message"
STOPPED = "Answered STOP, or in such words."
STARTED = "Answered START, or in such words."


class BadSuppression(DomainError):
    code = "bad_suppression"


@transaction.atomic
def suppress(*, channel: str, address: str, note: str, by: User, now: datetime) -> Suppression:
    """Leave an address alone, because somebody here says so. Raises BadSuppression."""
    try:
        normal = normal_email(address) if channel == Consent.Channel.EMAIL else normal_phone(address)
    except NotAnAddress as error:
        raise BadSuppression(str(error)) from error
    if standing().filter(channel=channel, address=normal).exists():
        raise BadSuppression("This address is left alone already.")
    row = Suppression.objects.create(
        channel=channel, address=normal, reason=Reason.BY_STAFF, note=note, by=by, created_at=now
    )
    note_change(row, added=(False, True))
    return row


@transaction.atomic
def lift(*, suppression: Suppression, note: str, by: User, now: datetime) -> None:
    """Write to this address again. Raises BadSuppression: without a reason, and for who asked not to be written to."""
    if suppression.reason == Reason.OPTED_OUT:
        raise BadSuppression("This person asked not to be written to. Only they can take that back, by texting START.")
    if not note.strip():
        raise BadSuppression("Say why it may be written to again, such as that the member asked for it.")
    rows = standing().filter(pk=suppression.pk)
    if rows.update(lifted_at=now, lifted_by=by, lifted_note=note.strip()):
        note_change(suppression, lifted=(False, True))


def members_who_said(reports: Sequence[ProviderReport]) -> list[int]:
    """Whose consents `heed` will change."""
    found: list[int] = []
    for report in reports:
        if report.kind in (Kind.UNSUBSCRIBED, Kind.SUBSCRIBED):
            found += _members_at(report.channel, _address(report, None)).values_list("pk", flat=True)
    return found


def heed(reports: Sequence[ProviderReport], sends: Mapping[int, Send], *, now: datetime) -> None:
    """What reports mean for addresses. `sends` are those they name, by the report's id: codes and tests have none."""
    rules = policy()
    for report in reports:
        send = sends.get(report.pk)
        match report.kind:
            case Kind.BOUNCED:
                _heed_bounce(report, send, rules, now)
            case Kind.COMPLAINED:
                if (_complaints(send) if send else 1) >= rules.complaints > 0:
                    _leave_alone(_address(report, send), Reason.COMPLAINT, report, now)
            case Kind.UNSUBSCRIBED:
                _opt_out(report, now)
            case Kind.SUBSCRIBED:
                _opt_in(report, now)


def _heed_bounce(report: ProviderReport, send: Send | None, rules: CampaignPolicy, now: datetime) -> None:
    most, why = rules.soft_bounces, Reason.SOFT_BOUNCE
    if report.is_permanent:
        most, why = rules.hard_bounces, Reason.HARD_BOUNCE
    if most and (_bounces_in_a_row(send, is_hard=report.is_permanent) if send else 1) >= most:
        _leave_alone(_address(report, send), why, report, now)


def _address(report: ProviderReport, send: Send | None) -> str:
    """As members have it: providers write addresses in letters of any size."""
    if send and send.recipient:
        return send.recipient
    try:
        return normal_phone(report.address) if report.channel == Consent.Channel.SMS else normal_email(report.address)
    except NotAnAddress:
        return ""


def _bounces_in_a_row(send: Send, *, is_hard: bool) -> int:
    """Messages to this address that came back in this way since one arrived. What was marked as spam had arrived.

    Of one message a provider may say first that it came back for now, and then for good.
    """
    if is_hard:
        Send.objects.filter(pk=send.pk, status=Send.Status.BOUNCED, is_hard_bounce=False).update(is_hard_bounce=True)
    own = Send.objects.filter(member=send.member_id, channel=send.channel, recipient=send.recipient)
    arrived = own.filter(status__in=[Send.Status.DELIVERED, Send.Status.COMPLAINED])
    last = arrived.order_by("-due_at", "-pk").values_list("due_at", "pk").first()
    if last and last > (send.due_at, send.pk):
        return 0
    others = own.filter(status=Send.Status.BOUNCED, is_hard_bounce=is_hard).exclude(pk=send.pk)
    if last:
        others = others.filter(Q(due_at__gt=last[0]) | Q(due_at=last[0], pk__gt=last[1]))
    return 1 + others.count()


def _complaints(send: Send) -> int:
    own = Send.objects.filter(member=send.member_id, channel=send.channel, recipient=send.recipient)
    return own.filter(status=Send.Status.COMPLAINED).count()


def _leave_alone(address: str, reason: str, report: ProviderReport, now: datetime) -> None:
    """Once for each reason: START takes back STOP, and not what staff or a complaint had said."""
    if not address:
        return
    note = f"{report.sender}: {report.reason}"[:300] if report.reason else report.sender
    Suppression.objects.get_or_create(
        channel=report.channel,
        address=address,
        reason=reason,
        lifted_at=None,
        defaults={"note": note, "created_at": now},
    )


def _opt_out(report: ProviderReport, now: datetime) -> None:
    """STOP ends every topic on the phone; a mail provider's unsubscribe link ends marketing, as ours does."""
    address, is_text = _address(report, None), report.channel == Consent.Channel.SMS
    if _said_since(report, Kind.SUBSCRIBED):
        return
    if is_text:
        _leave_alone(address, Reason.OPTED_OUT, report, now)
    topics = list(Consent.Topic) if is_text else [Consent.Topic.MARKETING]
    for member in _members_at(report.channel, address):
        for topic in _topics_allowed(member, report.channel, topics):
            _note(member, report, topic, is_granted=False, wording=STOPPED if is_text else report.reason, now=now)


def _opt_in(report: ProviderReport, now: datetime) -> None:
    """START gives back what STOP took, and nothing that was never given. Not when STOP was said since."""
    if _said_since(report, Kind.UNSUBSCRIBED):
        return
    address = _address(report, None)
    own = standing().filter(channel=report.channel, address=address, reason=Reason.OPTED_OUT)
    own.update(lifted_at=now, lifted_note=STARTED)
    for member in _members_at(report.channel, address):
        taken = member.consents.filter(channel=report.channel, is_granted=False, source=STOP_SOURCE, wording=STOPPED)
        for topic in list(taken.values_list("topic", flat=True)):
            _note(member, report, topic, is_granted=True, wording=STARTED, now=now)


def _said_since(report: ProviderReport, kind: str) -> bool:
    """Reports come in any order: the last word counts, whenever it is read."""
    later = Q(occurred_at__gt=report.occurred_at) | Q(occurred_at=report.occurred_at, pk__gt=report.pk)
    own = ProviderReport.objects.filter(later, channel=report.channel, address=report.address, kind=kind)
    return own.exists()


def _members_at(channel: str, address: str) -> QuerySet[Member]:
    if channel not in FIELDS or not address:
        return Member.objects.none()
    return Member.objects.filter(**{FIELDS[Consent.Channel(channel)]: address})


def _topics_allowed(member: Member, channel: str, topics: Iterable[str]) -> list[str]:
    allowed = member.consents.filter(channel=channel, is_granted=True, topic__in=topics)
    return list(allowed.values_list("topic", flat=True))


def _note(member: Member, report: ProviderReport, topic: str, *, is_granted: bool, wording: str, now: datetime) -> None:
    set_consent(
        member=member,
        channel=report.channel,
        topic=topic,
        is_granted=is_granted,
        wording=wording or "Unsubscribed at the mail provider.",
        source=STOP_SOURCE if report.channel == Consent.Channel.SMS else report.sender,
        now=now,
    )
