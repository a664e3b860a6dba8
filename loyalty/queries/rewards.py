"""Which rewards a member sees and may hold, and what staff see of them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Case as Switch
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from loyalty.models import Member, PointsAccount, Redemption, Reward, RewardPolicy, Segment, Store, TierStanding
from loyalty.queries import wording
from loyalty.queries.brand import business
from loyalty.queries.segments import members_matching
from loyalty.rules import reward_policies
from loyalty.rules.reward_policies import Policy
from loyalty.rules.rewards import Case, refusal

# What counts against the limit for one member.
TAKEN = (Redemption.Status.HELD, Redemption.Status.REDEEMED)
# What a member who cannot have it does not see at all.
HIDDEN = frozenset({"forbidden", "not_offered", "not_for_you"})


@dataclass(frozen=True)
class Offered:
    reward: Reward
    can_hold: bool
    why_not: str
    code: str


@dataclass(frozen=True)
class WhyNot:
    """`text` is for people, in their language."""

    code: str
    text: str


@dataclass(frozen=True)
class Looked:
    """What is known of one member, to judge any reward by. Without a `balance`, the points are left to the ledger."""

    member: Member
    now: datetime
    age: int | None
    legal_age: int
    vertical: str
    states: frozenset[str]
    reached: Decimal | None
    balance: int | None
    policies: tuple[Policy, ...]
    taken: dict[int, int]
    segment_ids: frozenset[int]


def offered_to(member: Member, *, now: datetime, store: Store | None = None) -> list[Offered]:
    """What a member sees, the cheapest first, each with why it cannot be held yet. Eight queries, however many."""
    rewards = list(open_rewards(now=now))
    balance = PointsAccount.objects.filter(member=member).values_list("balance", flat=True).first() or 0
    looked = look_at(member, rewards, now=now, store=store, balance=balance)
    judged = [(reward, judge(reward, looked)) for reward in rewards]
    return [
        Offered(reward, why is None, why.text if why else "", why.code if why else "")
        for reward, why in judged
        if why is None or why.code not in HIDDEN
    ]


def open_rewards(*, now: datetime) -> QuerySet[Reward]:
    begun, not_over = Q(starts_at=None) | Q(starts_at__lte=now), Q(ends_at=None) | Q(ends_at__gt=now)
    found = Reward.objects.filter(begun, not_over, is_active=True)
    return found.select_related("tier", "segment", "product", "picture").defer("picture__content")


def look_at(
    member: Member, rewards: Sequence[Reward], *, now: datetime, store: Store | None = None, balance: int | None = None
) -> Looked:
    """`store` is where the member is; else it is their home store that decides which law holds."""
    shop, policies = business(), policies_in_force()
    standing = TierStanding.objects.filter(member=member).select_related("tier").first()
    return Looked(
        member=member,
        now=now,
        age=member.age_on(timezone.localdate(now)),
        legal_age=shop.legal_age,
        vertical=shop.vertical,
        states=states_for(store or member.home_store) if policies else frozenset(),
        reached=standing.tier.threshold if standing and standing.tier else None,
        balance=balance,
        policies=policies,
        taken=_taken(member, rewards),
        segment_ids=_segments_of(member, {reward.segment for reward in rewards if reward.segment}, now),
    )


def judge(reward: Reward, looked: Looked) -> WhyNot | None:
    """Why this member may not hold this reward now."""
    found = refusal(
        Case(
            is_open=reward.is_open_at(looked.now),
            stock=reward.stock,
            per_member=reward.per_member,
            taken=looked.taken.get(reward.pk, 0),
            tier_from=reward.tier.threshold if reward.tier else None,
            tier_name=reward.tier.name if reward.tier else "",
            reached=looked.reached,
            is_in_segment=reward.segment_id is None or reward.segment_id in looked.segment_ids,
            age=looked.age,
            legal_age=looked.legal_age,
            denial=denial(reward, looked.states, looked.policies, vertical=looked.vertical),
            cost=reward.cost,
            balance=looked.balance,
        )
    )
    return WhyNot(found.code, wording.why_not(found)) if found else None


def denial(reward: Reward, states: Collection[str], policies: Sequence[Policy], *, vertical: str) -> str:
    return wording.law(reward_policies.denial(policies, states=states, vertical=vertical, kind=reward.kind))


def states_for(store: Store | None) -> frozenset[str]:
    """The state of a store; without one, every state the shop has a store in."""
    if store is not None:
        return frozenset({store.state})
    return frozenset(Store.objects.values_list("state", flat=True))


def policies_in_force() -> tuple[Policy, ...]:
    rows = RewardPolicy.objects.filter(is_in_force=True, is_denied=True)
    return tuple(Policy(state=row.state, vertical=row.vertical, kind=row.kind, reason=row.reason) for row in rows)


def _taken(member: Member, rewards: Sequence[Reward]) -> dict[int, int]:
    limited = [reward.pk for reward in rewards if reward.per_member is not None]
    kept = Redemption.objects.filter(member=member, reward__in=limited, status__in=TAKEN)
    return dict(kept.order_by().values_list("reward").annotate(Count("pk")))


def _segments_of(member: Member, segments: Collection[Segment], now: datetime) -> frozenset[int]:
    """Which of these segments a member is in: one query for all of them."""
    asked = [
        members_matching(segment.rule, now=now).filter(pk=member.pk).values_list(Value(segment.pk))
        for segment in segments
    ]
    if not asked:
        return frozenset()
    return frozenset(row[0] for row in asked[0].order_by().union(*asked[1:], all=True))


# --- For the pages ------------------------------------------------------------------------------------------------


def rewards(*, q: str = "", shown: str = "") -> QuerySet[Reward]:
    """All of them, with how many are held and were redeemed. `shown` is offered, put_aside, or empty for both."""
    found = Reward.objects.select_related("tier", "segment", "picture").defer("picture__content")
    if q:
        found = found.filter(name__icontains=q)
    if shown:
        found = found.filter(is_active=shown == "offered")
    return found.annotate(held=_count_of(Redemption.Status.HELD), redeemed=_count_of(Redemption.Status.REDEEMED))


def _count_of(status: str) -> Coalesce:
    counted = (
        Redemption.objects.filter(reward=OuterRef("pk"), status=status)
        .order_by()
        .values("reward")
        .annotate(n=Count("pk"))
    )
    return Coalesce(Subquery(counted.values("n"), output_field=IntegerField()), 0)


@dataclass(frozen=True)
class Sums:
    held: int
    held_points: int
    redeemed: int
    redeemed_value: Decimal


def sums(*, since: datetime) -> Sums:
    """What is held now, and what was redeemed since."""
    held = Redemption.objects.filter(status=Redemption.Status.HELD)
    redeemed = Redemption.objects.filter(status=Redemption.Status.REDEEMED, ended_at__gte=since)
    now_held = held.aggregate(n=Count("pk"), points=Sum("points", default=0))
    lately = redeemed.aggregate(n=Count("pk"), value=Sum("value", default=Decimal(0)))
    return Sums(now_held["n"], now_held["points"], lately["n"], lately["value"])


def redemptions(*, q: str = "", status: str = "", reward: str = "", store: str = "") -> QuerySet[Redemption]:
    """Newest first. `q` is a code or part of a member's name."""
    found = Redemption.objects.select_related("member", "reward", "store", "by")
    if q:
        found = found.filter(Q(code=q.strip().upper()) | Q(member__name__icontains=q))
    if status in Redemption.Status.values:
        found = found.filter(status=status)
    if reward.isdigit():
        found = found.filter(reward_id=int(reward))
    if store.isdigit():
        found = found.filter(store_id=int(store))
    return found.order_by("-held_at", "-pk")


def redemptions_of(member: Member) -> QuerySet[Redemption]:
    return member.redemptions.select_related("reward", "store").order_by("-held_at", "-pk")


def held_by_code(code: str) -> QuerySet[Redemption]:
    """The one that is held under a short code, as somebody reads it out."""
    wanted = code.strip().upper().replace("-", "").replace(" ", "")
    return Redemption.objects.filter(code=wanted, status=Redemption.Status.HELD).select_related("member", "reward")


REDEMPTION_COLUMNS = (
    "code", "reward", "kind", "member", "points", "value", "status", "held", "ended", "store", "proof",
)  # fmt: skip


def redemption_rows(found: QuerySet[Redemption]) -> Iterator[tuple[object, ...]]:
    for row in found.iterator(chunk_size=2_000):
        yield (
            row.code, row.reward.name, row.reward.get_kind_display(), row.member.public_id, row.points, row.value,
            row.get_status_display(), row.held_at, row.ended_at,
            row.store.name if row.store else "", row.get_proof_display(),
        )  # fmt: skip


def reward_policies_of_shop() -> QuerySet[RewardPolicy]:
    """Those for the shop's own trade first."""
    own = business().vertical
    is_own = Switch(When(vertical=own, then=Value(0)), default=Value(1), output_field=IntegerField())
    return RewardPolicy.objects.order_by(is_own, "state", "kind")
