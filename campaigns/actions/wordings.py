"""Other wordings of a step under review, as people write them: changes like any other, to undo and to make again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.actions.experiments import CannotTry
from campaigns.actions.review import change_step, under_review
from campaigns.models import Experiment, PlanChange, PlanStep, Template
from loyalty.models import User


@dataclass(frozen=True)
class Words:
    """One variant as somebody wrote it. What is empty is as in A; `translations` hold subject and body by language."""

    weight: int
    subject: str
    body: str
    template: Template | None
    translations: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(replace(self, template=None)) | {"template": self.template.pk if self.template else None}


def save_experiment(
    *,
    step: PlanStep,
    measure: str,
    decides: str,
    hours: int,
    test_percent: int,
    own_weight: int,
    variants: Sequence[Words],
    by: User,
    now: datetime,
    seen: int | None = None,
) -> Experiment:
    """Try `variants` beside the step's own words. Raises CannotTry, ChangedMeanwhile.

    Under review only: from the approval on it is drawn who gets which words.
    """
    wanted = {
        "measure": measure, "decides": decides, "hours": hours, "test_percent": test_percent, "own_weight": own_weight,
        "variants": [words.as_json() for words in variants],
    }  # fmt: skip
    _change(step, wanted, by=by, now=now, seen=seen)
    return Experiment.objects.get(step=step)


def drop_experiment(*, step: PlanStep, by: User, now: datetime, seen: int | None = None) -> None:
    """Everybody gets the step's own words. Raises ChangedMeanwhile, and CannotTry once the plan is approved."""
    _change(step, None, by=by, now=now, seen=seen)


@transaction.atomic
def _change(step: PlanStep, wanted: dict[str, Any] | None, *, by: User, now: datetime, seen: int | None = None) -> None:
    under_review(step.plan_id, refusal=CannotTry)
    change_step(step=step, wanted={"experiment": wanted}, kind=PlanChange.Kind.EDITED, by=by, now=now, seen=seen)
