"""The programme of the demo shop: friends, rewards, codes and wishes, by the actions that serve any shop."""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle, islice
from random import Random

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count

from loyalty.actions import (
    codes,
    demo_pictures,
    earn_rules,
    ledger,
    programme,
    redemptions,
    referrals,
    rewards,
    scans,
    tiers,
    wishlist,
)
from loyalty.models import (
    CodeBatch,
    Member,
    PointsEntry,
    Product,
    Programme,
    Redemption,
    Referral,
    Reward,
    Store,
    Tier,
)
from loyalty.queries.brand import business
from loyalty.rules.codes import text_of
from loyalty.rules.demo import SEED
from loyalty.rules.demo_programme import GIFTS, RULES, TIERS, Gift

FRIENDS, APART, GENEROUS = 24, 150, 7
WISHES, SCANS, COLLECTORS = 160, 40, 24
OPENING_GIFT = 500
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

# A product costs what it was sold for last year, and one in seven has run out.
_PRICE = """
    UPDATE loyalty_product product SET price = sold.price, is_in_stock = product.id % 7 <> 0
    FROM (
        SELECT product_id, round(sum(amount) / sum(quantity), 2) AS price, sum(quantity) AS quantity
        FROM loyalty_orderline WHERE quantity > 0 AND amount > 0 GROUP BY product_id
    ) sold
    WHERE sold.product_id = product.id AND product.price IS NULL
"""


@transaction.atomic
def set_terms() -> None:
    """Tiers, rules and terms that hold for the year of purchases. Called before these come in."""
    if Tier.objects.exists():
        return
    programme.change_terms(earning=Programme.Earning.ADDITIVE, expiry=Programme.Expiry.ROLLING, expiry_days=365,
                           milestones={3: 250, 5: 500})  # fmt: skip
    for name, threshold, colour, perks in TIERS:
        tiers.save_tier(tier=None, name=name, threshold=Decimal(threshold), colour=colour, perks=perks)
    for rule in RULES:
        earn_rules.save_earn_rule(rule=None, **rule)


@transaction.atomic
def bring_friends() -> None:
    """Some members came by others' links, on the day they joined. Called before they have bought anything.

    One brings more friends than the programme allows, and two friends share a device: these wait for review.
    """
    if Referral.objects.exists():
        return
    members = list(Member.objects.order_by("joined_at", "pk")[: 2 * APART + FRIENDS * 8])
    for number in range(FRIENDS):
        _bring(members[number * 8], members[APART + number * 8], device=f"phone {max(number, 1)}")
    for friend in members[APART + 1 : APART + 1 + GENEROUS]:
        _bring(members[3], friend, device=f"phone of {friend.pk}")


@transaction.atomic
def furnish(now: datetime) -> None:
    """Rewards with pictures, codes with scans, wishes, and what some members did with their points."""
    if Reward.objects.exists():
        return
    with connection.cursor() as cursor:
        cursor.execute(_PRICE)
    _make_wishes(now)
    _print_codes(now)
    made = [_offer(gift, now - 60 * DAY) for gift in GIFTS]
    _collect(made[:4], now)


def _bring(referrer: Member, friend: Member, *, device: str) -> None:
    invite = referrals.invite_of(referrer, now=referrer.joined_at)
    digest = hashlib.sha256(device.encode()).digest()
    referrals.note_joined(friend=friend, code=invite.code, address=None, device_digest=digest, now=friend.joined_at)


def _offer(gift: Gift, now: datetime) -> Reward:
    best = Product.objects.filter(category=gift.category).annotate(sold=Count("order_lines"))
    reward = rewards.save_reward(
        reward=None,
        name=gift.name,
        description=gift.description,
        terms=gift.terms,
        kind=gift.kind,
        product=best.order_by("-sold", "pk").first() if gift.category else None,
        cost=gift.cost,
        value=gift.worth,
        per_member=gift.per_member,
        starts_at=None,
        ends_at=None,
        tier=None,
        segment=None,
        is_active=True,
        now=now,
    )
    rewards.set_stock(reward=reward, stock=gift.stock, now=now)
    rewards.change_picture(reward=reward, content=demo_pictures.drawn(gift.shape, *gift.colours), now=now)
    return reward


def _make_wishes(now: datetime) -> None:
    random = Random(SEED)  # noqa: S311
    favourites = list(Product.objects.annotate(sold=Count("order_lines")).order_by("-sold", "pk")[:24])
    weights = range(len(favourites), 0, -1)
    for number, member in enumerate(_regulars(WISHES)):
        (wished,) = random.choices(favourites, weights)
        wishlist.add(member=member, product=wished, now=now - (number % 45 + 1) * DAY)


def _print_codes(now: datetime) -> None:
    product = Product.objects.annotate(sold=Count("order_lines")).order_by("-sold", "pk").first()
    begun = now - 40 * DAY
    shelf = _batch("Shelf card", product, CodeBatch.Use.MEMBERS, size=1, points=10, now=begun)
    labels = _batch("Neck labels, autumn", product, CodeBatch.Use.SINGLE, size=240, points=5, now=begun)
    printed = [shelf.codes.get().pk] * SCANS + list(labels.codes.order_by("pk").values_list("pk", flat=True)[:SCANS])
    for number, (member, code_id) in enumerate(zip(cycle(_regulars(SCANS)), printed, strict=False)):
        at = begun + (number % 39 + 1) * DAY - number * 37 % 400 * MINUTE
        text = text_of(code_id, settings.SECRET_KEY)
        client_id = uuid.uuid5(uuid.NAMESPACE_URL, f"demo scan {number}")
        scans.scan(member=member, text=text, client_id=client_id, scanned_at=at, now=at)


def _batch(name: str, product: Product | None, use: str, *, size: int, points: int, now: datetime) -> CodeBatch:
    return codes.make(
        name=name, product=product, use=use, per_member=1, size=size, points=points, expires_at=None, by=None, now=now
    )


def _collect(offered: list[Reward], now: datetime) -> None:
    """Members with a gift of points hold rewards: most collect them, some give them back, the last still hold them."""
    collectors, stores = list(_of_age(COLLECTORS)), list(Store.objects.order_by("pk")[:6])
    _give(collectors, now - 50 * DAY)
    for number, (member, reward, store) in enumerate(
        zip(collectors, cycle(offered), cycle(stores), strict=False), start=1
    ):
        is_last = number > COLLECTORS - 3
        at = now - 3 * number * MINUTE if is_last else now - (number + 2) * DAY - number * 53 % 360 * MINUTE
        held = redemptions.hold(member=member, reward=reward, now=at)
        if number % 6 == 0 and not is_last:
            redemptions.release(redemption=held, now=at + 9 * MINUTE, note="Changed their mind")
        elif not is_last:
            redemptions.hand_over(redemption=held, proof=Redemption.Proof.QR, by=None, store=store, now=at + 9 * MINUTE)


def _give(members: list[Member], now: datetime) -> None:
    ledger.credit(
        [
            ledger.Credit(
                member_id=member.pk,
                points=OPENING_GIFT,
                reason=PointsEntry.Reason.CORRECTION,
                reference=f"opening gift {member.pk}",
                occurred_at=now,
                note="Opening gift",
            )
            for member in members
        ],
        now=now,
    )


def _regulars(many: int) -> Iterator[Member]:
    """Who bought most often."""
    return iter(Member.objects.annotate(bought=Count("orders")).order_by("-bought", "pk")[:many])


def _of_age(many: int) -> Iterator[Member]:
    legal_age = business().legal_age
    old_enough = (
        member for member in _regulars(10 * many) if (member.age_on(member.joined_at.date()) or 0) >= legal_age
    )
    return islice(old_enough, many)
