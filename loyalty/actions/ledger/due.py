"""Points whose day has come: those that waited can be used, those that were not used in time expire."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from loyalty.actions.ledger import statements
from loyalty.actions.ledger.changes import lock_accounts
from loyalty.events import PointsExpired
from loyalty.models import Order, PointsLot, Programme
from loyalty.queries.terms import terms
from tracking.actions import record_all
from tracking.actions.record import Occurrence

MEMBERS_A_STEP = 500


def release_pending(*, now: datetime) -> int:
    """Make points usable whose day has come; how many lots. Each step is whole, and can be cut short and repeated."""
    return _step_by_step(
        statements.MEMBERS_TO_RELEASE, {"now": now}, lambda ids: _release(ids, "lot.pending_until <= %(now)s", now)
    )


def release_for_orders(order_ids: Sequence[int], *, event: str, now: datetime) -> int:
    """Make the points of these orders usable that waited for this event."""
    where = "lot.pending_event = %(event)s AND lot.order_id = ANY(%(orders)s)"
    # Also whose order it is: their points may be entered this moment, behind the lock that is waited for here.
    buyers = Order.objects.filter(pk__in=order_ids, member__isnull=False).values_list("member_id", flat=True)
    holders = PointsLot.objects.filter(order__in=order_ids, is_waiting=True).values_list("member_id", flat=True)
    return _release(sorted({*buyers, *holders}), where, now, event=event, orders=list(order_ids))


def release_for_members(member_ids: Sequence[int], *, event: str, now: datetime) -> int:
    """Make all points of these members usable that waited for this event."""
    return _release(member_ids, "lot.pending_event = %(event)s", now, event=event)


def expire(*, now: datetime) -> int:
    """Take what was not used in time; how many lots. Each step is whole, and can be cut short and repeated."""
    programme = terms()
    parameters = {"now": now, "still": _inactive_since(programme, now)}
    return _step_by_step(statements.MEMBERS_TO_EXPIRE, parameters, lambda ids: _expire(ids, parameters))


def _inactive_since(programme: Programme, now: datetime) -> datetime:
    return now - timedelta(days=programme.expiry_days)


def _step_by_step(members: str, parameters: dict[str, Any], step: Callable[[Sequence[int]], int]) -> int:
    done, last = 0, 0
    while ids := [row[0] for row in statements.rows(members, parameters | {"last": last, "limit": MEMBERS_A_STEP})]:
        with transaction.atomic():
            done += step(ids)
        last = ids[-1]
    return done


def _release(member_ids: Sequence[int], where: str, now: datetime, **parameters: Any) -> int:
    lock_accounts(member_ids)
    return len(
        statements.rows(statements.RELEASE.format(where=where), {"members": list(member_ids), "now": now, **parameters})
    )


def _expire(member_ids: Sequence[int], parameters: dict[str, Any]) -> int:
    lock_accounts(member_ids)
    expired = statements.rows(statements.EXPIRE, parameters | {"members": list(member_ids)})
    record_all(
        [
            Occurrence(PointsExpired(subject=subject, points=points), reference, parameters["now"])
            for subject, points, reference in expired
        ]
    )
    return len(expired)
