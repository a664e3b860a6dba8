"""Cards in the wallets of phones: made, registered, brought up to date, and emptied.

What a pass shows is compared with what is so, a set at a time: however points, tier or name came to change, the next
comparison finds it, and many changes between two of them are one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Greatest

from loyalty.models import Member, WalletPass, WalletPhone

# How long a phone is not told of a change, for the next one may be just behind it.
SETTLES = timedelta(seconds=5)
LEASE = timedelta(minutes=2)
MOST_PUSHES_A_DAY = 20
# Of one pass. Whoever has more loses the oldest: its token proves a pass, and could register any number of them.
MOST_PHONES = 20
# An emptied pass is fetched when its phone is on; then nothing of the phone is kept.
FORGOTTEN_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class Due:
    """A pass whose phones are to be told of a revision, since when, and how to reach them."""

    pass_id: int
    revision: int
    due_at: datetime
    tokens: tuple[str, ...]


@transaction.atomic
def issue(*, member: Member, kind: str, now: datetime) -> WalletPass:
    """The member's pass: the one there is, or a new one that shows what is so now."""
    standing = WalletPass.objects.filter(member=member, kind=kind, voided_at=None)
    if not standing.exists():
        try:
            with transaction.atomic():
                WalletPass.objects.create(member=member, kind=kind, created_at=now, changed_at=now)
        except IntegrityError:
            pass  # Two taps at once: the other one has made it.
    made = standing.get()
    _lock()
    _compare(now, only=[made.pk])
    made.refresh_from_db()
    return made


@transaction.atomic
def void(*, member: Member, now: datetime) -> int:
    """Empty every pass of a member, and of who became part of them; how many. Nobody reads anything on it any more."""
    _lock()
    own = Q(member=member) | Q(member__merged_into=member)
    passes = WalletPass.objects.filter(own, voided_at=None)
    return passes.update(
        name="",
        points=0,
        tier="",
        voided_at=now,
        revision=_next_revision(),
        changed_at=_changed(now),
        push_due_at=Case(When(Q(push_due_at__isnull=False) | _has_phones(), then=Value(now)), default=None),
    )


# --- Phones --------------------------------------------------------------------------------------------------------


@transaction.atomic
def register(*, wallet_pass: WalletPass, device_id: str, push_token: str, now: datetime) -> bool:
    """A phone has the pass and wants to hear of it. True when that is news."""
    # It may have missed what changed since it fetched the pass, so it is told in any case, once. This holds the pass:
    # who tells its other phones at this moment, or changes it, finds a later time there and leaves it.
    WalletPass.objects.filter(pk=wallet_pass.pk).update(push_due_at=Greatest("push_due_at", Value(now + SETTLES)))
    told = {"push_token": push_token, "registered_at": now}
    _phone, is_new = WalletPhone.objects.update_or_create(wallet_pass=wallet_pass, device_id=device_id, defaults=told)
    newest = WalletPhone.objects.filter(wallet_pass=wallet_pass).order_by("-registered_at", "-pk")
    WalletPhone.objects.filter(pk__in=list(newest.values_list("pk", flat=True)[MOST_PHONES:])).delete()
    return is_new


def unregister(*, wallet_pass: WalletPass, device_id: str) -> None:
    WalletPhone.objects.filter(wallet_pass=wallet_pass, device_id=device_id).delete()


def forget_phones(tokens: Collection[str]) -> int:
    """Their maker says that they take nothing more."""
    return WalletPhone.objects.filter(push_token__in=tokens).delete()[0] if tokens else 0


def forget_phones_of_emptied(*, now: datetime) -> int:
    return WalletPhone.objects.filter(wallet_pass__voided_at__lt=now - FORGOTTEN_AFTER).delete()[0]


# --- Up to date ----------------------------------------------------------------------------------------------------


@transaction.atomic
def bring_up_to_date(*, now: datetime) -> int:
    """Write what members are called, have and reached into their passes; how many changed. One at a time."""
    if not WalletPass.objects.filter(voided_at=None).exists() or not _lock(waits=False):
        return 0
    return _compare(now)


def _compare(now: datetime, *, only: list[int] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE if only is None else _COMPARE_ONLY, {"now": now, "due_at": now + SETTLES, "only": only})
        return cursor.rowcount


def _lock(*, waits: bool = True) -> bool:
    """Until the transaction ends nobody else gives revisions: a phone that was told of one has missed none before.

    Whoever writes many passes at once holds it, too: each takes them in an order of its own.
    """
    verb = "pg_advisory_xact_lock" if waits else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {verb}(hashtext('loyalty.wallets'))")
        return waits or bool(cursor.fetchone()[0])


def _next_revision() -> int:
    latest = WalletPass.objects.order_by("-revision").values_list("revision", flat=True).first()
    return (latest or 0) + 1


def _changed(now: datetime) -> Case:
    """Phones ask by the second: two changes are never in one."""
    later = F("changed_at") + timedelta(seconds=1)
    return Case(When(changed_at__lte=now - timedelta(seconds=1), then=Value(now)), default=later)


def _has_phones() -> Exists:
    return Exists(WalletPhone.objects.filter(wallet_pass=OuterRef("pk")))


# Whoever was never counted stands where everybody begins. Who is part of another member shows what that one has.
_COMPARISON = """
    WITH facts AS (
        SELECT pass.id, person.name, account.balance AS points,
               coalesce(CASE WHEN standing.member_id IS NULL THEN first.name ELSE tier.name END, '') AS tier
        FROM loyalty_walletpass pass
        JOIN loyalty_member holder ON holder.id = pass.member_id
        JOIN loyalty_member person ON person.id = coalesce(holder.merged_into_id, holder.id)
        JOIN loyalty_pointsaccount account ON account.member_id = person.id
        LEFT JOIN loyalty_tierstanding standing ON standing.member_id = person.id
        LEFT JOIN loyalty_tier tier ON tier.id = standing.tier_id
        LEFT JOIN loyalty_tier first ON first.threshold = 0
        WHERE pass.voided_at IS NULL {which}
    )
    UPDATE loyalty_walletpass pass
    SET name = facts.name, points = facts.points, tier = facts.tier,
        revision = (SELECT coalesce(max(revision), 0) + 1 FROM loyalty_walletpass),
        changed_at = CASE WHEN pass.revision = 0 THEN pass.created_at
                          ELSE greatest(%(now)s, pass.changed_at + interval '1 second') END,
        push_due_at = coalesce(pass.push_due_at, CASE WHEN EXISTS (
            SELECT FROM loyalty_walletphone phone WHERE phone.wallet_pass_id = pass.id
        ) THEN %(due_at)s::timestamptz END)
    FROM facts
    WHERE facts.id = pass.id
      AND (pass.revision = 0 OR (pass.name, pass.points, pass.tier) <> (facts.name, facts.points, facts.tier))
"""
_COMPARE = _COMPARISON.format(which="")
_COMPARE_ONLY = _COMPARISON.format(which="AND pass.id = ANY(%(only)s)")


# --- Telling phones ------------------------------------------------------------------------------------------------


def claim_due(*, now: datetime, most: int) -> list[Due]:
    """Passes whose phones are to be told now, ours until the lease ends. One that was told often today waits."""
    lease = now + LEASE
    with transaction.atomic():
        held = _due(now).select_for_update(skip_locked=True, of=("self",)).order_by("push_due_at")
        numbers = list(held.values_list("pk", flat=True)[:most])
        WalletPass.objects.filter(pk__in=numbers).update(claimed_until=lease)
    passes = WalletPass.objects.filter(pk__in=numbers).prefetch_related("phones").order_by("pk")
    return [Due(row.pk, row.revision, row.push_due_at or now, _tokens(row)) for row in passes]


def _tokens(row: WalletPass) -> tuple[str, ...]:
    return tuple(phone.push_token for phone in row.phones.all())


def _due(now: datetime) -> QuerySet[WalletPass]:
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    told_enough = Q(pushed_on=now.date(), pushes__gte=MOST_PUSHES_A_DAY)
    return WalletPass.objects.filter(free, push_due_at__lte=now).exclude(told_enough)


@transaction.atomic
def note_told(told: Iterable[Due], *, now: datetime) -> None:
    """What has changed while they were told is told once more, and so is who registered meanwhile."""
    if each := list(told):
        _lock()
        columns = [due.pass_id for due in each], [due.revision for due in each], [due.due_at for due in each]
        with connection.cursor() as cursor:
            cursor.execute(_NOTE_TOLD, [now, now.date(), now.date(), *columns])


@transaction.atomic
def put_off(waits: Mapping[Due, timedelta], *, now: datetime) -> None:
    """They could not be told; each is tried again after so long."""
    if waits:
        _lock()
        with connection.cursor() as cursor:
            cursor.execute(_PUT_OFF, [[due.pass_id for due in waits], [now + wait for wait in waits.values()]])


_NOTE_TOLD = """
    UPDATE loyalty_walletpass pass
    SET push_due_at = CASE WHEN pass.revision = told.revision AND pass.push_due_at <= told.due_at
                           THEN NULL ELSE pass.push_due_at END,
        claimed_until = NULL, pushed_at = %s, pushed_on = %s,
        pushes = CASE WHEN pass.pushed_on = %s THEN pass.pushes + 1 ELSE 1 END
    FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS told (id, revision, due_at)
    WHERE pass.id = told.id
"""
_PUT_OFF = """
    UPDATE loyalty_walletpass pass
    SET claimed_until = NULL, push_due_at = put_off.until
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS put_off (id, until)
    WHERE pass.id = put_off.id
"""
