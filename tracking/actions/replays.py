"""After a structure was mended: invalid events are judged once more by what is published now.

The log keeps every event and what was found at the door; a verdict stands beside it, and the read side goes by the
verdict, also after a rebuild. Only events that are invalid are looked at, so doing it again changes nothing, and two
replays at once take turns batch by batch.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet

from config.shared.clock import Clock
from config.shared.errors import DomainError
from config.shared.live import announce
from config.shared.nudge import nudge
from tracking.actions.read_model import enter_verdicts, hold_the_follower
from tracking.models import PartnerSystem, Replay
from tracking.queries import replays as queries
from tracking.queries.tracked import Place, tracked

BATCH = 1_000
LEFT_BEHIND = timedelta(minutes=1)
Status = Replay.Status
Person = Any
logger = logging.getLogger(__name__)


class WrongState(DomainError):
    code = "wrong_state"


class NothingToReplay(DomainError):
    code = "nothing_to_replay"


class _NoLongerOurs(Exception):
    """Somebody cancelled the replay, or another worker has it."""


@transaction.atomic
def start(
    *,
    system: PartnerSystem,
    event_name: str = "",
    error_type: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    by: Person,
    now: datetime,
) -> Replay:
    """Have the invalid events of a system judged anew; empty or None means all of them. Raises NothingToReplay."""
    replay = Replay(
        system=system, event_name=event_name, error_type=error_type, since=since, until=until,
        created_by_id=by and by.pk, created_at=now,
    )  # fmt: skip
    if not queries.waiting_events(replay).exists():
        raise NothingToReplay("No invalid event fits. Change what is to be judged anew.")
    replay.save(force_insert=True)
    nudge("tracking.run_replay", replay_id=replay.pk)
    return replay


@transaction.atomic
def cancel(replay: Replay, *, now: datetime) -> None:
    """Stop before the next batch. Events that were mended by then stay so. Raises WrongState."""
    if not replay.move_to(Status.CANCELLED):
        raise WrongState("This replay is over already.")
    Replay.objects.filter(pk=replay.pk).update(finished_at=now)
    announce(topic(replay))


def topic(replay: Replay) -> str:
    """Where this replay's progress is announced."""
    return f"replay:{replay.public_id}"


def waiting(now: datetime) -> list[int]:
    """Replays that no worker is busy with."""
    return list(_unattended(now).order_by("pk").values_list("pk", flat=True))


def run(replay_id: int, *, clock: Clock) -> bool:
    """Judge batch by batch, each in a transaction of its own. False when it is not wanted, or another worker has it."""
    replay = _claim(replay_id, clock())
    if replay is None:
        return False
    try:
        place: Place | None = None
        while (place := _judge_batch(replay, place, clock())) is not None:
            pass
    except _NoLongerOurs:
        return False
    except (OperationalError, InterfaceError):
        raise  # The database went away: the row stays as it is, and is taken up again.
    except Exception:
        logger.exception("Replay %s failed", replay.pk)
        _finish(replay, Status.FAILED, clock(), error="Something went wrong on our side. What was mended stays.")
    else:
        _finish(replay, Status.DONE, clock())
    return True


def _unattended(now: datetime) -> QuerySet[Replay]:
    wanted = Replay.objects.filter(status__in=[Status.WAITING, Status.RUNNING])
    return wanted.filter(Q(beat_at=None) | Q(beat_at__lt=now - LEFT_BEHIND))


def _claim(replay_id: int, now: datetime) -> Replay | None:
    """The row under a new token, from its beginning: what is mended already is not looked at again."""
    token = uuid.uuid4()
    if (
        not _unattended(now)
        .filter(pk=replay_id)
        .update(status=Status.RUNNING, run_token=token, beat_at=now, started_at=now, seen=0)
    ):
        return None
    replay = Replay.objects.get(pk=replay_id)
    total = queries.waiting_events(replay).count()
    return replay if _ours(replay).update(total=total) else None


def _ours(replay: Replay) -> QuerySet[Replay]:
    return Replay.objects.filter(pk=replay.pk, status=Status.RUNNING, run_token=replay.run_token)


@transaction.atomic
def _judge_batch(replay: Replay, before: Place | None, now: datetime) -> Place | None:
    """The place behind the batch, or None when there was nothing left."""
    hold_the_follower()
    events = list(tracked(queries.wanted_by(replay), before=before)[:BATCH])
    if not events:
        return None
    verdicts = queries.verdicts_on(events, queries.structures_of(replay.system_id))
    mended = enter_verdicts([verdict.as_json() for verdict in verdicts], replay_id=replay.pk, now=now)
    replay.seen, replay.mended = replay.seen + len(events), replay.mended + mended
    if not _ours(replay).update(seen=replay.seen, mended=replay.mended, beat_at=now):
        raise _NoLongerOurs
    announce(topic(replay))
    return Place.of(events[-1])


@transaction.atomic
def _finish(replay: Replay, status: Status, now: datetime, *, error: str = "") -> None:
    if _ours(replay).update(status=status, finished_at=now, error=error, run_token=None):
        announce(topic(replay))
