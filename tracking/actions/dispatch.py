import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from config.shared.masking import masked
from tracking import bus
from tracking.models import Dispatch

LONGEST_WAIT = timedelta(hours=6)
logger = logging.getLogger(__name__)


def run_dispatch(dispatch_id: int, *, now: datetime) -> bool:
    """Give one event to one handler. Its writes and `done_at` commit together, so it happens once.

    False when somebody else has it or had it. A handler that fails is asked again later, ever more seldom, and
    holds up no other.
    """
    try:
        with transaction.atomic():
            return _hand_over(dispatch_id, now)
    except Exception as error:
        logger.exception("Dispatch %s failed", dispatch_id)
        _postpone(dispatch_id, error, now)
        return False


def _hand_over(dispatch_id: int, now: datetime) -> bool:
    owed = Dispatch.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=dispatch_id, done_at=None)
    dispatch = owed.select_related("event").first()
    if dispatch is None:
        return False
    subscription = bus.subscription(dispatch.handler)
    subscription.handler(subscription.event(subject=dispatch.event.subject, **dispatch.event.properties))
    Dispatch.objects.filter(pk=dispatch_id).update(done_at=now, last_error="")
    return True


def _postpone(dispatch_id: int, error: Exception, now: datetime) -> None:
    attempts = Dispatch.objects.get(pk=dispatch_id).attempts + 1
    wait = min(timedelta(seconds=15 * 2 ** min(attempts, 12)), LONGEST_WAIT)
    Dispatch.objects.filter(pk=dispatch_id).update(
        attempts=F("attempts") + 1, last_error=masked(repr(error))[:500], due_at=now + wait
    )
