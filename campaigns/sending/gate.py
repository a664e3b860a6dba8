"""May this person get this message now? One answer, for many members in SQL and for due sends in words.

`admitted` is asked when a week is planned and approved, `judge` whenever a send is due: when it is claimed, and once
more, with its row and its member held, just before it is handed off.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from campaigns.models import CampaignPolicy, Send
from campaigns.queries.policy import policy
from campaigns.rules.hours import local_day
from loyalty.models import Business, Consent, Member, Store
from loyalty.queries.brand import business

ADDRESSES = {Consent.Channel.EMAIL: "email", Consent.Channel.SMS: "phone"}
TOO_LATE = "The campaign's last day passed before this message might leave."


@dataclass(frozen=True)
class Terms:
    """What the gate goes by, read once for a batch."""

    policy: CampaignPolicy
    shop: Business


@dataclass(frozen=True)
class Verdict:
    """Refused for good, held until a moment, or neither: then it may leave now."""

    refusal: str | None = None
    held_until: datetime | None = None

    @property
    def may_leave(self) -> bool:
        return self.refusal is None and self.held_until is None


def terms() -> Terms:
    return Terms(policy(), business())


def admitted(members: QuerySet[Member], *, channel: str, now: datetime) -> QuerySet[Member]:
    """Those of `members` who may be written to by `channel`: an address, a standing consent, old enough."""
    return members.filter(
        pk__in=Member.objects.reachable_by(channel).of_age(business().legal_age, _today(now)).values("pk")
    )


def judge(sends: QuerySet[Send], *, terms: Terms, now: datetime) -> dict[int, Verdict]:
    """The verdict on each of a batch of due sends, in three queries. Lock the rows to rely on it."""
    rows = sends.select_related("campaign", "member__home_store").prefetch_related("member__consents")
    batch = list(rows)
    had = _handed_off_lately({send.member_id for send in batch}, now)
    return {send.pk: _verdict(send, had.get(send.member_id, []), terms, now) for send in batch}


def _verdict(send: Send, had: list[datetime], terms: Terms, now: datetime) -> Verdict:
    if reason := refusal(send.member, channel=send.channel, recipient=send.recipient, terms=terms, now=now):
        return Verdict(refusal=reason)
    zone, held_until = zone_of(send.member), None
    today = sum(local_day(at, zone) == local_day(now, zone) for at in had)
    if not terms.policy.window.is_open(now, zone):
        held_until = terms.policy.window.next_open(now, zone)
    elif today >= terms.policy.messages_per_day:
        held_until = terms.policy.window.next_day(now, zone)
    if local_day(held_until or now, zone) > send.campaign.ends_on:
        return Verdict(refusal=TOO_LATE)
    return Verdict(held_until=held_until)


def nights(terms: Terms, *, now: datetime) -> list[tuple[datetime, Q]]:
    """The zones where nobody is written to now: when that ends there, and a condition on sends that will do so then."""
    window, found = terms.policy.window, list[tuple[datetime, Q]]()
    for name in {settings.TIME_ZONE, *Store.objects.values_list("time_zone", flat=True)}:
        lives_there = Q(member__home_store__time_zone=name)
        if name == settings.TIME_ZONE:
            lives_there |= Q(member__home_store=None)
        opening = window.next_open(now, ZoneInfo(name))
        if opening > now:
            found.append((opening, lives_there & Q(campaign__ends_on__gte=local_day(opening, ZoneInfo(name)))))
    return found


def refusal(member: Member, *, channel: str, recipient: str, terms: Terms, now: datetime) -> str | None:
    """Why `member` may not be written to, in words, or None."""
    if getattr(member, ADDRESSES[Consent.Channel(channel)]) != recipient:
        return "The address has changed or was removed."
    if not any(_allows(consent, channel) for consent in member.consents.all()):
        return "No consent to marketing on this channel."
    age = member.age_on(_today(now))
    if age is None or age < terms.shop.legal_age:
        return "Not known to be of legal age."
    return None


def zone_of(member: Member) -> ZoneInfo:
    """By whose clock a member lives: the home store's, or else the business's."""
    return ZoneInfo(member.home_store.time_zone if member.home_store else settings.TIME_ZONE)


def _allows(consent: Consent, channel: str) -> bool:
    return consent.is_granted and (consent.channel, consent.topic) == (channel, Consent.Topic.MARKETING)


def _handed_off_lately(members: set[int], now: datetime) -> dict[int, list[datetime]]:
    """When each of `members` was last written to. Two days hold the whole of today in every zone."""
    had: dict[int, list[datetime]] = {}
    lately = Send.objects.filter(member__in=members, status__in=Send.AWAY, handed_off_at__gt=now - timedelta(days=2))
    for member, at in lately.values_list("member", "handed_off_at"):
        assert at is not None
        had.setdefault(member, []).append(at)
    return had


def _today(now: datetime) -> date:
    return timezone.localtime(now).date()
