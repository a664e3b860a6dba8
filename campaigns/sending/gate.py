"""May this person get this message now? One answer, for many members in SQL and for one at hand-off."""

from datetime import date, datetime

from django.db.models import QuerySet
from django.utils import timezone

from loyalty.models import Consent, Member
from loyalty.queries.brand import business


def admitted(members: QuerySet[Member], *, channel: str, now: datetime) -> QuerySet[Member]:
    """Those of `members` who may be written to by `channel`: an address, a standing consent, old enough."""
    return members.filter(
        pk__in=Member.objects.reachable_by(channel).of_age(business().legal_age, _today(now)).values("pk")
    )


def refusal(member: Member, *, channel: str, recipient: str, now: datetime) -> str | None:
    """Why `member` may not be written to after all, or None. Asked again just before each hand-off."""
    address = member.email if channel == Consent.Channel.EMAIL else member.phone
    if address != recipient:
        return "The address has changed or was removed."
    consents = [consent for consent in member.consents.all() if consent.channel == channel]
    if not any(consent.is_granted and consent.topic == Consent.Topic.MARKETING for consent in consents):
        return "No consent to marketing on this channel."
    age = member.age_on(_today(now))
    if age is None or age < business().legal_age:
        return "Not known to be of legal age."
    return None


def _today(now: datetime) -> date:
    return timezone.localtime(now).date()
