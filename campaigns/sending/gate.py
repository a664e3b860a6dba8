"""May this person get this message now? One answer, for many members in SQL and for due sends in words.

`admitted` is asked when a week is planned and approved, `judge` whenever a send is due: when it is claimed, and once
more, with its row and its member held, just before it is handed off. `transactional_refusal` is asked for what a person
has just asked for themselves: only the law can say no. No message to a member reaches a channel past this file; what
staff send to themselves, to see it, does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import BigIntegerField, Exists, Func, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import MD5, Cast, Concat, Left, Mod
from django.db.models.lookups import LessThan
from django.utils import timezone

from campaigns.models import (
    Campaign,
    CampaignPolicy,
    FrequencyCap,
    MessagePolicy,
    QuietHours,
    Send,
    Suppression,
)
from campaigns.queries import permits
from campaigns.queries.policy import policy
from campaigns.rules.hours import SendWindow, local_day
from campaigns.rules.permits import DENY, GATE, HOLDOUT_SALT, Ruling, is_held_out, ruling
from integrations.channels.base import available_channels, provider_of
from loyalty.models import Business, Consent, Device, Member, PushSubscription, Store
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
    version: str = ""

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


NOW = Verdict()


class Had(NamedTuple):
    """A message a member has been handed, or is about to be."""

    channel: str
    topic: str
    at: datetime


def terms() -> Terms:
    return _read(_version())


def still(known: Terms) -> Terms:
    """`known`, or what has taken its place since: asked every tenth of a second, so it costs one small query."""
    version = _version()
    return known if known.version == version else _read(version)


def _read(version: str) -> Terms:
    return Terms(
        policy=policy(),
        shop=business(),
        rulings=permits.rulings(),
        state_hours=permits.state_hours(),
        caps=permits.caps(),
        providers={channel: provider_of(channel) for channel in available_channels()},
        version=version,
    )


def _version() -> str:
    """Of the rows that terms are made of: which transaction wrote each, and where it lies. Any change changes that."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSION)
        return str(cursor.fetchone()[0])


_VERSION = "SELECT concat_ws(';', {})".format(
    ", ".join(
        f"(SELECT string_agg(concat(xmin, ctid), ',' ORDER BY ctid) FROM {model._meta.db_table})"
        for model in (CampaignPolicy, Business, MessagePolicy, QuietHours, FrequencyCap)
    )
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


class Due(NamedTuple):
    """All that decides about a due send: its row, its member and their store, their word, and who is left alone."""

    id: int
    channel: str
    topic: str
    recipient: str
    ends_on: date
    member: int
    public_id: UUID
    address: str | None
    phone: str | None
    birth_date: date | None
    home_zone: str | None
    state: str
    has_agreed: bool
    left_alone: str | None
    takes_push: bool


class Here(NamedTuple):
    """What holds for everybody in one place at one moment. `opening` is when messages may leave next, if not now."""

    zone: ZoneInfo
    today: date
    window: SendWindow
    opening: datetime | None
    ruling: Ruling | None


def judge(sends: Sequence[int], *, terms: Terms, now: datetime) -> dict[int, Verdict]:
    """The verdict on each of a batch of due sends. Lock the rows to rely on it.

    Of two messages to one member in the batch, the second is judged as if the first had left.
    """
    batch, had = _known(sends, terms, now)
    today = _today(now)
    places, verdicts = dict[tuple[str, ZoneInfo, str], Here](), dict[int, Verdict]()
    for due in batch:
        place = due.channel, zone_of(due.home_zone, due.phone, due.channel), due.state
        here = places.get(place) or places.setdefault(place, _here(*place, terms, now))
        own = had.setdefault(due.member, [])
        why_not = refusal(due, here, terms, today)
        verdicts[due.id] = Verdict(refusal=why_not) if why_not else _when(due, own, here, terms, now)
        if verdicts[due.id].may_leave:
            own.append(Had(due.channel, due.topic, now))
    return verdicts


def refusal(due: Due, here: Here, terms: Terms, today: date) -> str | None:
    """Why a message may not leave at all, in words, or None. `today` is the business's."""
    if why_not := _address_refusal(due):
        return why_not
    if not due.has_agreed:
        return NO_CONSENT.format(topic=Consent.Topic(due.topic).label.lower())
    verdict, is_marketing = here.ruling.verdict if here.ruling else "", due.topic == Consent.Topic.MARKETING
    if here.ruling and verdict == DENY:
        return here.ruling.reason
    if (is_marketing or verdict == GATE) and not _is_of_age(due.birth_date, terms.shop.legal_age, today):
        return NOT_OF_AGE
    if is_marketing and is_held_out(due.public_id, terms.policy.holdout_percent):
        return HELD_OUT
    return NO_HOUR.format(state=due.state) if here.window.is_never_open else None


def _address_refusal(due: Due) -> str | None:
    if due.channel == Consent.Channel.PUSH:
        return None if due.takes_push else NO_DEVICE
    if due.address != due.recipient:
        return MOVED
    if due.left_alone is not None:
        why = Suppression.Reason(due.left_alone).label
        return f"Left alone: {why[0].lower()}{why[1:]}."
    return None


def _here(channel: str, zone: ZoneInfo, state: str, terms: Terms, now: datetime) -> Here:
    window = terms.window(channel, state=state)
    is_closed = not window.is_never_open and not window.is_open(now, zone)
    return Here(
        zone=zone,
        today=local_day(now, zone),
        window=window,
        opening=window.next_open(now, zone) if is_closed else None,
        ruling=terms.ruling_on(channel, state=state),
    )


def _when(due: Due, had: list[Had], here: Here, terms: Terms, now: datetime) -> Verdict:
    held_until = here.opening
    if held_until is None and had and _is_one_too_many(due, had, here, terms):
        held_until = here.window.next_day(now, here.zone)
    if (local_day(held_until, here.zone) if held_until else here.today) > due.ends_on:
        return Verdict(refusal=TOO_LATE)
    return Verdict(held_until=held_until) if held_until else NOW


def _is_one_too_many(due: Due, had: list[Had], here: Here, terms: Terms) -> bool:
    """By the member's own calendar. A cap for the topic takes the place of the one for all of the channel."""
    days_ago = [(each, (here.today - local_day(each.at, here.zone)).days) for each in had]
    if sum(ago == 0 for _, ago in days_ago) >= terms.policy.messages_per_day:
        return True
    cap = terms.caps.get((due.channel, due.topic)) or terms.caps.get((due.channel, ""))
    if cap is None:
        return False
    counted = (
        each.channel == due.channel and cap.topic in ("", each.topic) for each, ago in days_ago if ago < cap.days
    )
    return sum(counted) >= cap.most


def _is_of_age(born: date | None, legal_age: int, today: date) -> bool:
    if born is None:
        return False
    return (born.year + legal_age, born.month, born.day) <= (today.year, today.month, today.day)


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


def zone_of(home_zone: str | None, phone: str | None, channel: str) -> ZoneInfo:
    """By whose clock a member lives: the home store's, for texts the phone number's, or else the business's."""
    by_phone = zone_of_phone(phone) if channel == Consent.Channel.SMS and phone and not home_zone else None
    return ZoneInfo(home_zone or by_phone or settings.TIME_ZONE)


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


def _known(sends: Sequence[int], terms: Terms, now: datetime) -> tuple[list[Due], dict[int, list[Had]]]:
    """The sends in their order, and what each of their members has been handed.

    Two days hold the whole of today in every zone.
    """
    back = LONGEST_CAP if terms.caps else timedelta(days=2)
    had: dict[int, list[Had]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [list(sends)])
        due = {row[0]: Due._make(row) for row in cursor.fetchall()}
        cursor.execute(_HAD, [[each.member for each in due.values()], now - back, list(Send.AWAY)])
        for member, channel, topic, at in cursor.fetchall():
            had.setdefault(member, []).append(Had(channel, topic, at))
    return [due[send] for send in sends if send in due], had


_SEND, _CAMPAIGN, _MEMBER, _STORE, _CONSENT, _SUPPRESSION, _DEVICE, _PUSH = (
    model._meta.db_table for model in (Send, Campaign, Member, Store, Consent, Suppression, Device, PushSubscription)
)
_DUE = f"""
    SELECT send.id, send.channel, send.topic, send.recipient, campaign.ends_on, member.id, member.public_id,
        CASE send.channel WHEN 'email' THEN member.email WHEN 'sms' THEN member.phone END, member.phone,
        member.birth_date, store.time_zone, coalesce(store.state, ''),
        EXISTS (
            SELECT FROM {_CONSENT} consent
            WHERE consent.member_id = member.id AND consent.channel = send.channel AND consent.topic = send.topic
              AND consent.is_granted
        ), (
            SELECT suppression.reason FROM {_SUPPRESSION} suppression
            WHERE suppression.channel = send.channel AND suppression.address = send.recipient
              AND send.recipient <> '' AND suppression.lifted_at IS NULL
            ORDER BY suppression.id LIMIT 1
        ), send.channel = 'push' AND EXISTS (
            SELECT FROM {_DEVICE} device JOIN {_PUSH} push ON push.device_id = device.id
            WHERE device.member_id = member.id AND device.ended_at IS NULL AND push.gone_at IS NULL
        )
    FROM {_SEND} send
    JOIN {_CAMPAIGN} campaign ON campaign.id = send.campaign_id
    JOIN {_MEMBER} member ON member.id = send.member_id
    LEFT JOIN {_STORE} store ON store.id = member.home_store_id
    WHERE send.id = ANY(%s)
"""
_HAD = f"""
    SELECT member_id, channel, topic, handed_off_at FROM {_SEND}
    WHERE member_id = ANY(%s) AND handed_off_at > %s
      AND (status = ANY(%s) OR doubtful_since IS NOT NULL)
"""


def _today(now: datetime) -> date:
    return timezone.localtime(now).date()
