"""May this person get this message now? One answer, for many members in SQL and for due sends in words.

`admitted` is asked when a week is planned and approved, `judge` whenever a send is due: when it is claimed, and once
more, with its row and its member held, just before it is handed off. `transactional_refusal` is asked for what a person
has just asked for themselves: only the law can say no. No message to a member reaches a channel past this file; what
staff send to themselves, to see it, does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import BigIntegerField, Exists, Func, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import MD5, Cast, Concat, Left, Mod
from django.db.models.lookups import LessThan
from django.utils import timezone

from campaigns.models import CampaignPolicy, FrequencyCap, Send, Suppression
from campaigns.queries import permits
from campaigns.queries.policy import policy
from campaigns.rules.hours import SendWindow, local_day
from campaigns.rules.permits import DENY, GATE, HOLDOUT_SALT, Ruling, is_held_out, ruling
from integrations.channels.base import available_channels, provider_of
from loyalty.models import Business, Consent, Member, Store
from loyalty.queries.brand import business
from loyalty.rules.contacts import zone_of_phone

ADDRESSES = {Consent.Channel.EMAIL: "email", Consent.Channel.SMS: "phone"}
TOO_LATE = "The campaign's last day passed before this message might leave."
MOVED = "The address has changed or was removed."
NO_DEVICE = "No device takes notifications any more."
NO_CONSENT = "No consent to {topic} on this channel."
NOT_OF_AGE = "Not known to be of legal age."
HELD_OUT = "Held out: gets no marketing, so that others can be compared."
NO_HOUR = "The hours of {state} and your own leave no hour for this channel."
# As many as any cap can look back.
LONGEST_CAP = timedelta(days=33)


@dataclass(frozen=True)
class Terms:
    """What the gate goes by, read once for a batch."""

    policy: CampaignPolicy
    shop: Business
    rulings: tuple[Ruling, ...]
    state_hours: Mapping[tuple[str, str], SendWindow]
    caps: Mapping[tuple[str, str], FrequencyCap]
    providers: Mapping[str, str]

    def ruling_on(self, channel: str, *, state: str) -> Ruling | None:
        return ruling(
            self.rulings,
            vertical=self.shop.vertical,
            state=state,
            channel=channel,
            provider=self.providers.get(channel, ""),
        )

    def window(self, channel: str, *, state: str) -> SendWindow:
        """The shop's own hours, within those of the state."""
        by_law = self.state_hours.get((state, channel))
        return self.policy.window.within(by_law) if by_law else self.policy.window


@dataclass(frozen=True)
class Verdict:
    """Refused for good, held until a moment, or neither: then it may leave now."""

    refusal: str | None = None
    held_until: datetime | None = None

    @property
    def may_leave(self) -> bool:
        return self.refusal is None and self.held_until is None


@dataclass(frozen=True)
class Had:
    """A message a member has been handed, or is about to be."""

    channel: str
    topic: str
    at: datetime


def terms() -> Terms:
    return Terms(
        policy=policy(),
        shop=business(),
        rulings=permits.rulings(),
        state_hours=permits.state_hours(),
        caps=permits.caps(),
        providers={channel: provider_of(channel) for channel in available_channels()},
    )


# --- Many members, in SQL ------------------------------------------------------------------------------------------


def admitted(members: QuerySet[Member], *, channel: str, now: datetime, by: Terms | None = None) -> QuerySet[Member]:
    """Those of `members` who may get marketing by `channel`: an address nobody is to leave alone, a standing consent,
    old enough, in a state that allows it, and not held out.
    """
    by = by or terms()
    allowed = Member.objects.reachable_by(channel).of_age(by.shop.legal_age, _today(now))
    if channel in ADDRESSES:
        address = OuterRef(ADDRESSES[Consent.Channel(channel)])
        allowed = allowed.exclude(Exists(permits.standing().filter(channel=channel, address=address)))
    allowed = allowed.exclude(_where_denied(by, channel))
    if by.policy.holdout_percent:
        allowed = allowed.exclude(_held_out(by.policy.holdout_percent))
    return members.filter(pk__in=allowed.values("pk"))


def _where_denied(by: Terms, channel: str) -> Q:
    states = {"", *Store.objects.values_list("state", flat=True)}
    denied = {state for state in states if (found := by.ruling_on(channel, state=state)) and found.verdict == DENY}
    where = Q(home_store__state__in=denied)
    return where | Q(home_store=None) if "" in denied else where


def _held_out(percent: int) -> Q:
    """`rules.permits.is_held_out`, for the rows of a query."""
    digest = Left(MD5(Concat(Value(HOLDOUT_SALT), Cast("public_id", TextField()))), 8)
    number = Func(digest, template="('x' || %(expressions)s)::bit(32)::bigint", output_field=BigIntegerField())
    return Q(LessThan(Mod(number, Value(100)), Value(percent)))


# --- Due sends, in words -------------------------------------------------------------------------------------------


def judge(sends: QuerySet[Send], *, terms: Terms, now: datetime) -> dict[Send, Verdict]:
    """The verdict on each of a batch of due sends, in five queries. Lock the rows to rely on it.

    Of two messages to one member in the batch, the second is judged as if the first had left.
    """
    rows = sends.select_related("campaign", "member__home_store").prefetch_related("member__consents")
    batch = list(rows)
    left_alone = permits.suppressed((send.channel, send.recipient) for send in batch if send.recipient)
    reached = _reached_by_push(send.member_id for send in batch if send.channel == Consent.Channel.PUSH)
    had = _handed_off_lately({send.member_id for send in batch}, terms, now)
    verdicts = {}
    for send in batch:
        why_not = _address_refusal(send, left_alone, reached) or refusal(
            send.member, channel=send.channel, topic=send.topic, terms=terms, now=now
        )
        own = had.setdefault(send.member_id, [])
        verdicts[send] = Verdict(refusal=why_not) if why_not else _when(send, own, terms, now)
        if verdicts[send].may_leave:
            own.append(Had(send.channel, send.topic, now))
    return verdicts


def _address_refusal(send: Send, left_alone: Mapping[tuple[str, str], str], reached: set[int]) -> str | None:
    if send.channel == Consent.Channel.PUSH:
        return None if send.member_id in reached else NO_DEVICE
    if getattr(send.member, ADDRESSES[Consent.Channel(send.channel)]) != send.recipient:
        return MOVED
    why = left_alone.get((send.channel, send.recipient))
    return f"Left alone: {why[0].lower()}{why[1:]}." if why else None


def refusal(member: Member, *, channel: str, topic: str, terms: Terms, now: datetime) -> str | None:
    """Why `member` may not be written to about `topic`, in words, or None."""
    if not any(_allows(consent, channel, topic) for consent in member.consents.all()):
        return NO_CONSENT.format(topic=Consent.Topic(topic).label.lower())
    found = terms.ruling_on(channel, state=_state_of(member))
    if found and found.verdict == DENY:
        return found.reason
    is_marketing = topic == Consent.Topic.MARKETING
    if is_marketing or (found and found.verdict == GATE):
        age = member.age_on(_today(now))
        if age is None or age < terms.shop.legal_age:
            return NOT_OF_AGE
    if is_marketing and is_held_out(member.public_id, terms.policy.holdout_percent):
        return HELD_OUT
    return None


def _when(send: Send, had: list[Had], terms: Terms, now: datetime) -> Verdict:
    zone, state = zone_of(send.member, send.channel), _state_of(send.member)
    window, held_until = terms.window(send.channel, state=state), None
    if window.is_never_open:
        return Verdict(refusal=NO_HOUR.format(state=state))
    if not window.is_open(now, zone):
        held_until = window.next_open(now, zone)
    elif _is_one_too_many(send, had, terms, now, zone):
        held_until = window.next_day(now, zone)
    if local_day(held_until or now, zone) > send.campaign.ends_on:
        return Verdict(refusal=TOO_LATE)
    return Verdict(held_until=held_until)


def _is_one_too_many(send: Send, had: list[Had], terms: Terms, now: datetime, zone: ZoneInfo) -> bool:
    """By the member's own calendar. A cap for the topic takes the place of the one for all of the channel."""
    today = local_day(now, zone)
    days_ago = [(each, (today - local_day(each.at, zone)).days) for each in had]
    if sum(ago == 0 for _, ago in days_ago) >= terms.policy.messages_per_day:
        return True
    cap = terms.caps.get((send.channel, send.topic)) or terms.caps.get((send.channel, ""))
    if cap is None:
        return False
    counted = (
        each.channel == send.channel and cap.topic in ("", each.topic) for each, ago in days_ago if ago < cap.days
    )
    return sum(counted) >= cap.most


def nights(terms: Terms, channel: str, *, now: datetime) -> list[tuple[datetime, Q]]:
    """Where nobody is written to by `channel` now: when that ends there, and a condition on sends that will do so then.

    Members without a home store who get a text are judged one by one: by the zone of their number.
    """
    places = {
        (zone, state): Q(member__home_store__time_zone=zone, member__home_store__state=state)
        for zone, state in Store.objects.values_list("time_zone", "state")
    }
    if channel != Consent.Channel.SMS:
        at_home = (settings.TIME_ZONE, "")
        places[at_home] = places.get(at_home, Q(pk__in=[])) | Q(member__home_store=None)
    found = list[tuple[datetime, Q]]()
    for (name, state), lives_there in places.items():
        window, zone = terms.window(channel, state=state), ZoneInfo(name)
        if window.is_never_open or window.is_open(now, zone):
            continue
        opening = window.next_open(now, zone)
        found.append((opening, lives_there & Q(campaign__ends_on__gte=local_day(opening, zone))))
    return found


def zone_of(member: Member, channel: str) -> ZoneInfo:
    """By whose clock a member lives: the home store's, for texts the phone number's, or else the business's."""
    if member.home_store:
        return ZoneInfo(member.home_store.time_zone)
    by_phone = zone_of_phone(member.phone) if channel == Consent.Channel.SMS and member.phone else None
    return ZoneInfo(by_phone or settings.TIME_ZONE)


# --- What somebody has just asked for themselves --------------------------------------------------------------------


def transactional_refusal(*, channel: str, address: str, terms: Terms) -> str | None:
    """Why not even a message that was asked for, such as a sign-in code, may go to `address`, or None.

    Neither consent, hours, caps nor holdout count; what does are a provider that carries nothing of this trade, and
    an address that does not exist or has said STOP.
    """
    found = terms.ruling_on(channel, state="")
    if found and found.verdict == DENY:
        return found.reason
    final = (Suppression.Reason.HARD_BOUNCE, Suppression.Reason.OPTED_OUT)
    row = permits.standing().filter(channel=channel, address=address, reason__in=final).first()
    return f"{row.get_reason_display()}." if row else None


def _allows(consent: Consent, channel: str, topic: str) -> bool:
    return consent.is_granted and (consent.channel, consent.topic) == (channel, topic)


def _state_of(member: Member) -> str:
    return member.home_store.state if member.home_store else ""


def _reached_by_push(members: Iterable[int]) -> set[int]:
    ids = set(members)
    if not ids:
        return set()
    return set(Member.objects.filter(Member.has_address_for("push"), pk__in=ids).values_list("pk", flat=True))


def _handed_off_lately(members: set[int], terms: Terms, now: datetime) -> dict[int, list[Had]]:
    """What each of `members` has been handed. Two days hold the whole of today in every zone."""
    back = LONGEST_CAP if terms.caps else timedelta(days=2)
    away = Q(status__in=Send.AWAY) | Q(doubtful_since__isnull=False)
    lately = Send.objects.filter(away, member__in=members, handed_off_at__gt=now - back)
    had: dict[int, list[Had]] = {}
    for member, channel, topic, at in lately.values_list("member", "channel", "topic", "handed_off_at"):
        assert at is not None
        had.setdefault(member, []).append(Had(channel, topic, at))
    return had


def _today(now: datetime) -> date:
    return timezone.localtime(now).date()
