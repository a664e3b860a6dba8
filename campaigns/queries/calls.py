"""What was asked of language models, what it took and what it cost."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum

from campaigns.models import ModelCall, Plan
from campaigns.rules.spending import Prices, Used, day_being_written


def prices() -> Prices | None:
    """None where the settings name none."""
    tokens_in, tokens_out = settings.OPENAI_PRICES
    return None if tokens_in is None or tokens_out is None else Prices(tokens_in, tokens_out)


def picture_price() -> Decimal | None:
    """US dollars for one picture; None where the settings name none."""
    return settings.OPENAI_IMAGE_PRICE


def used_by(plan: Plan) -> Used:
    """Calls under way count with what they may take at most."""
    sums = plan.calls.aggregate(
        tokens=Sum(F("tokens_in") + F("tokens_out")), cost=Sum("cost"), pictures=Sum("pictures")
    )
    return Used(sums["tokens"] or 0, sums["cost"] or Decimal(0), sums["pictures"] or 0)


@dataclass(frozen=True)
class Bill:
    """What the calls of a plan took. `cost` in US dollars, None where one of them has none."""

    calls: int
    tokens: int
    pictures: int
    cost: Decimal | None
    seconds: Decimal


def bill_of(plan: Plan) -> Bill:
    made = plan.calls.exclude(status__in=[ModelCall.Status.CAPPED, ModelCall.Status.QUEUED])
    sums = made.aggregate(
        calls=Count("pk"),
        unpriced=Count("pk", filter=Q(cost=None) & ~Q(status=ModelCall.Status.CANCELLED)),
        tokens=Sum(F("tokens_in") + F("tokens_out")),
        pictures=Sum("pictures"),
        cost=Sum("cost"),
        latency=Sum("latency_ms"),
    )
    return Bill(
        calls=sums["calls"],
        tokens=sums["tokens"] or 0,
        pictures=sums["pictures"] or 0,
        cost=None if sums["unpriced"] else sums["cost"] or Decimal(0),
        seconds=Decimal(sums["latency"] or 0) / 1000,
    )


def calls_of(plan: Plan) -> QuerySet[ModelCall]:
    return plan.calls.select_related("asked_by", "step").order_by("pk")


def calls_to_answer() -> QuerySet[ModelCall]:
    """Queued for a worker, the oldest first."""
    return ModelCall.objects.filter(status=ModelCall.Status.QUEUED).order_by("pk")


@dataclass(frozen=True)
class Thinking:
    """How far an answer has come. `day` is the one being written, None before the first."""

    seconds: int
    tokens: int
    attempt: int
    day: date | None


def thinking_of(plan: Plan, *, now: datetime) -> Thinking | None:
    """Of the call that is being answered."""
    call = plan.calls.filter(task=ModelCall.Task.PLAN_WEEK, status=ModelCall.Status.ASKING).last()
    return thinking_about(call, now=now) if call else None


def thinking_about(call: ModelCall, *, now: datetime) -> Thinking:
    day = day_being_written(call.raw)
    return Thinking(
        seconds=max(0, int((now - call.asked_at).total_seconds())),
        tokens=len(call.raw) // 4,
        attempt=call.attempt,
        day=date.fromisoformat(day) if day else None,
    )
