"""Members as people look at them. What may be seen of a person is decided here, for page and CSV alike."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, Q, QuerySet
from django.utils import timezone

from loyalty.models import (
    Consent,
    Forecast,
    Member,
    MemberMerge,
    MemberStats,
    Order,
    OrderLine,
    PointsEntry,
    Score,
    Segment,
    Store,
)
from loyalty.queries.segments import members_matching
from loyalty.rules.contacts import NotAnAddress, masked_email, masked_phone, normal_phone
from loyalty.rules.scores import NOT_SEEN, VALUE
from tracking.models import Event
from tracking.queries import events_about

SORTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "joined": ("Newest", ("-joined_at", "-pk")),
    "spent": ("Spent most", (F("stats__spent").desc(nulls_last=True), "-pk")),
    "expected": ("Expected to spend most", (F("forecast__expected_value").desc(nulls_last=True), "-pk")),
    "last_order": ("Bought last", (F("stats__last_ordered_at").desc(nulls_last=True), "-pk")),
}
CHURN_RISKS = {value: f"{label} risk" for value, label in Forecast.ChurnRisk.choices}
SEEN = {"high": "Long ago", "medium": "A while ago", "low": "Lately"}
VALUES = {level: f"{level.capitalize()} value" for level in VALUE}
CONSENTS = {"email": "Email allowed", "sms": "SMS allowed", "none": "Nothing allowed"}


@dataclass(frozen=True)
class Filters:
    """What the list of members is narrowed by; the empty text narrows nothing."""

    q: str = ""
    store: str = ""
    group: str = ""
    risk: str = ""
    seen: str = ""
    value: str = ""
    tier: str = ""
    segment: str = ""
    consent: str = ""
    sort: str = "joined"

    @classmethod
    def of(cls, values: Any) -> "Filters":
        """From a query string; what nobody offered counts as nothing."""
        asked = cls(**{each.name: values.get(each.name, each.default).strip() for each in fields(cls)})
        return cls(
            q=asked.q[:100].replace("\x00", ""),
            store=asked.store if asked.store.isascii() and asked.store.isdigit() else "",
            tier=asked.tier if asked.tier.isascii() and asked.tier.isdigit() else "",
            segment=asked.segment if _is_uuid(asked.segment) else "",
            group=asked.group if asked.group in Score.Group.values else "",
            risk=asked.risk if asked.risk in CHURN_RISKS else "",
            seen=asked.seen if asked.seen in SEEN else "",
            value=asked.value if asked.value in VALUES else "",
            consent=asked.consent if asked.consent in CONSENTS else "",
            sort=asked.sort if asked.sort in SORTS else "joined",
        )

    def chosen(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value and (name, value) != ("sort", "joined")}


@dataclass(frozen=True)
class Shown:
    """A member as far as the one who looks may know."""

    member: Member
    name: str
    email: str
    phone: str
    born: str
    stats: MemberStats | None
    score: Score | None
    forecast: Forecast | None


def _is_uuid(text: str) -> bool:
    with suppress(ValueError):
        return bool(UUID(text))
    return False


def shown(member: Member, *, may_see: bool, today: date) -> Shown:
    """Without `may_see` contacts are masked and only the age is told, not the birthday."""
    age = member.age_on(today)
    return Shown(
        member=member,
        name=member.name or f"Member {member.external_id or member.pk}",
        email=(member.email or "") if may_see else masked_email(member.email),
        phone=(member.phone or "") if may_see else masked_phone(member.phone),
        born="" if age is None else f"{member.birth_date:%b %-d, %Y} ({age})" if may_see else f"{age} years old",
        stats=getattr(member, "stats", None),
        score=getattr(member, "score", None),
        forecast=getattr(member, "forecast", None),
    )


def all_shown(members: Iterable[Member], *, may_see: bool, today: date) -> Iterator[Shown]:
    return (shown(member, may_see=may_see, today=today) for member in members)


def members(filters: Filters, *, may_see: bool) -> QuerySet[Member]:
    """Who may not see contacts cannot find anybody by one either: a hit would confirm whose it is. Who left or became
    part of another member is not listed.
    """
    here = Member.objects.current()
    found = here.select_related("home_store", "stats", "score", "forecast", "points_account")
    if filters.q:
        found = found.filter(about(filters.q, may_see=may_see))
    if filters.store:
        found = found.filter(home_store=int(filters.store))
    if filters.group:
        found = found.filter(score__group=filters.group)
    if filters.risk:
        found = found.filter(forecast__churn_risk=filters.risk)
    if filters.seen:
        found = found.filter(score__recency__range=NOT_SEEN[filters.seen])
    if filters.value:
        worth = (F("score__frequency") + F("score__monetary") + 1) / 2  # as loyalty.rules.scores.value_of
        found = found.alias(worth=worth).filter(worth__range=VALUE[filters.value])
    if filters.tier:
        found = found.filter(tier_standing__tier=int(filters.tier))
    if filters.segment and (segment := Segment.objects.filter(public_id=filters.segment).first()):
        found = found.filter(pk__in=members_matching(segment.rule, now=timezone.now()).values("pk"))
    if filters.consent == "none":
        found = found.exclude(pk__in=_granted().values("member"))
    elif filters.consent:
        found = found.filter(pk__in=_granted().filter(channel=filters.consent).values("member"))
    return found.order_by(*SORTS[filters.sort][1])


def with_all_shown(found: QuerySet[Member]) -> QuerySet[Member]:
    """Members together with everything `shown` needs."""
    return found.select_related("home_store", "stats", "score", "forecast", "points_account")


def member_for_page(public_id: Any) -> QuerySet[Member]:
    known = ("home_store", "stats", "score", "forecast", "points_account", "tier_standing__tier", "merged_into")
    return Member.objects.select_related(*known).filter(public_id=public_id)


def orders_of(member: Member) -> QuerySet[Order]:
    lines = Prefetch("lines", OrderLine.objects.select_related("product").order_by("pk"))
    return member.orders.select_related("store").prefetch_related(lines).order_by("-ordered_at", "-pk")


def orders_by_number(number: str) -> QuerySet[Order]:
    return Order.objects.filter(number=number).select_related("member", "store")


def ledger_of(member: Member) -> QuerySet[PointsEntry]:
    return member.points_entries.select_related("rule").order_by("-occurred_at", "-pk")


def consents_of(member: Member) -> list[Consent]:
    return list(member.consents.order_by("channel", "topic"))


def consent_history(member: Member) -> QuerySet[Event]:
    """Every change with its evidence, newest first."""
    return events_about(str(member.public_id)).filter(name="consent.changed")


def merges_of(member: Member) -> QuerySet[MemberMerge]:
    """Merges into this member that stand, newest first."""
    return MemberMerge.objects.filter(kept=member, undone_at=None).select_related("merged", "by").order_by("-pk")


def stores() -> QuerySet[Store]:
    return Store.objects.order_by("name", "code")


CSV_COLUMNS = (
    "member", "customer number", "name", "email", "phone", "born", "home store", "joined", "orders", "spent",
    "first order", "last order", "points", "group", "expected orders", "expected value", "churn risk",
)  # fmt: skip


def csv_rows(found: QuerySet[Member], *, may_see: bool, today: date) -> Iterator[tuple[object, ...]]:
    for row in all_shown(found.iterator(chunk_size=2_000), may_see=may_see, today=today):
        member, stats, score, forecast = row.member, row.stats, row.score, row.forecast
        yield (
            member.public_id, member.external_id, row.name, row.email, row.phone, row.born,
            member.home_store.name if member.home_store else "", _day(member.joined_at),
            stats.orders if stats else 0, stats.spent if stats else 0,
            _day(stats.first_ordered_at) if stats else "", _day(stats.last_ordered_at) if stats else "",
            member.points_account.balance, score.get_group_display() if score else "",
            forecast.expected_orders if forecast else "", forecast.expected_value if forecast else "",
            forecast.get_churn_risk_display() if forecast else "",
        )  # fmt: skip


def by_number(text: str, of: str = "") -> Q | None:
    """What `#7` asks for: the number that refusals and the admin name a member by."""
    digits = text.removeprefix("#")
    is_number = text.startswith("#") and digits.isascii() and digits.isdigit() and len(digits) < 10
    return Q(**{f"{of}pk": int(digits)}) if is_number else None


def about(text: str, *, may_see: bool, of: str = "") -> Q:
    """Whom somebody looks for. `of` leads from other rows to their member, such as `member__`."""
    match = Q(**{f"{of}name__icontains": text}) | Q(**{f"{of}external_id": text})
    if number := by_number(text, of):
        match |= number
    if may_see:
        match |= Q(**{f"{of}email__istartswith": text})
        with suppress(NotAnAddress):
            match |= Q(**{f"{of}phone": normal_phone(text)})
    return match


def _granted() -> QuerySet[Consent]:
    return Consent.objects.filter(is_granted=True, topic=Consent.Topic.MARKETING)


def _day(at: datetime | None) -> str:
    return timezone.localdate(at).isoformat() if at else ""
