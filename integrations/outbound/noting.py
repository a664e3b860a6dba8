"""What came of an attempt is noted: on the delivery, as an attempt, and on the health of the destination."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, PositiveSmallIntegerField, Q, When
from django.db.models.functions import Coalesce
from django.urls import reverse

from config.shared.masking import masked
from config.shared.trail import note_change
from integrations.alerts.telling import tell_staff
from integrations.models import DeliveryAttempt, Destination, OutboundDelivery
from integrations.outbound.base import Answer, Verdict
from integrations.outbound.parcels import Parcel

Status = OutboundDelivery.Status

# At once, and then after each of these; what fails the eighth time has failed.
WAITS = [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)]
WAITS += [timedelta(hours=2), timedelta(hours=5), timedelta(hours=10), timedelta(hours=10)]
GIVEN_UP_AFTER = timedelta(days=5)  # of nothing but failures, on as many days
SHORTEST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=1)  # for whoever fails again
SLOW = timedelta(seconds=5)  # who fails after so long gets a pause of twice as long
LONGEST_ANSWER = 1_024
NOTED_EVERY = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of telling one event. Without an answer nobody said anything."""

    verdict: Verdict
    answer: Answer | None = None
    took: timedelta = timedelta()


@transaction.atomic
def note(parcel: Parcel, outcomes: Sequence[Outcome], now: datetime) -> int:
    """How many were told. A late answer to somebody whose lease has lapsed still counts when it is a yes."""
    outcomes = _fit_to_keep(outcomes, knows_people=parcel.destination.tells_people)
    there = OutboundDelivery.objects.select_for_update().filter(pk__in=[row.pk for row in parcel.deliveries])
    kept = set(there.order_by("pk").values_list("pk", flat=True))  # without what somebody deleted meanwhile
    told_of = parcel.deliveries[: len(outcomes)]
    pairs = [pair for pair in zip(told_of, outcomes, strict=True) if pair[0].pk in kept]
    _put_back(parcel.deliveries[len(outcomes) :])
    DeliveryAttempt.objects.bulk_create(_attempt(row, outcome, now) for row, outcome in pairs)
    for row, outcome in pairs:
        if outcome.verdict.error:
            ours = OutboundDelivery.objects.filter(pk=row.pk, status=Status.WAITING, attempts=row.attempts)
            ours.update(claimed_until=None, **_consequence(row, outcome, now))
    _note_health(parcel.destination, [outcome for _, outcome in pairs], now)
    return _note_told(pairs, now)


def _note_told(pairs: Sequence[tuple[OutboundDelivery, Outcome]], now: datetime) -> int:
    by_status: dict[int, list[int]] = {}
    for row, outcome in pairs:
        if outcome.answer and not outcome.verdict.error:
            by_status.setdefault(outcome.answer.status, []).append(row.pk)
    return sum(
        OutboundDelivery.objects.filter(pk__in=numbers)
        .exclude(status=Status.DELIVERED)
        .update(status=Status.DELIVERED, settled_at=now, claimed_until=None, last_status=status, error="")
        for status, numbers in by_status.items()
    )


def _put_back(rows: Sequence[OutboundDelivery]) -> None:
    """It was not their turn yet, so nothing was tried. Unless the lease has lapsed and somebody else has them."""
    if rows:
        lease = rows[0].claimed_until
        ours = OutboundDelivery.objects.filter(pk__in=[row.pk for row in rows], claimed_until=lease)
        ours.filter(status=Status.WAITING).update(claimed_until=None, attempts=F("attempts") - 1)


def _attempt(row: OutboundDelivery, outcome: Outcome, now: datetime) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery=row,
        number=row.attempts,
        at=now,
        duration_ms=int(outcome.took.total_seconds() * 1_000),
        status=outcome.answer.status if outcome.answer else None,
        answer=outcome.answer.body.decode()[:LONGEST_ANSWER] if outcome.answer else "",
        error=outcome.verdict.error[:300],
    )


def _fit_to_keep(outcomes: Sequence[Outcome], *, knows_people: bool) -> list[Outcome]:
    """What others say may repeat what they were told, in any spelling: of whoever is told of people nothing is kept.

    Else it is kept without addresses. Only the beginning is looked at.
    """
    return [
        replace(
            each,
            verdict=replace(each.verdict, error=_clean(_words(each.verdict, knows_people=knows_people))),
            answer=each.answer and replace(each.answer, body=b"" if knows_people else _cleaned(each.answer.body)),
        )
        for each in outcomes
    ]


def _words(verdict: Verdict, *, knows_people: bool) -> str:
    return verdict.error if knows_people or not verdict.said else f"{verdict.error} {verdict.said}"


def _cleaned(body: bytes) -> bytes:
    return _clean(body.decode("utf-8", "replace")).encode()


def _clean(text: str) -> str:
    """As PostgreSQL keeps it: half a surrogate, which JSON can say, is no text, and NUL is none either."""
    return masked(text[: LONGEST_ANSWER + 256].encode("utf-8", "replace").decode()).replace("\x00", "")


def _consequence(row: OutboundDelivery, outcome: Outcome, now: datetime) -> dict[str, object]:
    verdict, tried = outcome.verdict, row.attempts - row.attempts_before
    said = {"last_status": outcome.answer.status if outcome.answer else None, "error": verdict.error[:300]}
    if verdict.is_final or tried > len(WAITS):
        return {**said, "status": Status.FAILED, "settled_at": now}
    return {**said, "due_at": now + max(WAITS[tried - 1], verdict.retry_after or timedelta())}


def _note_health(destination: Destination, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Since when the destination fails, whether it rests, and whether it has to be given up."""
    row = Destination.objects.filter(pk=destination.pk)
    if any(not outcome.verdict.error for outcome in outcomes):
        fresh = Q(delivered_at__gte=now - NOTED_EVERY, failing_since=None)
        row.exclude(fresh).update(delivered_at=now, failing_since=None, last_error="")
    # That one event is refused for good says nothing of the next.
    failures = [each for each in outcomes if each.verdict.error and (each.verdict.ends or not each.verdict.is_final)]
    if not failures:
        return
    said, failed_before = failures[0].verdict.error[:300], row.values_list("failing_since", flat=True).first()
    row.update(last_error=said, failing_since=Coalesce("failing_since", now), failing_days=_days(now), failed_at=now)
    if pause := max(_rest(failed_before, now), *map(_pause, failures)):
        row.update(rests_until=now + pause)
    if any(outcome.verdict.ends for outcome in failures):
        _give_up(destination, said, now)
    elif row.filter(failing_since__lte=now - GIVEN_UP_AFTER, failing_days__gte=GIVEN_UP_AFTER.days).exists():
        _give_up(destination, f"It took nothing for {GIVEN_UP_AFTER.days} days. {said}", now)


def _days(now: datetime) -> Case:
    """One more on the first failure of a day (UTC): five days with a failure at either end are not five bad days."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    is_first = Q(failed_at=None) | Q(failed_at__lt=today)
    so_far = F("failing_days")
    return Case(
        When(failing_since=None, then=1),
        When(is_first, then=so_far + 1),
        default=so_far,
        output_field=PositiveSmallIntegerField(),
    )


def _rest(failing_since: datetime | None, now: datetime) -> timedelta:
    """None after a single failure; then a tenth of the time it has been failing."""
    if failing_since is None:
        return timedelta()
    return min(max((now - failing_since) / 10, SHORTEST_REST), LONGEST_REST)


def _pause(outcome: Outcome) -> timedelta:
    """What it asks for; and after a long silence it is left alone for twice as long."""
    return max(outcome.verdict.retry_after or timedelta(), 2 * outcome.took if outcome.took > SLOW else timedelta())


def _give_up(destination: Destination, why: str, now: datetime) -> None:
    """Switch it off, and say so to whoever watches over this copy. What waits for it goes on waiting."""
    enabled = Destination.objects.filter(pk=destination.pk, is_enabled=True)
    if not enabled.update(is_enabled=False, disabled_because=why[:300], rests_until=None):
        return
    note_change(destination, is_enabled=(True, False), disabled_because=("", why[:300]))
    tell_staff(
        key=f"outbound {destination.public_id} {now.isoformat()}",
        severity="error",
        title=f"{destination.name} is told nothing any more",
        text=f"{why} It was switched off; what happens from now on is not told. Mend it, and switch it on again.",
        link=settings.PUBLIC_URL + reverse("integrations:outbound-destination", args=[destination.public_id]),
        now=now,
    )
