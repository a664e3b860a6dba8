"""A reward is held first, with its points locked, and then handed over at the counter, given back, or runs out.

Who writes locks in one order: the redemption, the member's account, the reward. The stock is changed last, because
every member who wants the same reward waits for that row.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.shared.errors import DomainError
from loyalty.actions import ledger, rewards
from loyalty.events import RewardHeld, RewardRedeemed, RewardReleased
from loyalty.models import Member, Order, Redemption, Reward, Store, User
from loyalty.queries import rewards as queries
from loyalty.queries.brand import business
from loyalty.queries.terms import terms
from loyalty.rules import proofs
from loyalty.rules.codes import short_code
from tracking.actions import record

CODE_LETTERS = 6
TRIES_FOR_A_CODE = 5
MOST_WRONG_PINS = 5
EXPIRED_AT_ONCE = 500
Status = Redemption.Status


class CannotHold(DomainError):
    """The code says why: sold_out, taken_already, tier_too_low, not_for_you, too_young, forbidden ..."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class WrongProof(DomainError):
    code = "wrong_proof"


class WrongState(DomainError):
    code = "wrong_state"


class ForbiddenHere(DomainError):
    code = "forbidden"


@transaction.atomic
def hold(*, member: Member, reward: Reward, now: datetime) -> Redemption:
    """Lock the points of a reward, judged as it was read, and one of its stock. Raises CannotHold, NotEnoughPoints."""
    if reward.per_member is not None:
        # From here on, only one hold of this member at a time: so what they took is counted right.
        ledger.lock_accounts([member.pk])
    why_not = queries.judge(reward, queries.look_at(member, [reward], now=now))
    if why_not:
        raise CannotHold(why_not.text, why_not.code)
    redemption = Redemption(
        member=member,
        reward=reward,
        points=reward.cost,
        value=reward.value,
        held_at=now,
        expires_at=now + timedelta(minutes=terms().hold_minutes),
    )
    _hold_points(redemption)
    if not rewards.take_one(reward):
        raise CannotHold(_("This reward has run out."), "sold_out")
    held = RewardHeld(subject=str(member.public_id), reward=reward.name, points=redemption.points)
    record(held, key=str(redemption.public_id), at=now)
    return redemption


def redeem(
    *,
    redemption: Redemption,
    proof: str,
    by: User | None,
    store: Store | None,
    order: Order | None = None,
    now: datetime,
) -> Redemption:
    """Hand the reward over to who shows its PIN or QR code. Raises WrongProof, WrongState, ForbiddenHere.

    Outside of any transaction, so that a wrong PIN is counted. Who needs one checks the proof first, and then calls
    `hand_over` in it.
    """
    kind = check_proof(redemption=redemption, proof=proof, now=now)
    return hand_over(redemption=redemption, proof=kind, by=by, store=store, order=order, now=now)


def check_proof(*, redemption: Redemption, proof: str, now: datetime) -> Redemption.Proof:
    """What kind of proof this is of a held redemption. Raises WrongProof, WrongState.

    PINs are tried one after the other, however many tills ask at once; the fifth wrong one gives the points back.
    """
    with transaction.atomic(durable=True):
        redemption = Redemption.objects.select_for_update(of=["self"]).get(pk=redemption.pk)
        _refuse_unless_held(redemption, now)
        if proofs.redemption_in(proof, settings.SECRET_KEY) == redemption.public_id:
            return Redemption.Proof.QR
        if proof.strip() == proofs.pin_of(redemption.public_id, settings.SECRET_KEY):
            return Redemption.Proof.PIN
        left = _count_wrong_pin(redemption, now) if proofs.is_pin(proof.strip()) else None
    raise WrongProof(_said_of_wrong(left))


@transaction.atomic
def hand_over(
    *,
    redemption: Redemption,
    proof: Redemption.Proof,
    by: User | None,
    store: Store | None,
    order: Order | None = None,
    now: datetime,
) -> Redemption:
    """The end of a hold whose proof was checked. Raises WrongState, ForbiddenHere."""
    redemption = Redemption.objects.select_related("reward", "member__home_store").get(pk=redemption.pk)
    _refuse_where_forbidden(redemption, store)
    held = Redemption.objects.filter(pk=redemption.pk, status=Status.HELD, expires_at__gt=now)
    if not held.update(status=Status.REDEEMED, ended_at=now, proof=proof, store=store, order=order, by=by):
        redemption.refresh_from_db(fields=["status", "expires_at"])
        _refuse_unless_held(redemption, now)
    redemption.refresh_from_db()
    redeemed = RewardRedeemed(
        subject=str(redemption.member.public_id),
        reward=redemption.reward.name,
        points=redemption.points,
        store=store.code if store else "",
        proof=proof,
    )
    record(redeemed, key=str(redemption.public_id), at=now)
    return redemption


@transaction.atomic
def release(*, redemption: Redemption, now: datetime, note: str) -> None:
    """Give a held reward back: the points return to where they came from. Raises WrongState."""
    if not _end(redemption, Status.RELEASED, now=now, note=note):
        raise WrongState(_("This reward is not held any more."))


@transaction.atomic
def release_all(
    *, member_ids: Sequence[int], accounts: Sequence[int], now: datetime, note: str, since: datetime | None = None
) -> None:
    """Give back whatever these members hold, or what they have held `since` then, and lock these `accounts`, theirs
    among them: nothing more is held after.

    Holds are locked before accounts, and all accounts at once. Where another hold was made until we had those, the
    locks are given up, and we begin anew.
    """
    held = Redemption.objects.filter(member__in=member_ids, status=Status.HELD).order_by("reward_id", "pk")
    held = held.filter(held_at__gte=since) if since else held
    while True:
        with suppress(_HeldMeanwhile), transaction.atomic():
            rows = list(held.select_for_update(of=("self",)).select_related("reward", "member"))
            ledger.lock_accounts(accounts)
            if held.exclude(pk__in=[row.pk for row in rows]).exists():
                raise _HeldMeanwhile
            for redemption in rows:
                release(redemption=redemption, now=now, note=note)
            return


class _HeldMeanwhile(Exception):
    """Rolls back to where nothing was locked."""


def expire_holds(*, now: datetime) -> int:
    """End the holds whose time is over, each on its own; how many."""
    over = Redemption.objects.filter(status=Status.HELD, expires_at__lte=now).order_by("expires_at")
    return sum(_expire(pk, now) for pk in over.values_list("pk", flat=True)[:EXPIRED_AT_ONCE])


@transaction.atomic
def _expire(redemption_id: int, now: datetime) -> bool:
    redemption = Redemption.objects.select_related("reward", "member").get(pk=redemption_id)
    return _end(redemption, Status.EXPIRED, now=now, note="Not collected in time")


def _end(redemption: Redemption, status: Status, *, now: datetime, note: str) -> bool:
    """Only one of those who end a hold succeeds, and that one gives back."""
    if not Redemption.objects.filter(pk=redemption.pk, status=Status.HELD).update(status=status, ended_at=now):
        return False
    redemption.status, redemption.ended_at = status, now
    ledger.give_back(redemption, now=now, note=note)
    rewards.put_one_back(redemption.reward)
    released = RewardReleased(
        subject=str(redemption.member.public_id),
        reward=redemption.reward.name,
        points=redemption.points,
        ran_out=status == Status.EXPIRED,
    )
    record(released, key=str(redemption.public_id), at=now)
    return True


def _hold_points(redemption: Redemption) -> None:
    """Under a code that no other held redemption has: the database decides."""
    for _try in range(TRIES_FOR_A_CODE):
        redemption.code = short_code(CODE_LETTERS)
        if ledger.hold(redemption):
            return
    raise RuntimeError("Every code that was tried is in use.")


def _count_wrong_pin(redemption: Redemption, now: datetime) -> int:
    """How many tries are left."""
    Redemption.objects.filter(pk=redemption.pk).update(wrong_pins=F("wrong_pins") + 1)
    left = MOST_WRONG_PINS - redemption.wrong_pins - 1
    if left <= 0:
        _end(redemption, Status.RELEASED, now=now, note=f"{MOST_WRONG_PINS} wrong PINs")
    return left


def _said_of_wrong(tries_left: int | None) -> str:
    if tries_left is None:
        return _("This is not the code of this reward. Scan it again, or ask for the PIN.")
    if tries_left > 0:
        told = ngettext(
            "This PIN is wrong; %(number)s more try.", "This PIN is wrong; %(number)s more tries.", tries_left
        )
        return told % {"number": tries_left}
    return _("Too many wrong PINs: the reward was given back, and its points with it.")


def _refuse_unless_held(redemption: Redemption, now: datetime) -> None:
    if redemption.status == Status.REDEEMED:
        raise WrongState(_("This reward was handed over before."))
    if redemption.status != Status.HELD:
        raise WrongState(_("This reward is not held any more."))
    if redemption.expires_at <= now:
        raise WrongState(_("The time to collect this reward is over. The points go back to the member."))


def _refuse_where_forbidden(redemption: Redemption, store: Store | None) -> None:
    """The law of the store where it is handed over counts, whatever held where it was offered."""
    states = queries.states_for(store or redemption.member.home_store)
    reason = queries.denial(redemption.reward, states, queries.policies_in_force(), vertical=business().vertical)
    if reason:
        raise ForbiddenHere(reason)
