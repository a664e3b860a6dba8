"""May this person get this message now? One answer, for many members in SQL and for one in words."""

from datetime import date, datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from campaigns.models import Send
from loyalty.models import Consent, Member
from loyalty.queries.brand import business

ADDRESSES = {Consent.Channel.EMAIL: "email", Consent.Channel.SMS: "phone"}


def admitted(members: QuerySet[Member], *, channel: str, now: datetime) -> QuerySet[Member]:
    """Those of `members` who may be written to by `channel`: an address, a standing consent, old enough."""
    return members.filter(
        pk__in=Member.objects.reachable_by(channel).of_age(business().legal_age, _today(now)).values("pk")
    )


def still_admitted(send: Send, *, now: datetime) -> Exists:
    """A condition on the row of `send`: asked in the very statement that lets it go, so that nothing comes between."""
    same_address = Q(**{ADDRESSES[Consent.Channel(send.channel)]: send.recipient})
    return Exists(
        admitted(Member.objects.filter(same_address, pk=OuterRef("member_id")), channel=send.channel, now=now)
    )


def refusal(member: Member, *, channel: str, recipient: str, now: datetime) -> str | None:
    """Why `member` may not be written to, in words, or None."""
    if getattr(member, ADDRESSES[Consent.Channel(channel)]) != recipient:
        return "The address has changed or was removed."
    if not member.consents.filter(channel=channel, topic=Consent.Topic.MARKETING, is_granted=True).exists():
        return "No consent to marketing on this channel."
    age = member.age_on(_today(now))
    if age is None or age < business().legal_age:
        return "Not known to be of legal age."
    return None


def _today(now: datetime) -> date:
    return timezone.localtime(now).date()
