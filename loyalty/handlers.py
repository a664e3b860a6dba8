"""What loyalty does when the log says something happened. Imported at start-up (see loyalty.apps)."""

from collections.abc import Sequence

from django.utils import timezone

from config.shared.nudge import nudge
from loyalty.actions import earning, occasions, orders, own_events, referrals, tiers
from loyalty.events import MemberJoined, OrderAmended, OrderPaid, PointsAwarded, PurchasesImported
from tracking.bus import follow, follow_received
from tracking.models import Event


@follow("loyalty.stats", OrderPaid, OrderAmended, PurchasesImported, reset=orders.forget_sums)
def sum_up_members(event_ids: Sequence[int]) -> None:
    """A finished import stands behind its orders in the log: here, all of them are summed up and can be scored
    and forecast."""
    orders.sum_up_members(event_ids)
    if Event.objects.filter(pk__in=event_ids, name=PurchasesImported.name).exists():
        nudge("loyalty.rescore")
        nudge("loyalty.refit_forecasts")


def nothing_to_forget() -> None:
    """The ledger is append-only: reading the log again finds every order paid its due and enters nothing."""


@follow("loyalty.points", OrderPaid, OrderAmended, reset=nothing_to_forget)
def award_points(event_ids: Sequence[int]) -> None:
    earning.award_for_orders(event_ids, now=timezone.now())


@follow_received("loyalty.occasions", reset=nothing_to_forget)
def earn_by_received(after: int, upto: int) -> None:
    occasions.hear_received(after, upto, now=timezone.now())


@follow("loyalty.referrals", OrderPaid, OrderAmended, reset=nothing_to_forget)
def reward_referrals(event_ids: Sequence[int]) -> None:
    referrals.follow_orders(event_ids, now=timezone.now())


def nothing_to_count_again() -> None:
    """Where a member stands follows from what they have, whenever it is counted."""


@follow("loyalty.tiers", MemberJoined, OrderPaid, OrderAmended, PointsAwarded, reset=nothing_to_count_again)
def count_tiers(event_ids: Sequence[int]) -> None:
    tiers.count_tiers_told_of(event_ids, now=timezone.now())


def nothing_to_tell_again() -> None:
    """Whatever was told is known by its key: reading the log again tells what is missing."""


@follow(own_events.FOLLOWER, reset=nothing_to_tell_again)
def tell_own_events(event_ids: Sequence[int]) -> None:
    own_events.tell_members(event_ids, now=timezone.now())
