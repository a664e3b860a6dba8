from datetime import datetime

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from tracking import actions, bus, queries
from tracking.actions import counted, old_months, partitions, replays
from tracking.models import Projection

ENOUGH_STEPS = 200
WORTH_ANOTHER_STEP = 1_000  # Fewer events can wait a second for company: a step costs the same for one as for many.


@shared_task(name="tracking.sweep_dispatches")
def sweep_dispatches() -> None:
    """Hand over what is owed: at a nudge, and every few seconds for whatever a lost nudge left behind."""
    for dispatch_id in queries.owed_dispatches(timezone.now()).values_list("pk", flat=True)[:500]:
        actions.run_dispatch(dispatch_id, now=timezone.now())


@shared_task(name="tracking.advance_projections")
def advance_projections() -> None:
    """In turns of a step each: who has a long way to go holds up nobody, and what one tells another reads at once."""
    for _ in range(ENOUGH_STEPS):
        passed = [actions.advance(follower.name, now=timezone.now()) for follower in bus.followers()]
        if max(passed, default=0) < WORTH_ANOTHER_STEP:
            break


@shared_task(name="tracking.rebuild_projection", time_limit=3600)
def rebuild_projection(name: str, asked_at: str) -> None:
    """Once for each time it was asked for, however often this message is delivered."""
    done = Projection.objects.filter(name=name, rebuilt_at__gte=datetime.fromisoformat(asked_at))
    if not done.exists():
        actions.rebuild(name, now=timezone.now())


@shared_task(name="tracking.keep_months")
def keep_months() -> None:
    """Tables for the months to come, and none for those nobody wants to keep."""
    partitions.make_months_ahead(now=timezone.now())
    old_months.drop_old_months(now=timezone.now(), keep_months=settings.TRACKING_RETENTION_MONTHS)


@shared_task(name="tracking.run_replay", time_limit=3600)
def run_replay(replay_id: int) -> None:
    replays.run(replay_id, clock=timezone.now)


@shared_task(name="tracking.sweep_replays", time_limit=3600)
def sweep_replays() -> None:
    """Take up replays whose nudge was lost or whose worker died."""
    for replay_id in replays.waiting(timezone.now()):
        replays.run(replay_id, clock=timezone.now)


@shared_task(name="tracking.count_values", time_limit=3600)
def count_values() -> None:
    """Count the past of declared properties and clear up after others: at a nudge, and for what a dead worker left."""
    counted.work(clock=timezone.now)
