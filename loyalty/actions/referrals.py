"""Members who bring friends: both get points when the friend first buys, unless it looks like nobody was brought."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q
from django.utils.translation import gettext_noop

from config.shared.errors import DomainError
from config.shared.trail import note_change
from loyalty.actions import ledger
from loyalty.actions.earning import Occasion, earn
from loyalty.events import ReferralJoined, ReferralRewarded
from loyalty.models import (
    Device,
    EarnRule,
    Invite,
    Member,
    PointsEntry,
    Programme,
    Referral,
    ReferralMilestone,
    User,
)
from loyalty.queries.terms import terms
from loyalty.rules.codes import short_code
from loyalty.rules.referrals import A_DAY, Joining, Person, Reason, mailbox, reasons_to_hold
from tracking.actions import record, record_all
from tracking.actions.record import Occurrence

CODE_LETTERS = 8
TRIES_FOR_A_CODE = 5
A_MONTH = timedelta(days=30)
ONE_AT_A_TIME = 7_203_001  # Any number; of an advisory lock, so that what is counted stays so until it is written.
Status = Referral.Status


class BadReview(DomainError):
    code = "bad_review"


@transaction.atomic
def invite_of(member: Member, *, now: datetime) -> Invite:
    """A member's own link, made when it is first asked for."""
    for tries_left in reversed(range(TRIES_FOR_A_CODE)):
        made = {"code": short_code(CODE_LETTERS), "created_at": now}
        try:
            with transaction.atomic():
                return Invite.objects.get_or_create(member=member, defaults=made)[0]
        except IntegrityError:  # somebody else has this code
            if not tries_left:
                raise
    raise AssertionError("The last try returns or raises.")


def is_known(code: str) -> bool:
    """Whether somebody has an invitation with this code."""
    return Invite.objects.filter(code=code.strip().upper()).exists()


@transaction.atomic
def note_joined(
    *, friend: Member, code: str, address: str | None, device_digest: bytes | None, now: datetime
) -> Referral | None:
    """A friend has come by somebody's link. None for a link nobody has, one's own, or a friend who was brought before.

    What looks like an abuse waits for a person; so do all referrals of a ring once it closes.
    """
    _one_at_a_time()
    invite = Invite.objects.select_related("member").filter(code=code.strip().upper()).first()
    if invite is None or invite.member == friend or Referral.objects.filter(friend=friend).exists():
        return None
    referrer = invite.member
    ring = _ring_closed_by(referrer, friend)
    joining = _joining(referrer, friend, closes_ring=bool(ring), address=address, device_digest=device_digest, now=now)
    reasons = reasons_to_hold(joining)
    referral = Referral.objects.create(
        referrer=referrer,
        friend=friend,
        status=Status.HELD if reasons else Status.JOINED,
        reasons=reasons,
        address=address,
        device_digest=device_digest,
        joined_at=now,
    )
    _hold_ring(ring)
    joined = ReferralJoined(
        subject=str(referrer.public_id), friend=str(friend.public_id), is_held=bool(reasons), reasons=list(reasons)
    )
    record(joined, key=str(referral.pk), at=now)
    return referral


@transaction.atomic
def follow_orders(event_ids: Sequence[int], *, now: datetime) -> int:
    """Of the orders of these events, take back what came to nothing, and reward what is a friend's first; how many.

    Everybody's accounts are locked at once: two steps of one transaction would wait for who wants them in order.
    """
    concerned = _members_concerned(event_ids)
    if not concerned:
        return 0
    _one_at_a_time()
    ledger.lock_accounts(concerned)
    _take_back(event_ids, now=now)
    return _convert(event_ids, now=now)


def _convert(event_ids: Sequence[int], *, now: datetime) -> int:
    """Referrals that wait for review keep the purchase, and are rewarded for it once they are accepted."""
    bought = _first_purchases(event_ids, terms())
    if not bought:
        return 0
    waiting = Referral.objects.filter(pk__in=bought, bought_at=None).exclude(status=Status.REFUSED)
    referrals = list(waiting.select_related("referrer", "friend").order_by("pk"))
    for referral in referrals:
        referral.order_id, referral.bought_at, was_known = bought[referral.pk]
        if was_known and referral.status == Status.JOINED and referral.reviewed_by_id is None:
            referral.status, referral.reasons = Status.HELD, [Reason.KNOWN]
    Referral.objects.bulk_update(referrals, ["order_id", "bought_at", "status", "reasons"])
    return _reward([referral for referral in referrals if referral.status == Status.JOINED], now=now)


@transaction.atomic
def review(*, referral: Referral, accept: bool, by: User | None, note: str, now: datetime) -> Referral:
    """Let a held referral count, or refuse it for good. Raises BadReview."""
    if not accept and not note.strip():
        raise BadReview("Say why it is refused: the note stays beside it.")
    _one_at_a_time()
    target = Status.JOINED if accept else Status.REFUSED
    held = Referral.objects.filter(pk=referral.pk, status=Status.HELD)
    if not held.update(status=target, reviewed_by=by, note=note.strip()):
        raise BadReview("Somebody has reviewed this referral already.")
    row = Referral.objects.select_related("referrer", "friend").get(pk=referral.pk)
    note_change(row, status=(Status.HELD, target))
    if accept and row.bought_at:
        _reward([row], now=now)
        row.refresh_from_db()
    return row


def _take_back(event_ids: Sequence[int], *, now: datetime) -> None:
    """Of these events' orders, some were a friend's first and came to nothing: voided, or brought back whole. What both
    sides got for it goes, even below zero, and once. Milestones stay. A referral that waits for review waits for
    another purchase.
    """
    undone = _undone_purchases(event_ids)
    if not undone:
        return
    Referral.objects.filter(pk__in=undone, status=Status.HELD).update(order=None, bought_at=None)
    rewarded = Referral.objects.filter(pk__in=undone, status=Status.REWARDED)
    debits = [debit for referral in rewarded for debit in _taken_back(referral, now)]
    ledger.debit(debits, now=now)
    rewarded.update(status=Status.REFUSED, note="The first order came to nothing.")


def _taken_back(referral: Referral, now: datetime) -> list[ledger.Debit]:
    yours = gettext_noop("Your first order was returned or cancelled")
    theirs = gettext_noop("Your friend's first order was returned or cancelled")
    given = PointsEntry.objects.filter(
        Q(reference__startswith=f"referral:{referral.pk}:")
        | Q(reference__startswith=f"{EarnRule.Trigger.REFERRAL}:{_rules_reference(referral)}:"),
        Q(points__gt=0) | Q(pending__gt=0),
        reason=PointsEntry.Reason.REFERRAL,
    ).select_related("member")
    return [
        ledger.Debit(
            member_id=entry.member.merged_into_id or entry.member_id,
            points=entry.points + entry.pending,
            reason=PointsEntry.Reason.REFERRAL,
            reference=f"void:{entry.reference}",
            occurred_at=now,
            note=yours if entry.member_id == referral.friend_id else theirs,
        )
        for entry in given
    ]


def _one_at_a_time() -> None:
    """Until this transaction ends nobody else joins by a link, or is rewarded for one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])


# --- What is looked at when a friend joins ------------------------------------------------------------------------


def _joining(
    referrer: Member,
    friend: Member,
    *,
    closes_ring: bool,
    address: str | None,
    device_digest: bytes | None,
    now: datetime,
) -> Joining:
    lately = Referral.objects.filter(joined_at__gt=now - A_DAY)
    month = Referral.objects.filter(referrer=referrer, joined_at__gt=now - A_MONTH).exclude(status=Status.REFUSED)
    return Joining(
        referrer=_person(referrer),
        friend=_person(friend),
        shares_contact=_shares_contact_with_other_friend(referrer, friend),
        closes_ring=closes_ring,
        is_known_device=_is_known_device(device_digest, friend),
        is_known_member=friend.joined_at < now - A_DAY or friend.orders.exists(),
        from_address=lately.filter(address=address).count() + 1 if address else 1,
        this_month=month.count() + 1,
        per_month=terms().referrals_per_month,
    )


def _person(member: Member) -> Person:
    return Person(name=member.name, email=member.email, phone=member.phone, birth_date=member.birth_date)


def _shares_contact_with_other_friend(referrer: Member, friend: Member) -> bool:
    """One mailbox with many spellings makes many friends."""
    if not friend.email:
        return False
    domain = friend.email.rpartition("@")[2]
    others = Member.objects.filter(referred_by__referrer=referrer, email__endswith=f"@{domain}")
    return mailbox(friend.email) in {mailbox(email) for email in others.values_list("email", flat=True) if email}


def _is_known_device(digest: bytes | None, friend: Member) -> bool:
    """Somebody else has signed in on it, or has joined by a link on it."""
    if not digest:
        return False
    signed_in = Device.objects.filter(browser_digest=digest).exclude(member=friend)
    return signed_in.exists() or Referral.objects.filter(device_digest=digest).exists()


def _ring_closed_by(referrer: Member, friend: Member) -> list[int]:
    """The referrals that lead from the friend to the referrer already, if there are any."""
    with connection.cursor() as cursor:
        cursor.execute(_CHAIN_UP, {"referrer": referrer.pk})
        chain = cursor.fetchall()
    members = [referrer_id for _pk, referrer_id in chain]
    return [pk for pk, _id in chain[: members.index(friend.pk) + 1]] if friend.pk in members else []


# Who brought the referrer, who brought that one, and so on to the first. It ends, because each friend is brought once.
_CHAIN_UP = """
    WITH RECURSIVE chain AS (
        SELECT id, referrer_id, 1 AS step FROM loyalty_referral WHERE friend_id = %(referrer)s
        UNION ALL
        SELECT up.id, up.referrer_id, chain.step + 1
        FROM chain JOIN loyalty_referral up ON up.friend_id = chain.referrer_id
        WHERE chain.referrer_id <> %(referrer)s
    ) CYCLE referrer_id SET is_cycle USING path
    SELECT id, referrer_id FROM chain WHERE NOT is_cycle ORDER BY step
"""


def _hold_ring(ring: Collection[int]) -> None:
    Referral.objects.filter(pk__in=ring, status=Status.JOINED).update(status=Status.HELD, reasons=[Reason.RING])


# --- What a friend's first purchase brings ------------------------------------------------------------------------

# The first order of each friend that reaches the minimum, if it is one of those told; points pay for nothing here.
# `was_known`: the friend had bought before joining, in a file that came in since.
_FIRST_PURCHASES = """
    SELECT referral.id, first.id, first.ordered_at, EXISTS (
        SELECT FROM loyalty_order o WHERE o.member_id = referral.friend_id AND o.ordered_at < referral.joined_at
    )
    FROM (
        SELECT DISTINCT o.member_id FROM tracking_event e JOIN loyalty_order o ON o.number = e.properties ->> 'order'
        WHERE e.id = ANY(%(events)s)
    ) told
    JOIN loyalty_referral referral ON referral.friend_id = told.member_id AND referral.bought_at IS NULL
    CROSS JOIN LATERAL (
        SELECT o.id, o.ordered_at FROM loyalty_order o
        WHERE o.member_id = referral.friend_id AND o.ordered_at >= referral.joined_at AND o.voided_at IS NULL
          AND o.total - o.paid_with_points > 0 AND o.total - o.paid_with_points >= %(minimum)s
        ORDER BY o.ordered_at, o.id LIMIT 1
    ) first
"""


def _first_purchases(event_ids: Sequence[int], programme: Programme) -> dict[int, tuple[int, datetime, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_PURCHASES, {"events": list(event_ids), "minimum": programme.referral_minimum})
        return {pk: (order_id, at, was_known) for pk, order_id, at, was_known in cursor.fetchall()}


_MEMBERS_CONCERNED = """
    WITH told AS (
        SELECT o.id, o.member_id FROM tracking_event e JOIN loyalty_order o ON o.number = e.properties ->> 'order'
        WHERE e.id = ANY(%s)
    ),
    concerned AS (
        SELECT referrer_id, friend_id FROM loyalty_referral JOIN told ON friend_id = told.member_id
        UNION SELECT referrer_id, friend_id FROM loyalty_referral JOIN told ON order_id = told.id
    )
    SELECT member.id, member.merged_into_id FROM concerned
    JOIN loyalty_member member ON member.id IN (concerned.referrer_id, concerned.friend_id)
"""


def _members_concerned(event_ids: Sequence[int]) -> set[int]:
    """Both sides of every referral these events' orders may change, and those they are part of now."""
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS_CONCERNED, [list(event_ids)])
        return {pk for row in cursor.fetchall() for pk in row if pk is not None}


_UNDONE_PURCHASES = """
    SELECT DISTINCT referral.id
    FROM tracking_event e
    JOIN loyalty_order o ON o.number = e.properties ->> 'order'
    JOIN loyalty_referral referral ON referral.order_id = o.id
    WHERE e.id = ANY(%s) AND (o.voided_at IS NOT NULL OR o.total <= 0)
"""


def _undone_purchases(event_ids: Sequence[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_UNDONE_PURCHASES, [list(event_ids)])
        return [pk for (pk,) in cursor.fetchall()]


def _reward(referrals: Sequence[Referral], *, now: datetime) -> int:
    """Points for both sides, and for milestones that are reached by it. Entered once, however often it is asked."""
    if not referrals:
        return 0
    programme, ids = terms(), [referral.pk for referral in referrals]
    ledger.lock_accounts(member for each in referrals for member in (each.referrer_id, each.friend_id))
    Referral.objects.filter(pk__in=ids).update(status=Status.REWARDED, rewarded_at=now)
    credits = [each for referral in referrals for each in _credits(referral, programme, now)]
    ledger.credit(credits + _milestones(referrals, now), now=now)
    earn([_occasion(referral, now) for referral in referrals], now=now)
    record_all(
        [
            Occurrence(
                ReferralRewarded(
                    subject=str(referral.referrer.public_id),
                    friend=str(referral.friend.public_id),
                    points=programme.referrer_points,
                ),
                str(referral.pk),
                now,
            )
            for referral in referrals
        ]
    )
    return len(referrals)


def _credits(referral: Referral, programme: Programme, now: datetime) -> list[ledger.Credit]:
    brought, came = gettext_noop("A friend bought for the first time"), gettext_noop("Welcome! A friend brought you.")
    sides = (
        (referral.referrer_id, programme.referrer_points, "referrer", brought),
        (referral.friend_id, programme.friend_points, "friend", came),
    )
    return [
        _credit(member_id, points, f"referral:{referral.pk}:{side}", note, now)
        for member_id, points, side, note in sides
        if points
    ]


def _milestones(referrals: Sequence[Referral], now: datetime) -> list[ledger.Credit]:
    """Every milestone that somebody has reached; the ledger knows which were paid before."""
    milestones = list(ReferralMilestone.objects.all())
    if not milestones:
        return []
    brought = Member.objects.filter(pk__in={referral.referrer_id for referral in referrals}).annotate(
        friends=Count("referrals", filter=Q(referrals__status=Status.REWARDED))
    )
    return [
        _credit(member.pk, each.points, f"milestone:{member.pk}:{each.friends}", f"{each.friends} friends brought", now)
        for member in brought
        for each in milestones
        if member.friends >= each.friends
    ]


def _credit(member_id: int, points: int, reference: str, note: str, now: datetime) -> ledger.Credit:
    return ledger.Credit(
        member_id=member_id,
        points=points,
        reason=PointsEntry.Reason.REFERRAL,
        reference=reference,
        occurred_at=now,
        note=note,
    )


def _rules_reference(referral: Referral) -> str:
    return f"referral:{referral.pk}:rules"


def _occasion(referral: Referral, now: datetime) -> Occasion:
    return Occasion(
        trigger=EarnRule.Trigger.REFERRAL,
        member_id=referral.referrer_id,
        reference=_rules_reference(referral),
        at=now,
    )
