from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.dateformat import time_format
from django.utils.timezone import localdate

from campaigns.models import Plan, PlanStep
from campaigns.rules import wording
from campaigns.rules.reasons import headline


def plans_to_make(now: datetime) -> QuerySet[Plan]:
    """Queued ones, and those whose worker's lease has lapsed."""
    abandoned = Q(status__in=Plan.WORKING, claimed_until__lt=now)
    return Plan.objects.filter(Q(status=Plan.Status.QUEUED) | abandoned).order_by("requested_at")


@dataclass(frozen=True)
class StepView:
    """One step with the line that says what it rests on."""

    step: PlanStep
    headline: str

    @property
    def subject(self) -> str:
        """With example words filled in, as a reader would see it."""
        try:
            return wording.fill(self.step.subject, wording.preview_values())
        except wording.WordingFault:
            return self.step.subject

    @property
    def cost(self) -> Decimal:
        return Decimal(self.step.evidence["most_it_can_cost"])


@dataclass(frozen=True)
class Day:
    date: date
    steps: list[StepView]

    @property
    def actions(self) -> list[dict[str, Any]]:
        """As components/day.html wants them."""
        return [
            {
                "title": view.step.get_group_display(),
                "detail": f"{time_format(view.step.send_at, 'g:i a')} · {view.step.offer or 'No offer'}",
                "url": reverse("campaigns:step", args=[view.step.public_id]),
                "icon": "mail" if view.step.channel == "email" else "message",
                "tone": "accent" if view.step.offer else "neutral",
                "size": view.step.evidence["reached"],
            }
            for view in self.steps
            if view.step.removed_at is None
        ]

    @property
    def count_text(self) -> str:
        reached = sum(action["size"] for action in self.actions)
        return f"{reached:,}" if reached else ""

    @property
    def is_today(self) -> bool:
        return self.date == localdate()


def week_of(plan: Plan) -> list[Day]:
    """The plan's days in order, those without a step too."""
    steps: dict[str, list[StepView]] = {day: [] for day in plan.facts.get("days", [])}
    for step in plan.steps.select_related("playbook", "offer", "edited_by").order_by("day", "send_at", "position"):
        view = StepView(step, headline(step.get_group_display(), step.evidence))
        steps.setdefault(step.day.isoformat(), []).append(view)
    return [Day(date.fromisoformat(day), views) for day, views in sorted(steps.items())]


def totals_of(days: Sequence[Day]) -> dict[str, Any]:
    live = [view.step for day in days for view in day.steps if view.step.removed_at is None]
    return {"steps": len(live), "messages": sum(step.evidence["reached"] for step in live)}
