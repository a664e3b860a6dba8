"""The catalogue of rewards. What was held keeps the points and the value it was held for."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from config.shared.errors import DomainError
from loyalty.actions import pictures
from loyalty.models import Product, Reward, Segment, Tier

_WRITTEN = (
    "name description terms kind product cost value per_member starts_at ends_at tier segment is_active changed_at"
).split()


class BadReward(DomainError):
    code = "bad_reward"


@transaction.atomic
def save_reward(
    *,
    reward: Reward | None,
    name: str,
    description: str,
    terms: str,
    kind: str,
    product: Product | None,
    cost: int,
    value: Decimal,
    per_member: int | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    tier: Tier | None,
    segment: Segment | None,
    is_active: bool,
    now: datetime,
) -> Reward:
    """Make a reward or change one; how many are left stays, see `set_stock`. Raises BadReward."""
    if cost < 1:
        raise BadReward("A reward costs at least one point.")
    if starts_at and ends_at and ends_at <= starts_at:
        raise BadReward("The end is before the start.")
    if kind == Reward.Kind.ITEM and product is None:
        raise BadReward("Say which product is free.")
    reward = reward or Reward(created_at=now)
    reward.name, reward.description, reward.terms, reward.kind = name.strip(), description.strip(), terms.strip(), kind
    reward.product, reward.cost, reward.value = product, cost, value
    reward.per_member = per_member
    reward.starts_at, reward.ends_at, reward.tier, reward.segment = starts_at, ends_at, tier, segment
    reward.is_active, reward.changed_at = is_active, now
    reward.save(update_fields=_WRITTEN if reward.pk else None)
    return reward


@transaction.atomic
def set_stock(*, reward: Reward, stock: int | None, now: datetime) -> None:
    """How many are left from now on; None is no limit. Apart from the rest, because members take from it meanwhile."""
    row = Reward.objects.select_for_update().get(pk=reward.pk)
    row.stock, row.changed_at = stock, now
    row.save(update_fields=["stock", "changed_at"])


@transaction.atomic
def change_picture(*, reward: Reward, content: bytes | None, now: datetime) -> None:
    """Show a picture beside a reward, or none. Raises BadPicture."""
    reward.picture = pictures.keep(content=content, now=now) if content else None
    reward.changed_at = now
    reward.save(update_fields=["picture", "changed_at"])


def take_one(reward: Reward) -> bool:
    """One less in stock, if there is one now, whatever was read before; without a limit there always is."""
    row = Reward.objects.filter(pk=reward.pk)
    # Without a limit nothing is written: else all who hold this reward would wait for each other.
    return bool(row.filter(stock__gt=0).update(stock=F("stock") - 1)) or row.filter(stock=None).exists()


def put_one_back(reward: Reward) -> None:
    Reward.objects.filter(pk=reward.pk, stock__isnull=False).update(stock=F("stock") + 1)
